"""Where the user wants something written: a new folder looked at before the work; what cannot be written, told in a line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from data.errors import InputError


def check_new(folder: Path, option: str) -> None:
    """Makes sure that a folder is new, and that it can be made: work would be lost otherwise.

    Args:
        folder: The folder.
        option: By which the user named it.

    Raises:
        InputError: If not.
    """
    with written(folder, option):
        if folder.exists():
            raise InputError(f"{folder} exists; {option} needs a new folder.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent):
            pass


@contextmanager
def written(path: Path, option: str) -> Iterator[None]:
    """Makes of a file or folder that cannot be written an error in a line; the option is that by which the user named it."""
    try:
        yield
    except OSError as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
        raise InputError(f"{path} cannot be written: {reason}. Choose another {option}.") from None
