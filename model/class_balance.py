"""What training does for rare classes: weights and offsets by how many training rows each class has. Needs no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from model.class_shares import log_shares
from model.hparams import ClassWeight, HParams

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


class ClassBalance(NamedTuple):
    """Of each class, float32 (classes,).

    Attributes:
        weights: What the loss of its examples is multiplied by; 1 on the average over the training rows.
        offsets: What is added to its logit while training.
    """

    weights: Floats
    offsets: Floats

    @classmethod
    def of(cls, hparams: HParams, rows: Counts) -> Self:
        """Makes what hyperparameters ask for, given each class's training rows, int64 (classes,)."""
        weights = class_weights(rows, hparams.class_weight, hparams.class_weight_beta)
        return cls(weights, (hparams.logit_adjustment * log_shares(rows)).astype(np.float32))


def class_weights(rows: Counts, kind: ClassWeight, beta: float) -> Floats:
    """Returns each class's weight, scaled so that the mean over the training rows is 1: float32 (classes,).

    A mean of 1 over rows, not over classes: so the loss is on the average as large as without weights, and the same learning
    rate and clipping serve.

    Args:
        rows: Training rows of each class, int64 (classes,); a class without any weighs as one with a single row.
        kind: 'balanced' weighs by one over the rows, so that all classes weigh the same together; 'effective' by one over
            their effective number, (1 - beta^rows) / (1 - beta) (Cui et al., CVPR 2019); 'none' by 1.
        beta: In [0, 1).
    """
    if kind == "none":
        return np.ones(len(rows), np.float32)
    present = np.maximum(rows, 1).astype(np.float64)
    weights = 1 / present if kind == "balanced" else (1 - beta) / (1 - beta**present)
    scaled: npt.NDArray[np.float64] = weights * rows.sum() / (weights * rows).sum()
    return scaled.astype(np.float32)
