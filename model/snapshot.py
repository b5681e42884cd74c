"""What a training needs to go on in another process. Needs no TensorFlow."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

from model.trained import Weights


class Snapshot(NamedTuple):
    """A training between two epochs.

    Attributes:
        epoch: Epochs that it has trained.
        steps: Steps that it has taken.
        weights: The network's.
        optimizer: Adam's first moments of the embedding, where it is trained, and of all other weights, its second moments
            likewise, float32; in mixed precision, the loss scale's factor and count of finite steps too; where weights are
            averaged, the averages and how far each row's has come (`model.average`).
    """

    epoch: int
    steps: int
    weights: Weights
    optimizer: list[npt.NDArray[Any]]
