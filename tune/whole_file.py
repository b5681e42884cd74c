"""A file that is written whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tune.destination import written


@contextmanager
def whole_file(path: Path) -> Iterator[Callable[[str], None]]:
    """Yields a function that writes a text to a file, in UTF-8; half a character, which that has no bytes for, as its escape.

    That it can be written is seen before the block begins. Until the function is called, and whenever something goes wrong,
    what stood there before is as it was. What is no file, such as a pipe, is written to as it is.

    Raises:
        InputError: If the file cannot be written.
    """
    with written(path, "-o"):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it")
        target = _resolved(path)
        beside = None if _is_no_file(path) else target.with_name(f".{target.name}.{os.getpid()}")
        if beside:
            _begin(beside, target)

    def write(text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        with written(path, "-o"):
            if beside:
                beside.write_bytes(content)
                beside.replace(target)
            else:
                path.write_bytes(content)

    try:
        yield write
    finally:
        if beside:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def _resolved(path: Path) -> Path:
    """Returns what a link to a file leads to; any other path, absolute."""
    try:
        return path.resolve()
    except RuntimeError:  # so Python says, before 3.13, that links lead in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def _is_no_file(path: Path) -> bool:
    """Tells whether a path leads to a pipe or a terminal, or to what the shell has opened and others will write to."""
    return path.is_relative_to("/dev") or path.is_relative_to("/proc") or (path.exists() and not path.is_file())


def _begin(beside: Path, target: Path) -> None:
    """Makes the file that will take a file's place, with that one's permissions."""
    there = target.exists()
    if there:
        target.open("ab").close()  # it may not be for writing, though its folder is
    beside.touch()
    if there:
        shutil.copymode(target, beside)
