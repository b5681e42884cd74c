"""A disk that takes nothing more ends a search with one line; resumed, it comes to its end, and no trial is lost."""

import errno
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from disturbances.lives import small_disk as small_file_system

from tune.errors import SearchFailedError
from tune.folder import SearchFolder
from tune.outage import disk_error, outages_told

ROWS = "text,label\n" + "".join(f"{word} number {number},{word}\n" for number in range(60) for word in ("cat", "dog"))
TINY = "space: {lstm_size: 4, embedding_size: 8, batch_size: 16, lstm_layers: 1, wide: false}\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    with small_file_system(tmp_path, 24) as disk:
        if disk is None:
            pytest.skip("NOT TESTED: a full disk; only root can mount a small file system")
        yield disk


def topknot(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tune", *arguments]


def test_a_full_disk_ends_a_search_in_a_line_and_resume_finishes_it(tmp_path: Path, small_disk: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "tiny.yaml").write_text(TINY)
    told = tmp_path / "told"
    run = topknot("search", "--config", "tiny.yaml", "--data", str(tmp_path / "rows.csv"), "--name", "one")
    with told.open("w") as stderr:
        search = subprocess.Popen(
            [*run, "--storage", str(small_disk), "--trials", "12", "--max-epochs", "2", "--workers", "1"],
            cwd=tmp_path,
            stderr=stderr,
            stdout=subprocess.DEVNULL,
        )
        try:
            while not list((small_disk / "one" / "weights").glob("*.npz")):
                assert search.poll() is None, told.read_text()
                time.sleep(0.2)
            with (small_disk / "fill").open("wb", buffering=0) as fill, suppress(OSError):
                while True:
                    fill.write(bytes(4096))
            assert search.wait(120) == 1
        finally:
            if search.poll() is None:
                search.send_signal(signal.SIGTERM)
                search.wait(60)
    last = told.read_text().splitlines()[-1]
    assert last.startswith("topknot: ")
    assert os.strerror(errno.ENOSPC) in last
    assert "Traceback" not in told.read_text()
    assert re.search(r"go on with: .*resume one --storage", last)
    (small_disk / "fill").unlink()
    folder = SearchFolder(small_disk / "one")
    before = {trial.number: trial for trial in folder.trials() if trial.state != "running"}
    resumed = subprocess.run(
        topknot("resume", "one", "--storage", str(small_disk)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    after = {trial.number: trial for trial in folder.trials()}
    assert not [trial for trial in after.values() if trial.state == "failed"]
    assert {number: after[number] for number in before} == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_the_disks_error_is_found_behind_others(tmp_path: Path, number: int) -> None:
    def fail() -> None:
        try:
            raise OSError(number, os.strerror(number), "somewhere")
        except OSError as error:
            raise RuntimeError("Tune has something to say") from error

    with pytest.raises(SearchFailedError, match=os.strerror(number)), outages_told(SearchFolder(tmp_path / "one")):
        fail()


def test_a_database_that_cannot_be_written_is_a_disks_failure(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "study.db")
    database.execute("CREATE TABLE trials (number INTEGER, text TEXT)")
    database.execute("PRAGMA max_page_count = 4")
    with pytest.raises(SearchFailedError, match="The study: database or disk is full"), outages_told(SearchFolder(tmp_path)):
        database.executemany("INSERT INTO trials VALUES (1, ?)", [("x" * 4096,)] * 100)


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), outages_told(SearchFolder(tmp_path)):
        raise PermissionError(errno.EACCES, "no")


def test_what_another_process_says_of_a_disk_is_read() -> None:
    told = disk_error("OSError: [Errno 28] No space left on device: '/shared/one/weights/00001.npz'")
    assert told is not None
    assert told.errno == errno.ENOSPC
    away = disk_error("OSError: [Errno 5] s3://models/runs/one/weights: AWS Error NETWORK_CONNECTION")
    assert away is not None
    message = r"s3://models/runs/one/weights: AWS Error.*Look at the bucket's name"
    with pytest.raises(SearchFailedError, match=message), outages_told(SearchFolder(Path("/no/such"))):
        raise away
    assert disk_error("PermissionError: [Errno 13] Permission denied") is None
    assert disk_error("ValueError: k must be positive") is None
