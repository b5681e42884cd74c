"""A corpus under an address. The store is a folder, reached as one."""

import gzip
import os
from pathlib import Path

import pytest

from data.errors import InputError
from tune.inputs import read_settings_corpus
from tune.remote_file import RemoteFile, here
from tune.settings import Settings
from tune.settings_file import read_settings

ROWS = "text,label\n" + "".join(f"{word} {number},{word}\n" for number in range(20) for word in ("cat", "dog"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store" / "some texts"
    folder.mkdir(parents=True)
    return folder


def address(path: Path) -> str:
    return path.as_uri()


def copies(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "more rows.csv"])
def test_a_corpus_under_an_address_is_what_the_file_holds(store: Path, name: str) -> None:
    file = store / name
    file.write_bytes(gzip.compress(ROWS.encode()) if name.endswith(".gz") else ROWS.encode())
    there, local = (read_settings_corpus(Settings(data=data)) for data in (address(file), file))
    assert there.texts == local.texts
    assert there.fingerprint() == local.fingerprint()
    with here(RemoteFile(address(file))) as copy:
        assert copy.read_bytes() == file.read_bytes()


def test_what_has_not_changed_is_fetched_once_and_what_has_anew(store: Path, own_cache: Path) -> None:
    file = store / "rows.csv"
    file.write_text(ROWS)
    remote = RemoteFile(address(file))
    first = remote.fetch()
    before = first.stat().st_ino
    assert remote.fetch().stat().st_ino == before
    file.write_text(ROWS + "cow 1,cow\n")
    assert remote.fetch().read_text().endswith("cow 1,cow\n")
    assert len(copies(own_cache)) == 1


def test_what_killed_downloads_have_left_is_removed_but_not_what_another_process_fetches(store: Path, own_cache: Path) -> None:
    file = store / "rows.csv"
    file.write_text(ROWS)
    copy = RemoteFile(address(file)).fetch()
    left, under_way = copy.with_name(".1"), copy.with_name(".2")
    left.touch()
    os.utime(left, (0, 0))
    under_way.touch()
    file.write_text(ROWS + "cow 1,cow\n")
    newer = RemoteFile(address(file)).fetch()
    assert set(copies(own_cache)) == {newer, under_way}
    os.utime(under_way, (0, 0))
    assert RemoteFile(address(file)).fetch() == newer
    assert copies(own_cache) == [newer]
    assert not copy.parent.exists()


def test_errors_name_the_address(store: Path, own_cache: Path) -> None:
    missing = address(store / "none.csv")
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        read_settings_corpus(Settings(data=missing))
    bad = store / "bad.csv"
    bad.write_text("text,label\na,b,c\n")
    with pytest.raises(InputError, match="row 1") as told:
        read_settings_corpus(Settings(data=address(bad)))
    assert address(bad) in str(told.value)
    assert str(own_cache) not in str(told.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ftp://host/rows.csv", "neither a folder nor an address"),
        ("s3:///rows.csv", "names no bucket"),
        ("s3://bucket/folder/", "names no file"),
        ("s3://key:word@bucket/rows.csv", "no address holds a secret"),
    ],
)
def test_addresses_of_no_file_are_refused(value: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_settings(None, {"data": value})


def test_settings_keep_the_address(tmp_path: Path, store: Path) -> None:
    settings = Settings(data=address(store / "rows.csv"))
    assert settings.with_absolute_paths().data == settings.data
    (tmp_path / "settings.yaml").write_text(settings.to_yaml())
    assert read_settings(tmp_path / "settings.yaml", {}).data == settings.data
