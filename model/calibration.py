"""Whether probabilities mean what they say, and one temperature that makes them. Needs no TensorFlow."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from model.logits import AT_ONCE, Labels, Logits

BINS = 15
"""Bins of equal width of the calibration error, as Guo et al. have it."""
MOST = 20.0
"""Temperatures lie between its inverse and this."""


def calibration_error(probabilities: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Returns the expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017), in [0, 1].

    Rows are sorted into 15 bins of equal width by the probability of the class that was answered; the error is the mean
    distance, over the rows, between their bin's mean probability and its share of right answers. Few rows make it larger
    than it is.

    Args:
        probabilities: float64 (n,): of the class answered.
        right: bool (n,): whether that was the row's class.

    Returns:
        Not a number where a probability is none.
    """
    if not np.isfinite(probabilities).all():
        return math.nan
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, probabilities, BINS) - np.bincount(bins, right, BINS)
    return float(np.abs(gaps).sum() / len(probabilities))


def fit_temperature(labels: Labels, logits: Logits) -> float:
    """Finds the temperature of the lowest cross-entropy (Guo et al., ICML 2017); the loss is convex in its inverse.

    A prior, the inverse being normal around 1 with a standard deviation of 1, keeps that of few rows in bounds. The loss of
    these rows is never higher than at a temperature of 1.

    Args:
        labels: int32 (n,).
        logits: float32 (n, classes): of texts that nothing was trained on.

    Returns:
        What logits are to be divided by, in [1/20, 20].
    """
    from scipy.optimize import minimize_scalar  # trials evaluate too, and have no use for it

    step = max(1, AT_ONCE // logits.shape[1])

    def cost(inverse: float) -> float:
        total = (inverse - 1) ** 2 / 2
        for first in range(0, len(labels), step):
            scores, truth = logits[first : first + step].astype(np.float64), labels[first : first + step]
            scores -= scores.max(axis=1, keepdims=True)
            right = scores[np.arange(len(truth)), truth]
            total += float((np.log(np.exp(inverse * scores).sum(axis=1)) - inverse * right).sum())
        return total

    best = float(minimize_scalar(cost, bounds=(1 / MOST, MOST), method="bounded", options={"xatol": 1e-6}).x)
    return 1 / best if cost(best) < cost(1.0) else 1.0


def cool(logits: Logits, temperature: float) -> Logits:
    """Divides logits by a temperature: float32, of their shape. The likeliest class stays the likeliest."""
    return logits if temperature == 1 else np.float32(1 / temperature) * logits
