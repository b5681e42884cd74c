"""The checksums of a folder's files: a byte that has changed since they were written is found, wherever it stands."""

from __future__ import annotations

import hashlib
import json
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
        sealed = dict(json.loads(read_document(path)))
        found = _digests(folder)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{folder} is damaged: {path.name} cannot be read ({error}).") from None
    for name, digest in sealed.items():
        if found.get(name) != digest:
            what = "has changed since it was written" if name in found else "is missing"
            raise InputError(f"{folder} is damaged: {name} {what}. Take the folder's copy from where it came from.")


def is_whole(folder: Path) -> bool:
    """Tells whether a folder has its seal, and its files are as they were when it was sealed."""
    try:
        check_seal(folder)
    except InputError:
        return False
    return (folder / SEAL).is_file()


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)
    return {path.relative_to(folder).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
