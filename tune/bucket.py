"""Files under an address of an object store: S3, Google Cloud Storage, Azure; or under file://, as through a network."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from tune.place import Folder, Place, Stamp

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

SCHEMES = ("s3", "gs", "abfs", "abfss", "file")
PATIENCE = 120.0
"""Seconds for which what fails is tried again: a store may be out of reach for a minute, or ask for fewer requests."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
ADVICE = "Look at the bucket's name and region, and at this machine's credentials or role"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Bucket(Place):
    """What stands under an address.

    Credentials come from the environment, or from the machine's role, as the store's own tools find them; none are kept here,
    so that a bucket may be sent to other machines.

    Attributes:
        address: scheme://bucket/prefix, with the options of the store that `pyarrow.fs.FileSystem.from_uri` knows behind a
            question mark: s3://models/runs?endpoint_override=minio.local:9000&scheme=http.
        patience: Seconds for which what fails is tried again.
    """

    address: str
    patience: float = PATIENCE

    def __str__(self) -> str:
        return urlunsplit(urlsplit(self.address)._replace(query=""))

    def at_once(self) -> Bucket:
        """Returns the same, of which what fails is not tried again."""
        return replace(self, patience=0.0)

    def inside(self, name: str) -> Bucket:
        """Returns the place of a folder within this one."""
        parts = urlsplit(self.address)
        return replace(self, address=urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}")))

    def read(self, name: str) -> bytes:
        """Reads an object."""

        def read(files: FileSystem, path: str) -> bytes:
            with files.open_input_stream(path) as stream:
                content: bytes = stream.read()
                return content

        return self._persist(read, name)

    def download(self, name: str, path: Path) -> None:
        """Copies an object, as it is, to a file of this machine, a part at a time."""

        def download(files: FileSystem, source: str) -> None:
            with files.open_input_stream(source, compression=None) as stream, path.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 2**20)

        self._persist(download, name)

    def write(self, name: str, content: bytes) -> None:
        """Writes an object; it is there when it is whole."""

        def write(files: FileSystem, path: str) -> None:
            if files.type_name == "local":  # which would show half a file
                folder = Path(path).parent
                folder.mkdir(parents=True, exist_ok=True)
                Folder(folder).write(Path(path).name, content)
                return
            with files.open_output_stream(path) as stream:
                stream.write(content)

        self._persist(write, name)

    def remove(self, name: str) -> None:
        """Removes an object."""

        def remove(files: FileSystem, path: str) -> None:
            with suppress(FileNotFoundError):
                files.delete_file(path)

        self._persist(remove, name)

    def stamp(self, name: str) -> Stamp | None:
        """Asks for an object's size and time."""
        info = self._persist(lambda files, path: files.get_file_info(path), name)
        return _stamp(info) if info.is_file else None

    def names(self) -> list[str]:
        """Lists the objects that stand here."""
        return list(self.stamps())

    def stamps(self, folder: str = "") -> dict[str, Stamp]:
        """Returns the stamp of each object that stands here or in a folder, those within folders as 'folder/name'."""
        return {name: _stamp(info) for name, info in self._infos(folder, recursive=bool(folder)) if info.is_file}

    def folders(self) -> list[str]:
        """Returns the names of the folders that stand here."""
        return sorted(name for name, info in self._infos("", recursive=False) if not info.is_file)

    def _infos(self, folder: str, *, recursive: bool) -> list[tuple[str, FileInfo]]:
        from pyarrow.fs import FileSelector

        def infos(files: FileSystem, path: str) -> list[tuple[str, FileInfo]]:
            root = path.removesuffix(folder)
            found = files.get_file_info(FileSelector(path, allow_not_found=True, recursive=recursive))
            return [(info.path.removeprefix(root).strip("/"), info) for info in found]

        return self._persist(infos, folder)

    def _persist(self, call: Callable[[FileSystem, str], Answer], name: str) -> Answer:
        """Calls a function with the file system and a name's path on it, again and again while it fails."""
        until, wait = time.monotonic() + self.patience, FIRST_WAIT
        while True:
            try:
                files, root = _open(self.address)
                return call(files, f"{root}/{name}".rstrip("/"))
            except FileNotFoundError:
                raise
            except OSError as error:
                if time.monotonic() + wait > until:
                    raise OSError(error.errno or errno.EIO, f"{self}: {brief(error)}") from error
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)


def brief(error: Exception) -> str:
    """Returns what an object store's error says, in a line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:300]


def is_address(value: str) -> bool:
    """Tells whether a storage is an address and no path."""
    return "://" in value


def check_bucket(address: str) -> str:
    """Returns an address as it came.

    Raises:
        ValueError: If it is none that a bucket can have.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{address!r} is neither a folder nor an address that begins with {', '.join(SCHEMES)}://")
    if parts.password or "secret" in parts.query.lower() or "access_key" in parts.query.lower():
        raise ValueError("no address holds a secret; put it into the environment, as the store's own tools read it")
    if parts.scheme != "file" and not parts.netloc:
        raise ValueError(f"{address!r} names no bucket, as {parts.scheme}://BUCKET/PREFIX does")
    try:
        _open(_without_asking(address))
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{address!r} is no address that can be used: {brief(error)}") from None
    return address


def _without_asking(address: str) -> str:
    """Returns an address of which PyArrow finds out nothing in the network: of S3, it would ask for the bucket's region."""
    parts = urlsplit(address)
    if parts.scheme != "s3" or "region=" in parts.query:
        return address
    return urlunsplit(parts._replace(query=f"{parts.query}&region=us-east-1".lstrip("&")))


@lru_cache(maxsize=64)
def _open(address: str) -> tuple[FileSystem, str]:
    """Returns the file system of an address, and the path that it has there."""
    from pyarrow.fs import FileSystem

    files, path = FileSystem.from_uri(address)
    return files, path.rstrip("/")


def _stamp(info: FileInfo) -> Stamp:
    return Stamp(info.size, info.mtime_ns or 0)
