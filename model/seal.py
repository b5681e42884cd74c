"""The checksums of a folder's files: a byte that has changed since they were written is found, wherever it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError
from data.measured import read_document

SEAL = "seal.json"


def write_seal(folder: Path) -> None:
    """Writes down the SHA-256 of each file in a folder and the folders within it."""
    (folder / SEAL).write_text(json.dumps(_digests(folder), indent=2), encoding="utf-8")


def check_seal(folder: Path) -> None:
    """Makes sure that a folder's files are as they were when it was sealed; folders of earlier versions have no seal.

    Raises:
        InputError: Naming the file that is not.
    """
    path = folder / SEAL
    if not path.exists():
        return
    try:
        changed = list(_changed(folder))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{folder} is damaged: {path.name} cannot be read ({error}).") from None
    if changed:
        raise InputError(f"{folder} is damaged: {changed[0]}. Take the folder's copy from where it came from.")


def is_whole(folder: Path) -> bool:
    """Tells whether a folder has its seal, and its files are as they were when it was sealed.

    Raises:
        OSError: If they cannot be read, which says nothing of them.
    """
    try:
        return (folder / SEAL).is_file() and not list(_changed(folder))
    except (ValueError, TypeError, RecursionError):
        return False


def _changed(folder: Path) -> Iterator[str]:
    """Yields what has become of files since the folder was sealed."""
    found = _digests(folder)
    for name, digest in dict(json.loads(read_document(folder / SEAL))).items():
        if name not in found:
            yield f"{name} is missing"
        elif found[name] != digest:
            yield f"{name} has changed since it was written"


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)
    return {path.relative_to(folder).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
