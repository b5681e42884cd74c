"""What a training needs to go on in another process. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from model.trained import Weights


class Snapshot(NamedTuple):
    """A training between two epochs, or two steps of one.

    Attributes:
        epoch: Epochs that it has trained, whole.
        steps: Steps that it has taken.
        weights: The network's.
        optimizer: Adam's first moments of the embedding, where it is trained, and of all other weights, its second moments
            likewise, float32; in mixed precision, the loss scale's factor and count of finite steps too; where weights are
            averaged, the averages and how far each row's has come (`model.average`).
        losses: The losses, as trained, of the steps of an epoch that is under way.
        seconds: What those steps took.
    """

    epoch: int
    steps: int
    weights: Weights
    optimizer: list[npt.NDArray[Any]]
    losses: Sequence[float] = ()
    seconds: float = 0.0
