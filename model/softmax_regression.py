"""Softmax regression on n-grams by stochastic gradient descent. Needs no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from model.class_shares import log_shares
from model.logits import Labels, softmax

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

RATES = tuple(2.0**power for power in range(-3, 8))
"""Step sizes to choose from."""
TYPICAL = 100
"""N-grams of a text at which a step size of 1 is a good guess; it grows with the root of their number."""
BATCHES, SMALLEST, LARGEST = 60, 8, 64
"""Batches of an epoch where that makes them neither smaller nor larger than so many rows."""


class Rate(NamedTuple):
    """A step size, and what it came to on the rows that it was chosen on.

    Attributes:
        value: The step size.
        logits: float32 (rows held out, classes), of a fit on the others.
    """

    value: float
    logits: Floats


def choose_rate(features: csr_array, labels: Labels, classes: int, held_out: Mask, epochs: int, seed: int) -> Rate | None:
    """Climbs from a guess to better neighbours, as long as the loss on the rows held out falls; None where none are, or all.

    Args:
        features: float32 (n, f), the last 1 everywhere: its part of the kernel is the bias.
        labels: int32 (n,), in [0, classes).
        classes: How many.
        held_out: bool (n,): the rows to choose on.
        epochs: Times that each row is visited.
        seed: Of the order.
    """
    if not 0 < held_out.sum() < len(labels):
        return None
    seen, unseen = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    losses: dict[int, float] = {}
    said: dict[int, Floats] = {}

    def loss(index: int) -> float:
        if index not in losses:
            kernel = descend(features[seen], labels[seen], classes, RATES[index], epochs, seed)
            said[index] = features[unseen] @ kernel
            probabilities = softmax(said[index])[np.arange(len(unseen)), labels[unseen]]
            losses[index] = -float(np.log(np.maximum(probabilities, 1e-30)).mean())
        return losses[index]

    guess = np.log2(np.sqrt(features.nnz / features.shape[0] / TYPICAL))
    first = best = int(np.clip(round(guess - np.log2(RATES[0])), 0, len(RATES) - 1))
    for direction in (1, -1):
        while 0 <= best + direction < len(RATES) and loss(best + direction) < loss(best):
            said.pop(best)
            best += direction
        said.pop(best + direction, None)
        if best != first:
            break
    loss(best)
    return Rate(RATES[best], said[best])


def descend(features: csr_array, labels: Labels, classes: int, rate: float, epochs: int, seed: int) -> Floats:
    """Fits with a given step size, which falls to zero: float32 (f, classes).

    Features that are seen often take smaller steps, the root of the sum of their squares being what AdaGrad (Duchi et al.,
    JMLR 2011) would come to. Few epochs of falling steps regularise.
    """
    rows, size = features.shape
    rng = np.random.default_rng(seed)
    squares = np.bincount(features.indices, features.data.astype(np.float64) ** 2, size)
    scale = 1 / np.sqrt(np.maximum(squares, 1e-6))
    scale = (scale * squares.sum() / (scale * squares).sum()).astype(np.float32)
    kernel = np.zeros((size, classes), np.float32)
    kernel[-1] = log_shares(np.bincount(labels, minlength=classes))
    place, touched = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=bool)
    batch_size = int(np.clip(rows // BATCHES, SMALLEST, LARGEST))
    steps, step = epochs * -(-rows // batch_size), 0
    for _ in range(epochs):
        order = rng.permutation(rows)
        for first in range(0, rows, batch_size):
            batch = np.sort(order[first : first + batch_size])
            x = features[batch]
            gradient = softmax(x @ kernel)
            gradient[np.arange(len(batch)), labels[batch]] -= 1
            gradient *= -rate * (1 - step / steps)
            # Only the rows of the kernel whose n-grams stand in the batch change.
            touched[x.indices] = True
            columns = np.flatnonzero(touched)
            touched[columns] = False
            place[columns] = np.arange(len(columns))
            scaled = csr_array((x.data * scale[x.indices], place[x.indices], x.indptr), shape=(len(batch), len(columns)))
            kernel[columns] += scaled.T @ gradient
            step += 1
    return kernel
