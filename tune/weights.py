"""The best weights of each trial: a file a trial, in a search's folder.

Not Tune's checkpoints: those cost a round trip and a snapshot of the whole experiment each, and what Tune's saved state
names may be gone. A trial writes its file whenever it improves, so the file is always of its best epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from data.errors import InputError
from model.mixture import Mixture
from model.trained import Trained
from tune.trial_files import DAMAGE, TrialFile, TrialFiles

MIXTURE = "mixture"


def write_trained(file: TrialFile, trained: Trained) -> None:
    """Writes what a training has learned, whole or not at all; not if the trial is run again elsewhere."""
    arrays: dict[str, Any] = {str(index): weight for index, weight in enumerate(trained.weights)}
    file.write(arrays | {MIXTURE: np.array(trained.mixture, dtype=np.float64)})


def read_trained(files: TrialFiles, trial: int) -> Trained:
    """Reads what `write_trained` wrote of a trial.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        arrays = files.read(trial)
        weights = [arrays[str(index)] for index in range(len(arrays) - 1)]
        return Trained(weights, Mixture(*arrays[MIXTURE].tolist()))
    except DAMAGE as error:
        raise InputError(f"{files.where(trial)} is damaged: {error}.") from None
