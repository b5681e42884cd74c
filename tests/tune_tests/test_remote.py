"""A search that stands under an address: what is sent, fetched, and who may write it. The store is a folder, reached as one."""

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tune.bucket
import tune.lease
import tune.mirror
import tune.sender
import tune.storage
from data.errors import InputError
from tune.bucket import Bucket, check_bucket
from tune.cli import run
from tune.errors import SearchFailedError
from tune.folder import SearchFolder
from tune.lease import LEASE, Lease, LeaseLostError, Pulse, read_lease, renew_lease, take_lease
from tune.lock import locked
from tune.mirror import driven, fetch
from tune.place import Folder, Place
from tune.storage import RemoteStorage, parse_storage, readable
from tune.trial_files import TrialFiles

WORDS = "text,label\n" + "".join(
    f"{word} number {number},{label}\n"
    for number in range(30)
    for label, words in (("animal", ("cat", "dog")), ("colour", ("red", "blue")))
    for word in words
)
TINY = "{lstm_size: 4, embedding_size: 8, batch_size: 16, lstm_layers: 1, wide: false}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune.lease, "SETTLE_SECONDS", 0.01)
    monkeypatch.setattr(tune.lease, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tune.lease, "LOST_SECONDS", 0.3)
    monkeypatch.setattr(tune.lease, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(tune.sender, "SEND_SECONDS", 0.02)
    monkeypatch.setattr(tune.bucket, "FIRST_WAIT", 0.01)


def bucket(folder: Path) -> Bucket:
    return Bucket(f"file://{folder}/store/one", patience=1.0)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_files_are_read_as_they_were_written(tmp_path: Path, kind: str) -> None:
    place: Place = Folder(tmp_path) if kind == "folder" else bucket(tmp_path)
    with pytest.raises(FileNotFoundError):
        place.read("one")
    assert place.stamp("one") is None
    place.write("one", b"1")
    before = place.stamp("one")
    place.write("one", b"two")
    assert place.read("one") == b"two"
    assert place.stamp("one") != before
    place.write("2", b"")
    assert sorted(place.names()) == ["2", "one"]
    for _ in range(2):
        place.remove("one")
    assert place.names() == ["2"]


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_of_what_several_write_at_once_one_is_there_whole(tmp_path: Path, kind: str) -> None:
    place: Place = Folder(tmp_path) if kind == "folder" else bucket(tmp_path)
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            list(pool.map(lambda content: place.write("one", content), contents))
            assert place.read("one") in contents
    assert place.names() == ["one"]


def test_weights_and_snapshots_stand_in_a_bucket_as_in_a_folder(tmp_path: Path) -> None:
    files = TrialFiles(bucket(tmp_path).inside("weights"))
    assert files.trials() == set()
    for trial in (3, 12):
        assert files.writer(trial).write({"0": np.full(5, trial)})
    assert files.trials() == {3, 12}
    np.testing.assert_array_equal(files.read(12)["0"], np.full(5, 12))
    files.keep_only({12})
    assert 3 not in files
    assert files.size(12) > 0


def test_what_fails_for_a_while_is_tried_again_and_what_fails_for_good_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, left = tune.bucket._open, [3]

    def failing(address: str) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("SlowDown: reduce your request rate")
        return there(address)

    monkeypatch.setattr(tune.bucket, "_open", failing)
    bucket(tmp_path).write("one", b"1")
    assert left == [-1]
    left[0] = 10**9
    with pytest.raises(OSError, match="store/one: SlowDown"):
        Bucket(bucket(tmp_path).address, patience=0.05).read("one")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ftp://host/runs", "begins with"),
        ("s3:///runs", "names no bucket"),
        ("s3://key:secret@bucket/runs", "no address holds a secret"),
        ("s3://bucket/runs?secret_key=x", "no address holds a secret"),
        ("s3://bucket/runs?bogus=1", "bogus"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_bucket(address)


def test_only_what_has_changed_is_fetched_and_what_is_gone_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, copy = bucket(tmp_path), tmp_path / "copy"
    for name in ("settings.yaml", "result.json", "classifiers/00001/a.json", "weights/00001.npz", "search.log", "ray/x.json"):
        there.write(name, name.encode())
    fetch(there, copy)
    fetched = {"settings.yaml", "result.json", "classifiers/00001/a.json"}
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("[!.]*") if path.is_file()} == fetched
    read: list[str] = []
    before = Bucket.read
    monkeypatch.setattr(Bucket, "read", lambda self, name: [read.append(name), before(self, name)][1])
    fetch(there, copy)
    assert not read
    there.write("result.json", b"changed")
    there.remove("classifiers/00001/a.json")
    (copy / "settings.yaml").unlink()
    (copy / "report.html").touch()
    fetch(there, copy)
    assert sorted(read) == ["result.json", "settings.yaml"]
    assert {path.name for path in copy.rglob("[!.]*") if path.is_file()} == {"settings.yaml", "result.json", "report.html"}


@given(st.text(alphabet="./a~\\", min_size=1, max_size=12))
def test_no_name_in_a_bucket_leads_out_of_the_copy(name: str) -> None:
    if tune.mirror._is_plain(name):
        root = Path("/copies/one")
        assert Path(os.path.normpath(root / name)).is_relative_to(root)


def test_a_search_is_run_by_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = bucket(tmp_path)
    mine = take_lease(there, "one")
    clock, beating = [0.0], [True]

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        if beating[0]:
            renew_lease(there, mine)
            away = {"host": "elsewhere", "beats": int(1000 * clock[0])}
            there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), **away}).encode())

    monkeypatch.setattr(tune.lease, "time", SimpleNamespace(time=time.time, monotonic=lambda: clock[0], sleep=sleep))
    there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), "host": "elsewhere"}).encode())
    with pytest.raises(InputError, match="running already"):
        take_lease(there, "one")
    beating[0] = False
    there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), "host": "elsewhere"}).encode())
    theirs = take_lease(there, "one")  # it has not been renewed for a while
    with pytest.raises(LeaseLostError):
        renew_lease(there, mine)
    renew_lease(there, theirs, ended=True)
    assert read_lease(there).is_dead()  # type: ignore[union-attr]
    take_lease(there, "one")
    there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), "process": 2**22 + 1}).encode())
    take_lease(there, "one")  # its process is gone from this machine
    gone = replace(read_lease(there), process=2**22 + 1)  # type: ignore[type-var]
    assert gone.is_dead()
    assert not replace(gone, boot="another").is_dead(), "of a machine or container that has the same name"


def test_whether_a_search_is_run_elsewhere_is_told_by_its_beats_not_by_clocks() -> None:
    clock = [100.0]

    def lease(beats: int, skew: float, *, ended: bool = False) -> Lease:
        return Lease("mine", "elsewhere", 7, beats, time.time() + skew, ended)

    for skew in (-300.0, 0.0, 300.0):
        pulse = Pulse(lambda: clock[0])
        assert not pulse.beats(None)
        assert pulse.beats(lease(1, skew))
        clock[0] += tune.lease.LOST_SECONDS * 0.9
        assert pulse.beats(lease(2, skew + 1))
        last = lease(2, skew + 1)
        assert pulse.beats(last)
        clock[0] += tune.lease.LOST_SECONDS * 1.1
        assert not pulse.beats(last), "dead, whatever its clock said"
        assert pulse.beats(lease(3, skew))
        assert not pulse.beats(lease(4, skew, ended=True))
    assert not Pulse().beats(lease(1, -1000.0)), "of yesterday"


def test_of_two_that_take_a_search_at_the_same_instant_one_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune.lease, "SETTLE_SECONDS", 1.0)
    there, results = bucket(tmp_path), list[Lease | InputError]()
    start = threading.Barrier(2)

    def take() -> None:
        start.wait()
        try:
            results.append(take_lease(there, "one"))
        except InputError as error:
            results.append(error)

    both = [threading.Thread(target=take) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    owners = [result.owner for result in results if isinstance(result, Lease)]
    assert owners == [read_lease(there).owner]  # type: ignore[union-attr]


def test_a_cache_that_is_full_is_not_blamed_on_the_bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    full, away = OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "AWS Error")
    shut = PermissionError(errno.EACCES, "Permission denied", f"{tmp_path}/topknot/copies")
    for error, advice in ((full, "Make room there, or in"), (shut, f"Look at {tmp_path}"), (away, "Look at the bucket")):
        with pytest.raises(InputError, match=advice), readable(RemoteStorage("s3://models/runs")):
            raise error


def test_what_a_driver_writes_is_sent_and_what_it_removes_is_removed(tmp_path: Path) -> None:
    there, path = bucket(tmp_path), tmp_path / "work"
    with driven(there, path, "one", print):
        (path / "classifiers/00001").mkdir(parents=True)
        (path / "classifiers/00001/a.json").write_text("{}")
        for name in ("settings.yaml", ".result.json.tmp", "study.journal.lock"):
            (path / name).write_text(name)
        (path / "study.journal").write_bytes(b"whole\nhal")
        (path / "ray").mkdir()
        (path / "ray/state.json").touch()
        while there.stamp("settings.yaml") is None:
            time.sleep(0.01)
        (path / "classifiers/00001/a.json").unlink()
        (path / "result.json").write_text("{}")
    assert set(there.stamps("classifiers")) == set()
    assert set(there.names()) == {LEASE, "settings.yaml", "study.journal", "result.json"}
    assert there.read("study.journal") == b"whole\n"
    (path / "result.json").write_text("[unsent]")
    with driven(there, path, "one", print):
        assert (path / "result.json").read_text() == "[unsent]", "this machine was the last to run it: it knows best"
    assert there.read("result.json") == b"[unsent]"
    with driven(there, tmp_path / "other", "one", print):
        (tmp_path / "other/result.json").write_text("newer")
    (path / "result.json").write_text("old")
    with driven(there, path, "one", print):
        assert (path / "result.json").read_text() == "newer", "another machine has run it since"


def test_what_was_not_sent_outlives_a_resume_that_came_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, path = bucket(tmp_path), tmp_path / "work"
    with driven(there, path, "one", print):
        (path / "settings.yaml").touch()
    (path / "result.json").write_text("[unsent]")
    with monkeypatch.context() as away:
        away.setattr(tune.lease, "SETTLE_SECONDS", None)  # Ctrl-C, when the lease has been written
        with pytest.raises(TypeError), driven(there, path, "one", print):
            raise AssertionError
    there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), "process": 2**22 + 1}).encode())
    with driven(there, path, "one", print):
        assert (path / "result.json").read_text() == "[unsent]"
    with driven(there, tmp_path / "other", "one", print):
        (tmp_path / "other/result.json").write_text("newer")
    with monkeypatch.context() as away:
        away.setattr(tune.lease, "SETTLE_SECONDS", None)
        with pytest.raises(TypeError), driven(there, path, "one", print):
            raise AssertionError
    there.write(LEASE, json.dumps({**json.loads(there.read(LEASE)), "process": 2**22 + 1}).encode())
    with driven(there, path, "one", print):
        assert (path / "result.json").read_text() == "newer", "another machine has run it since"


def test_a_search_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    there = bucket(tmp_path)
    with driven(there, tmp_path / "work", "one", print):
        pass
    assert there.names() == []


def test_a_search_that_was_killed_before_it_was_sent_is_not_begun_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    storage = RemoteStorage(f"file://{tmp_path}/store")
    there, path = bucket(tmp_path), storage.workshop("one")
    with driven(there, path, "one", print):
        (path / "settings.yaml").write_text("name: one\n")
    there.remove("settings.yaml")  # as if it had been killed before it came to that
    with redirect_stderr(io.StringIO()) as told:
        assert run(["search", "--storage", str(storage), "--name", "one"]) == 2
    assert "There is a search 'one'" in told.getvalue()
    assert "resume one" in told.getvalue()
    assert there.read("settings.yaml") == b"name: one\n", "it is sent now, and can be resumed"


def test_an_address_that_takes_nothing_is_refused_in_a_line_and_nobody_is_left_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tune.storage, "HASTE", 0.1)
    (tmp_path / "store").write_text("no folder")
    storage = RemoteStorage(f"file://{tmp_path}/store")
    folder = SearchFolder(storage.copy("one"), storage)
    with pytest.raises(InputError, match=r"The storage file://\S+ cannot be used: "), locked(folder, print):
        raise AssertionError
    (tmp_path / "store").unlink()
    monkeypatch.setattr(tune.mirror, "fetch", lambda *_, **__: (_ for _ in ()).throw(OSError("out of reach")))
    with pytest.raises(InputError, match="out of reach"), locked(folder, print):
        raise AssertionError
    assert read_lease(folder.bucket).is_dead()  # type: ignore[union-attr]


def _beats(there: Bucket) -> int:
    lease = read_lease(there)
    assert lease
    return lease.beats


def test_a_driver_whose_search_was_taken_over_stops_and_sends_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune.lease, "BEAT_SECONDS", 0.5)  # between two beats, the other's is written
    there, path = bucket(tmp_path), tmp_path / "work"

    def drive() -> None:
        with driven(there, path, "one", print):
            (path / "settings.yaml").write_text("mine")
            while there.stamp("settings.yaml") is None:
                time.sleep(0.01)
            beats = _beats(there)
            while _beats(there) == beats:  # else it might be renewed between its being read and written, and the other's lost
                time.sleep(0.01)
            there.write(LEASE, json.dumps({"owner": "x", "host": "elsewhere", "process": 7}).encode())
            try:
                assert not threading.Event().wait(60), "it is interrupted, as by Ctrl-C"
            except KeyboardInterrupt:
                there.write("settings.yaml", b"theirs")
                (path / "settings.yaml").write_text("mine again")
                raise

    with pytest.raises(SearchFailedError, match="taken over by process 7 on elsewhere"):
        drive()
    assert there.read("settings.yaml") == b"theirs"
    assert read_lease(there).owner == "x"  # type: ignore[union-attr]


def topknot(*arguments: str, cache: Path, code: int = 0, as_process: bool = False) -> str:
    """Runs a command on a machine with a cache of its own; returns its stdout, or its stderr where it fails."""
    if as_process:
        command, environment = [sys.executable, "-m", "tune", *arguments], os.environ | {"XDG_CACHE_HOME": str(cache)}
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        ended, told, failed = process.returncode, process.stdout, process.stderr
    else:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(cache))
            ended = run(arguments)
        told, failed = out.getvalue(), err.getvalue()
    assert ended == code, failed
    return failed if code else told


def test_a_search_whose_driver_was_killed_goes_on_on_another_machine_and_is_used_on_a_third(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text(WORDS)
    (tmp_path / "search.yaml").write_text(f"space: {TINY}\n")
    storage = ("--storage", f"file://{tmp_path}/store/runs")
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    search = ["search", "--data", str(tmp_path / "words.csv"), "--config", str(tmp_path / "search.yaml"), "--name", "words"]
    search += [*storage, "--trials", "5", "--max-epochs", "3", "--scheduler", "none", "--workers", "1"]
    place = tmp_path / "store/runs/words"
    with subprocess.Popen(
        [sys.executable, "-m", "tune", *search],
        env=os.environ | {"XDG_CACHE_HOME": str(first)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as driver:
        while not (place / "weights/00001.npz").exists() or not (place / "study.journal").exists():
            assert driver.poll() is None
            time.sleep(0.05)
        os.killpg(driver.pid, signal.SIGKILL)
    assert "words" in topknot("list", *storage, cache=second)
    assert "Finish it with" in topknot("best", "words", *storage, cache=second, code=2)
    best = json.loads(topknot("resume", "words", *storage, "--json", cache=second, as_process=True))
    shown = json.loads(topknot("show", "words", *storage, "--json", cache=third))
    assert [trial["trial"] for trial in shown["trials"]] == list(range(5))
    assert {trial["state"] for trial in shown["trials"]} == {"complete"}
    assert all(trial["epochs"] == 3 for trial in shown["trials"])
    assert not list(place.glob("snapshots/*"))
    shutil.rmtree(first)
    there = json.loads(topknot("best", "words", *storage, "--json", "--export", str(tmp_path / "model"), cache=third))
    assert {name: there[name] for name in ("trial", "epoch", "test")} == {
        name: best[name] for name in ("trial", "epoch", "test")
    }
    (tmp_path / "text.txt").write_text("a red cat\n")
    assert json.loads(topknot("predict", "words", str(tmp_path / "text.txt"), *storage, "--json", cache=third)) == json.loads(
        topknot("predict", str(tmp_path / "model"), str(tmp_path / "text.txt"), "--json", cache=third)
    )
    refused = topknot(*search, cache=third, code=2)
    assert "There is a search 'words' in file://" in refused
    assert "finished" in topknot("watch", "words", *storage, cache=third).lower()
    assert parse_storage("runs") == Path("runs")
