"""Where a search's files stand: in a folder, or under an address of an object store (`tune.bucket`)."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """What tells a file from what it was before: its bytes, and when it was written, in ns as its file system counts."""

    size: int
    changed: int


class Place(ABC):
    """Files by name; those within folders as 'folder/name'."""

    def at_once(self) -> Place:
        """Returns the same, of which what fails is not tried again."""
        return self

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Returns what a file holds.

        Raises:
            FileNotFoundError: If there is none.
            OSError: If it cannot be read.
        """

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Writes a file, whole or not at all; an OSError says that it could not."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""

    @abstractmethod
    def stamp(self, name: str) -> Stamp | None:
        """Returns a file's stamp; None if it is not there."""

    @abstractmethod
    def names(self) -> list[str]:
        """Returns the names of the files that stand here, none within folders; none where there is no such place."""


@dataclass(frozen=True, slots=True)
class Folder(Place):
    """A folder of this machine, or of a file system that it shares with others."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Reads a file."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Writes a file beside the one that it replaces."""
        path = self.path / name
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().int}")  # others may write it, also from other machines
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Removes a file."""
        (self.path / name).unlink(missing_ok=True)

    def stamp(self, name: str) -> Stamp | None:
        """Looks at a file."""
        try:
            status = (self.path / name).stat()
        except FileNotFoundError:
            return None
        return Stamp(status.st_size, status.st_mtime_ns)

    def names(self) -> list[str]:
        """Looks into the folder."""
        try:
            return [path.name for path in self.path.iterdir()]
        except FileNotFoundError:
            return []
