import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from data.errors import InputError
from tune.folder import LOCK, SearchFolder
from tune.lock import is_running, locked


def test_a_search_is_run_by_one_at_a_time(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    with locked(folder, print):
        assert is_running(folder)
        with pytest.raises(InputError, match="is running already, in another process"), locked(folder, print):
            pass
    assert not is_running(folder)


def test_who_looks_whether_it_runs_keeps_nobody_from_running_it(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    with locked(folder, print):
        pass
    looking = (tmp_path / LOCK).open("rb")
    fcntl.flock(looking, fcntl.LOCK_SH)
    timer = threading.Timer(0.1, looking.close)
    timer.start()
    with locked(folder, print):
        assert looking.closed
    timer.join()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    nowhere = SearchFolder(tmp_path / "none")
    with pytest.raises(InputError, match=r"none/search.lock cannot be written: No such file"), locked(nowhere, print):
        pass


def test_a_file_system_without_locks_is_not_taken_for_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(InputError, match="cannot be locked: No locks available"), locked(SearchFolder(tmp_path), print):
        pass
