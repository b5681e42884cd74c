"""How common classes are, and how much of that a linear model's logits keep. Needs no TensorFlow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BALANCE = 0.5
"""How much of the logarithm of its share of the rows is taken off each class's logit (Menon et al., ICLR 2021): at 0 rare
classes are hardly ever named, at 1 all classes count as equally frequent."""


def log_shares(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Returns the logarithm of each class's share of the rows: float32 (classes,).

    Args:
        rows: Of each class, int64 (classes,); a class without any counts as one with a single row.
    """
    shares = np.maximum(rows, 1) / max(1, int(rows.sum()))
    return np.log(shares).astype(np.float32)
