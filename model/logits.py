"""Logits, the labels that they are compared with, and the probabilities that they mean. Needs no TensorFlow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
AT_ONCE = 2**21
"""Figures that are computed with at a time: rows times classes may be more than memory has room for several times over."""


def softmax(logits: Logits) -> Logits:
    """Returns probabilities, rows summing to 1: float32, of the logits' shape."""
    exponentials: Logits = np.exp(logits - logits.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials
