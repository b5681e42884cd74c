"""The best weights of each trial: a file a trial, in a search's folder.

Not Tune's checkpoints: those cost a round trip and a snapshot of the whole experiment each, and what Tune's saved state
names may be gone. A trial writes its file whenever it improves, so the file is always of its best epoch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from model.mixture import Mixture
from model.trained import Trained
from tune.trial_file import DAMAGE, read_arrays, write_arrays

MIXTURE = "mixture"


def size_of(path: Path) -> int:
    """Returns a file's bytes; 0 if it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def write_trained(path: Path, trained: Trained) -> None:
    """Writes what a training has learned, whole or not at all."""
    arrays: dict[str, Any] = {str(index): weight for index, weight in enumerate(trained.weights)}
    write_arrays(path, arrays | {MIXTURE: np.array(trained.mixture, dtype=np.float64)})


def read_trained(path: Path) -> Trained:
    """Reads what `write_trained` wrote.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        arrays = read_arrays(path)
        weights = [arrays[str(index)] for index in range(len(arrays) - 1)]
        return Trained(weights, Mixture(*arrays[MIXTURE].tolist()))
    except DAMAGE as error:
        raise InputError(f"{path} is damaged: {error}.") from None
