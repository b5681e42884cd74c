"""A search's folder under an address, as it stands on this machine: fetched to be looked at, or sent while the search runs.

The trials' weights and snapshots are no part of it: trials write those to the address themselves, wherever they run.
"""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from tune.bucket import Bucket
from tune.folder import CLASSIFIERS, LOCK
from tune.lease import Heartbeat, Lease, LeaseLostError, renew_lease, take_lease
from tune.place import Folder, Stamp
from tune.sender import APART, Sender

FETCHED = (".json", ".yaml", ".journal")
"""How the names of the files end that are fetched; those of folders, whatever they end in."""
FOLDERS = (CLASSIFIERS,)
STAMPS, OWNER = ".fetched.json", ".owner"
THREADS = 8


def fetch(bucket: Bucket, path: Path, folders: tuple[str, ...] = FOLDERS, endings: tuple[str, ...] = FETCHED) -> None:
    """Makes a folder of this machine what stands in a bucket, as far as it is fetched; only what has changed is read.

    Args:
        bucket: Of a search.
        path: The folder; made where there is none.
        folders: Those within it that are fetched, too.
        endings: How the names of the files end that are.

    Raises:
        OSError: If the bucket cannot be read.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    there = {name: stamp for name, stamp in bucket.stamps().items() if name.endswith(endings)}
    for folder in folders:
        there |= bucket.stamps(folder)
    there = {name: stamp for name, stamp in there.items() if _is_plain(name) and name not in APART}
    known = _read_stamps(path)
    stale = [name for name, stamp in there.items() if known.get(name) != stamp or not (path / name).is_file()]
    with ThreadPoolExecutor(THREADS, "fetch") as pool:
        list(pool.map(lambda name: _fetch_file(bucket, path, name), stale))
    mine = {name for name in known if "/" not in name or name.split("/")[0] in folders}
    for name in mine - there.keys():
        (path / name).unlink(missing_ok=True)
    others = {name: stamp for name, stamp in known.items() if name not in mine}
    Folder(path).write(STAMPS, json.dumps(others | there).encode())


def _fetch_file(bucket: Bucket, path: Path, name: str) -> None:
    with suppress(FileNotFoundError):  # removed meanwhile
        content = bucket.read(name)
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Folder(path).write(name, content)


def _is_plain(name: str) -> bool:
    """Tells whether a name leads into the folder that it is given in, whoever wrote it."""
    parts = PurePosixPath(name).parts
    return not name.startswith("/") and all(part not in {"", ".", ".."} and not part.startswith(".") for part in parts)


def _read_stamps(path: Path) -> dict[str, Stamp]:
    try:
        return {name: Stamp(*stamp) for name, stamp in json.loads((path / STAMPS).read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


@contextmanager
def driven(bucket: Bucket, path: Path, name: str, say: Callable[[str], None]) -> Iterator[None]:
    """Takes a search for this process, with its folder on this machine as it stands in the bucket; sends what changes there.

    Where this machine was the last to run the search, the folder is as it was left, which may be more than was sent.

    Args:
        bucket: Of the search.
        path: The driver's own folder.
        name: Of the search, for people.
        say: Shows a line.

    Raises:
        InputError: If another process runs the search.
        SearchFailedError: If another has taken it over meanwhile, or the end could not be sent.
        OSError: If the bucket cannot be used in the first place.
    """
    lease = take_lease(bucket, name, lambda claim: _announce(path, claim))
    try:
        _catch_up(bucket, path, lease)
    except OSError:
        with suppress(OSError, LeaseLostError):
            renew_lease(bucket, lease, ended=True)
        raise
    heartbeat = Heartbeat(bucket, lease, on_loss=_interrupt)
    sender = Sender(bucket, path, heartbeat, say)
    heartbeat.start()
    sender.start()
    try:
        yield
    finally:
        sender.finish()


def _owners(path: Path) -> list[str]:
    """Returns the claims since which nobody else has changed the search: the one that left the folder as it is, and those that
    came after it, from here, to nothing.
    """
    owner = path / OWNER
    return owner.read_text(encoding="ascii").split() if owner.is_file() else []


def _announce(path: Path, claim: Lease) -> None:
    if claim.after in (owners := _owners(path)):
        Folder(path).write(OWNER, "\n".join([*owners, claim.owner]).encode())


def _catch_up(bucket: Bucket, path: Path, lease: Lease) -> None:
    """Makes the driver's folder what stands in the bucket, but where this machine left off last."""
    if not lease.after or lease.after not in _owners(path):
        (path / OWNER).unlink(missing_ok=True)  # first: what is half removed is nobody's to go on with
        for child in path.glob("*"):
            if child.name != LOCK:
                shutil.rmtree(child) if child.is_dir() else child.unlink()
        fetch(bucket, path, endings=(*FETCHED, ".log"))  # to go on with it
    Folder(path).write(OWNER, lease.owner.encode())


def _interrupt() -> None:
    """Ends the search as Ctrl-C does, whatever the main thread waits for."""
    signal.pthread_kill(int(threading.main_thread().ident or 0), signal.SIGINT)
