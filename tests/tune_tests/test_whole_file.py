"""Files that are written whole, or not at all."""

import os
import threading
from pathlib import Path

import pytest

from data.errors import InputError
from tune.whole_file import whole_file


def test_what_stood_there_stays_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text("before")
    path.chmod(0o600)
    with pytest.raises(ZeroDivisionError), whole_file(path):
        raise ZeroDivisionError
    assert path.read_text() == "before"
    with whole_file(path) as write:
        assert path.read_text() == "before"
        write("half \ud800 of a sign")
    assert path.read_text() == "half \\ud800 of a sign"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["answers"]


@pytest.mark.parametrize(("where", "says"), [("", "it is a folder"), ("no/a", "No such file"), ("file/a", "Not a ")])
def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path, where: str, says: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="it is a folder"), whole_file(Path("/")):
        raise AssertionError("there was work")
    with pytest.raises(InputError, match=f"cannot be written: {says}"), whole_file(tmp_path / where):
        raise AssertionError("there was work")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole_file(tmp_path / "link") as write:
        write("by the link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "by the link"
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with whole_file(pipe) as write:
        write("through the pipe")
    reader.join()
    assert read == ["through the pipe"]
    assert pipe.is_fifo()
