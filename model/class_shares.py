"""How common classes are, and how much of that a linear model's logits keep. Needs no TensorFlow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.mixture import Labels

BALANCE = 0.5
"""How much of the logarithm of its share of the rows is taken off each class's logit (Menon et al., ICLR 2021): at 0 rare
classes are hardly ever named, at 1 all classes count as equally frequent."""


def log_shares(labels: Labels, classes: int) -> npt.NDArray[np.float32]:
    """Returns the logarithm of each class's share of the rows: float32 (classes,)."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    return np.log(np.maximum(shares, 1e-6)).astype(np.float32)
