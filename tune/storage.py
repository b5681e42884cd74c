"""Where searches stand: a folder, or an address of an object store."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InputError
from tune.bucket import ADVICE, Bucket, brief, check_bucket, is_address
from tune.place import Folder, Place

HASTE = 15.0
"""Seconds for which a person waits for a store that does not answer."""


@dataclass(frozen=True, slots=True)
class RemoteStorage:
    """An address under which searches stand; this machine keeps copies of what it looks at.

    Attributes:
        address: As `tune.bucket.Bucket` takes it.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    def bucket(self) -> Bucket:
        """Returns the place of all searches."""
        return Bucket(self.address, HASTE)

    def copy(self, name: str) -> Path:
        """Returns the folder of a search's copy on this machine, to look at."""
        return cache() / "copies" / digest(self.address.rstrip("/")) / name

    def workshop(self, name: str) -> Path:
        """Returns the folder on this machine that a search has while it runs here."""
        return cache() / "running" / digest(self.address.rstrip("/")) / name


Storage = Path | RemoteStorage


def storage_place(storage: str) -> Place:
    """Returns the place that a storage's text names, also on another machine than the one that it was given on."""
    return Bucket(storage, HASTE) if is_address(storage) else Folder(Path(storage))


def parse_storage(value: Any) -> Any:
    """Returns the storage that a text names, or what is one already.

    Raises:
        ValueError: If it is an address that cannot be used, or no text.
    """
    if isinstance(value, str):
        return RemoteStorage(check_bucket(value)) if is_address(value) else Path(value)
    if not isinstance(value, Path | RemoteStorage):
        raise ValueError("it must be a folder's path or an address")  # noqa: TRY004 - pydantic reports this one
    return value


@contextmanager
def readable(storage: RemoteStorage) -> Iterator[None]:
    """Makes of what a store has to say an error that names the storage, and what to look at.

    Raises:
        InputError: Instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        advice = ADVICE
        if str(error.filename or "").startswith(str(cache())):
            advice = f"Look at {cache()}, where this machine keeps copies: it must be writable"
        elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
            advice = f"Make room there, or in {cache()}, where this machine keeps copies"
        raise InputError(f"The storage {storage} cannot be used: {brief(error)}. {advice}.") from None


def digest(address: str) -> str:
    """Returns the name that an address has in the cache."""
    return hashlib.blake2b(address.encode(), digest_size=8).hexdigest()


def cache() -> Path:
    """Returns the folder of this machine that keeps what can be fetched again, and what a search under an address works on."""
    told = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (told if told.is_absolute() else Path.home() / ".cache") / "topknot"
