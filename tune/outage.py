"""A disk that takes nothing more: full, over its quota, read-only or failing. What was finished is kept; one line says so."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tune.bucket import ADVICE, is_address
from tune.errors import SearchFailedError, led_to
from tune.folder import SearchFolder

REMEDIES = {
    errno.ENOSPC: "Make room on it",
    errno.EDQUOT: "Make room, or have the quota raised",
    errno.EROFS: "Make it writable again",
    errno.EIO: "Look at the disk and its connection",
    errno.ENODEV: "Look at the disk and its connection",
    errno.ESTALE: "Mount it again",
}
DATABASE_ERRORS = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS, sqlite3.SQLITE_IOERR: errno.EIO}
"""What SQLite calls the same, by its primary codes."""


@contextmanager
def outages_told(folder: SearchFolder) -> Iterator[None]:
    """Makes of a disk that takes nothing more, wherever it was met, an error that says how to go on.

    Raises:
        SearchFailedError: Instead of what the disk's error has become on its way.
    """
    try:
        yield
    except Exception as error:
        cause = _cause(error)
        if cause is None:
            raise
        number, said = cause
        remedy = ADVICE if number == errno.EIO and is_address(said) else REMEDIES[number]
        if folder.has_begun():
            message = f"{said}; what was finished is kept. {remedy}, then go on with: {folder.resume_command()}"
        else:
            message = f"{said}. {remedy}, then begin again"
        raise SearchFailedError(message) from None


def disk_error(line: str) -> OSError | None:
    """Returns the disk's error that a line of another process tells of, such as 'OSError: [Errno 28] No space ...', or None."""
    told = re.search(r"\[Errno (\d+)\] (.+)", line)
    return OSError(int(told[1]), told[2]) if told and int(told[1]) in REMEDIES else None


def _cause(error: BaseException) -> tuple[int, str] | None:
    """Finds the disk's error among those that led to an error: its number, and what it says."""
    for one in led_to(error):
        if isinstance(one, OSError) and one.errno in REMEDIES:
            where = f"{one.filename}: " if one.filename else ""
            return one.errno, f"{where}{one.strerror}"
        if isinstance(one, sqlite3.Error):
            number = DATABASE_ERRORS.get(getattr(one, "sqlite_errorcode", 0) & 0xFF)
            if number is not None:
                return number, f"The study: {one}"
    return None
