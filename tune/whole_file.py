"""A file that is written whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Callable[[str], None]]:
    """Yields a function that writes a text to a file, in UTF-8; half a character, which that has no bytes for, as its escape.

    That it can be written is seen before the block begins. Until the function is called, and whenever something goes wrong,
    what stood there before is as it was. What is no file, such as a pipe, is written to as it is.

    Raises:
        InputError: If the file cannot be written.
    """
    with _explained(path):
        if path.is_dir():
            raise IsADirectoryError
        target = path.resolve()  # of a link to a file, what it leads to
        beside = None if _is_no_file(path) else target.with_name(f".{target.name}.{os.getpid()}")
        if beside:
            _begin(beside, target)

    def write(text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        with _explained(path):
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


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except IsADirectoryError:
        raise InputError(f"{path} cannot be written: it is a folder; name a file in it.") from None
    except (OSError, RuntimeError) as error:  # the latter of links that lead in a circle
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {reason}. Choose another -o.") from None
