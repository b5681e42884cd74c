"""Who runs a search: one process at a time, which holds the lock of its folder, or the lease of its address."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO

from data.errors import InputError
from tune.folder import LOCK, SearchFolder
from tune.lease import Pulse, read_lease
from tune.mirror import driven
from tune.storage import readable

LOOK_SECONDS = 1.0
"""How long a lock is tried for: who looks whether a search runs holds it for a moment."""


@contextmanager
def locked(folder: SearchFolder, say: Callable[[str], None]) -> Iterator[SearchFolder]:
    """Keeps other processes from running the same search; yields its folder to work in.

    Of a search under an address, that is a folder of this machine, whose changes are sent there until the end; it is removed
    if the search has not begun by then.

    Args:
        folder: Of the search.
        say: Shows a line.

    Raises:
        InputError: If another process runs it, or the address cannot be used.
        SearchFailedError: If another process took it over, or the end could not be sent.
    """
    if folder.storage is None:
        with _flock(folder):
            yield folder
        return
    working = replace(folder, path=folder.storage.workshop(folder.name))
    working.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _flock(working), ExitStack() as stack:
        stack.callback(_forget, working)
        with readable(folder.storage):
            stack.enter_context(driven(working.bucket, working.path, working.name, say))
        yield working


def _forget(working: SearchFolder) -> None:
    """Removes the folder of a search that has not begun."""
    if not working.has_begun():
        shutil.rmtree(working.path, ignore_errors=True)


@contextmanager
def _flock(folder: SearchFolder) -> Iterator[None]:
    try:
        file = (folder.path / LOCK).open("a")
    except OSError as error:
        raise InputError(
            f"{folder.path / LOCK} cannot be written: {error.strerror or error}. A search is run by who may write its folder."
        ) from None
    with file:
        try:
            _take(file)  # the kernel lets go of it however the process ends
        except BlockingIOError:
            raise InputError(f"The search {folder.name!r} is running already, in another process.") from None
        except OSError as error:
            reason = f"{folder.path / LOCK} cannot be locked: {error.strerror or error}."
            raise InputError(
                f"{reason} Its file system must have locks (as Lustre with -o flock); or give another --storage."
            ) from None
        yield


def _take(file: IO[str]) -> None:
    """Takes a file's lock.

    Raises:
        BlockingIOError: If another process has had it all the while.
    """
    end = time.monotonic() + LOOK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(LOOK_SECONDS / 50)
        else:
            return


def is_running(folder: SearchFolder, pulse: Pulse | None = None) -> bool:
    """Tells whether a process runs the search: of this machine, of one that shares the folder's locks, or any under an address.

    Args:
        folder: Of the search.
        pulse: What earlier looks at it found; of a search under an address, one look tells less than several.

    Raises:
        InputError: If its storage cannot be read.
    """
    if folder.storage is not None:
        with readable(folder.storage):
            lease = read_lease(folder.bucket)
        return (pulse or Pulse()).beats(lease)
    try:
        with (folder.path / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # and lets go of it as it closes
    except BlockingIOError:
        return True
    except OSError as error:
        raise InputError(f"{folder.path / LOCK} cannot be read: {error.strerror or error}.") from None
    return False
