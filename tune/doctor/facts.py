"""What a node has to say of itself."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from data.memory import all_memory
from tune.cluster import cores, gpus
from tune.cluster_address import TOKEN, token_file
from tune.place import Folder
from tune.storage import storage_place

PACKAGES = ("topknot", "ray", "tensorflow", "keras", "optuna", "pandas", "numpy", "scikit-learn")
MARK = ".topknot-doctor-"
"""How the files begin that nodes leave in the storage for each other to see."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A node, as it sees itself.

    Attributes:
        address: Its own; 'this machine' for the process that asks.
        python: Its version.
        versions: Of `PACKAGES`; empty where one is not installed.
        compiled: TensorFlow's bytecode is compiled.
        cores, gpus: That it may use.
        busy: Cores that other programs used of late.
        memory, shared_memory: Bytes: all of it, and of /dev/shm; 0 where the system does not say.
        clock: When it said so, as `time.time` gives it.
        storage: What came in the way of writing to the storage and reading it back; empty if nothing did.
        disk: Bytes that are free there; None if it cannot be said.
        seen: Names of other nodes' marks that it sees in the storage.
        ray_key: Of Ray's token: 'own' if it is its owner's alone, 'open' if others can read its file, 'none' if it has none.
    """

    address: str
    python: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    compiled: bool = True
    cores: int = 1
    gpus: int = 0
    busy: float = 0.0
    memory: int = 0
    shared_memory: int = 0
    clock: float = 0.0
    storage: str = ""
    disk: int | None = None
    seen: tuple[str, ...] = ()
    ray_key: str = "own"


def read_facts(address: str, storage: str, mark: str, make: bool = True) -> Facts:
    """Looks around on the node that this runs on; leaves a mark of its own in the storage, which is made if it may be."""
    trouble, disk = _try(storage, mark, make)
    return Facts(
        address=address,
        python=platform.python_version(),
        versions={name: _version(name) for name in PACKAGES},
        compiled=_compiled(),
        cores=cores(),
        gpus=gpus(),
        busy=max(0.0, os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0.0,
        memory=all_memory(),
        shared_memory=_shared_memory(),
        clock=time.time(),
        storage=trouble,
        disk=disk,
        ray_key=_ray_key(),
    )


def seen_marks(storage: str) -> tuple[str, ...]:
    """Returns the names of the marks that this node sees in the storage."""
    try:
        names = storage_place(storage).names()
    except OSError:
        return ()
    return tuple(sorted(name.removeprefix(MARK) for name in names if name.startswith(MARK)))


def read_clock() -> float:
    """Returns the node's time, as `time.time` gives it."""
    return time.time()


def remove_mark(storage: str, mark: str) -> None:
    """Takes away what `read_facts` left; where the storage is not shared, nobody else can."""
    with suppress(OSError):
        storage_place(storage).remove(f"{MARK}{mark}")


def _try(storage: str, mark: str, make: bool) -> tuple[str, int | None]:
    """Writes and reads a file; returns what came in the way, and the bytes that are free, where that is counted."""
    place, name = storage_place(storage), f"{MARK}{mark}"
    try:
        if make and isinstance(place, Folder):
            place.path.mkdir(parents=True, exist_ok=True)
        place.write(name, mark.encode())
        if place.read(name) != mark.encode():
            return "what was written there is not what can be read", None
        return "", shutil.disk_usage(place.path).free if isinstance(place, Folder) else None
    except OSError as error:
        return error.strerror or str(error), None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _compiled() -> bool:
    """Tells whether a module of TensorFlow's, like all of its, has its bytecode beside it."""
    spec = find_spec("tensorflow")
    if spec is None or spec.origin is None:
        return True
    return any(Path(cache_from_source(spec.origin, optimization=level)).exists() for level in ("", "1", "2"))


def _shared_memory() -> int:
    try:
        return shutil.disk_usage("/dev/shm").total if sys.platform == "linux" else 0  # noqa: S108 - it is where Ray keeps it
    except OSError:
        return 0


def _ray_key() -> str:
    if os.environ.get(TOKEN):
        return "own"
    path = token_file()
    try:
        mode = path.stat().st_mode
        for reads, passes in ((stat.S_IRGRP, stat.S_IXGRP), (stat.S_IROTH, stat.S_IXOTH)):
            if mode & reads and all(parent.stat().st_mode & passes for parent in path.parents):
                return "open"
    except OSError:
        return "none"
    return "own"
