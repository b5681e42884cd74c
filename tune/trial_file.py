"""A trial's file in one of the search's folders: arrays by name, no pickle."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.archive import check_archive

DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError)
"""What may be raised where a file is not what it should be."""
NAME = re.compile(r"\.?(\d{5,})\.npz(\.\d+)?")
"""A file, or one that a process has not written to its end."""


def trial_file(folder: Path, trial: int) -> Path:
    """Returns where a trial's file stands."""
    return folder / f"{trial:05d}.npz"


def trial_of(path: Path) -> int | None:
    """Returns the trial whose file this is, half written or whole; None if it is none."""
    match = NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.replace(path)


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Reads what `write_arrays` wrote; raises one of `DAMAGE` if it is damaged or not there."""
    with path.open("rb") as file:
        check_archive(file)
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
