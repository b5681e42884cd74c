"""A file under an address of an object store, kept on this machine for as long as it stays what it is there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from data.errors import InputError
from tune.bucket import ADVICE, Bucket, brief, check_bucket, is_address
from tune.storage import HASTE, cache, digest

ABANDONED_SECONDS = 86_400.0
"""After that long without a byte, what was being downloaded is nobody's."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """An object: s3://BUCKET/PREFIX/NAME, gs:// or abfs://; options of the store as `tune.bucket.Bucket` takes them.

    Attributes:
        address: Of the object.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        """The last part of the object's path."""
        return unquote(urlsplit(self.address).path.rpartition("/")[2])

    def absolute(self) -> RemoteFile:
        """Returns the same: an address means one thing in any folder."""
        return self

    def fetch(self) -> Path:
        """Returns a copy on this machine, fetched unless it is there and as it was: of the same size and time.

        Raises:
            InputError: If there is no such object, or it cannot be read.
        """
        parts = urlsplit(self.address)
        bucket = Bucket(urlunsplit(parts._replace(path=parts.path.rpartition("/")[0])), HASTE)
        try:
            stamp = bucket.stamp(self.name)
            if stamp is None:
                raise InputError(f"{self} does not exist.")
            folder = cache() / "data" / digest(self.address)
            copy = folder / f"{stamp.size}-{stamp.changed}" / self.name
            if not copy.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                part = copy.with_name(f".{uuid.uuid4().int}")
                try:
                    bucket.download(self.name, part)
                    part.replace(copy)
                finally:
                    part.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{self} cannot be read: {brief(error)}. {ADVICE}, and at the room in its cache.") from None
        _tidy(folder, copy)
        return copy


def _tidy(folder: Path, copy: Path) -> None:
    """Removes older versions, and what downloads have left that were killed; not what another process may be fetching."""
    for old in folder.glob("*/*"):
        with suppress(OSError):  # it is gone meanwhile, or its folder is not empty
            if old != copy and (not old.name.startswith(".") or time.time() - old.stat().st_mtime > ABANDONED_SECONDS):
                old.unlink()
                old.parent.rmdir()


def parse_file(value: Any) -> Any:
    """Returns the file that a text names, or what is one already; nothing of None.

    Raises:
        ValueError: If it is an address that cannot be used, or no text.
    """
    if isinstance(value, str) and is_address(value):
        name = RemoteFile(value).name
        if name in ("", ".", "..") or "/" in name or "\\" in name:  # it is one of a file on this machine, too
            raise ValueError(f"{value!r} names no file, as s3://BUCKET/PREFIX/texts.csv does")
        return RemoteFile(check_bucket(value))
    if not isinstance(value, str | Path | RemoteFile | None):
        raise ValueError("it must be a file's path or an address")  # noqa: TRY004 - pydantic reports this one
    return value


@contextmanager
def here(file: Path | RemoteFile) -> Iterator[Path]:
    """Gives a file as one of this machine; errors about its copy name the address that it came from.

    Raises:
        InputError: If it cannot be fetched.
    """
    if isinstance(file, Path):
        yield file
        return
    copy = file.fetch()
    try:
        yield copy
    except InputError as error:
        raise InputError(str(error).replace(str(copy), str(file))) from None
