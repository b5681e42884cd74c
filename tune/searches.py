"""The searches in a storage: found, listed, begun."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import InputError
from tune.folder import SETTINGS, SearchFolder
from tune.setting_types import NAME
from tune.storage import RemoteStorage, Storage, readable


def find_search(storage: Storage, name: str, otherwise: str = "") -> SearchFolder:
    """Finds the folder of a search.

    Args:
        storage: Where it stands.
        name: Its name.
        otherwise: What else the name could have been of, and is not, in words.

    Raises:
        InputError: If there is none, naming those that there are.
    """
    if NAME.fullmatch(name):
        folder = _folder(storage, name)
        folder.refresh()
        with suppress(OSError):  # no path that a folder can have
            if folder.has_begun():
                return folder
        _forget(folder)
    names = [found.name for found in list_searches(storage)]
    there = f"it holds {', '.join(names[:20])}" if names else "it holds none"
    place = storage.absolute() if isinstance(storage, Path) else storage
    raise InputError(f"There is no search {name!r} in {place}{otherwise}; {there}. --storage names another place.")


def list_searches(storage: Storage) -> list[SearchFolder]:
    """Returns the searches in a storage, by name; of what stands under an address, all but their classifiers.

    Raises:
        InputError: If the storage cannot be read.
    """
    if isinstance(storage, RemoteStorage):
        from tune.mirror import fetch

        with readable(storage):
            folders = [_folder(storage, name) for name in storage.bucket().folders() if NAME.fullmatch(name)]
            for folder in folders:
                fetch(folder.bucket, folder.path, ())
                _forget(folder)
        return [folder for folder in folders if folder.has_begun()]
    try:
        paths = [path.parent for path in sorted(storage.glob(f"*/{SETTINGS}"))]
        return [SearchFolder(path.absolute()) for path in paths if NAME.fullmatch(path.name)]  # others cannot be asked for
    except OSError as error:
        raise InputError(f"The storage {storage} cannot be read: {error.strerror or error}.") from None


@contextmanager
def claim_search(storage: Storage, name: str) -> Iterator[SearchFolder]:
    """Makes the folder of a new search; removes it, and what was made above it, if what follows ends in an error.

    Once `SearchFolder.keep` was called, an error leaves it as it is. Under an address nothing is made before
    `tune.lock.locked`, which sees to it that of two that begin at once one goes on.

    Raises:
        InputError: If the name is taken, or the storage cannot be written.
    """
    folder = _folder(storage, name)
    if isinstance(storage, RemoteStorage):
        folder.refresh()
        refuse_begun(folder)
        _forget(folder)
        yield folder
        return
    try:
        made = [path for path in (folder.path.parent, *folder.path.parent.parents) if not path.exists()]
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        folder.path.mkdir()  # of two that want one name at once, one fails here
    except FileExistsError:
        raise InputError(_taken(folder)) from None
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The storage {storage} cannot be written: {reason}. Choose another --storage.") from None
    try:
        yield folder
    except BaseException:
        if not folder.has_begun():
            shutil.rmtree(folder.path, ignore_errors=True)
            for path in made:
                with suppress(OSError):
                    path.rmdir()
        raise


def refuse_begun(folder: SearchFolder) -> None:
    """Refuses to begin a search where one has begun: under an address, perhaps one that was killed before it was sent.

    Raises:
        InputError: If one has.
    """
    if folder.has_begun():
        raise InputError(_taken(folder))


def _folder(storage: Storage, name: str) -> SearchFolder:
    if isinstance(storage, Path):
        return SearchFolder(storage.absolute() / name)
    return SearchFolder(storage.copy(name), storage)


def _forget(folder: SearchFolder) -> None:
    """Removes the copy of what is no search."""
    if folder.storage is not None and not folder.has_begun():
        shutil.rmtree(folder.path, ignore_errors=True)


def _taken(folder: SearchFolder) -> str:
    parent = folder.storage or folder.path.parent
    if folder.storage is None and not folder.path.is_dir():
        return f"{parent} is no folder; choose another --storage."
    if not folder.has_begun():
        return f"{folder} was left by a search that never began, or is beginning. Remove it, or choose another --name."
    there = f"There is a search {folder.name!r} in {parent} already."
    return f"{there} Choose another --name, or go on: {folder.resume_command()}"
