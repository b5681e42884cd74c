"""The moving average of weights over training steps (Polyak & Juditsky, 1992), lazy on the embedding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

WARM_UP = 9.0
"""The first steps keep less than the momentum says, so that the initial weights are soon forgotten."""


class Touched(NamedTuple):
    """Rows of the embedding that a step has changed.

    Attributes:
        rows: int32 (rows,), each once.
        before, after: float32 (rows, length): what they were and are.
    """

    rows: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor


class WeightAverage:
    """An average that each step moves towards the weights: average = m * average + (1 - m) * weights.

    m is the momentum, or (1 + step) / (1 + WARM_UP + step) if that is less. A row of the embedding stands still while no
    batch holds it, so that what those steps would have done to its average is done when it is next touched, or read: the
    logarithm of the product of all m so far is kept, and for each row what it was when the row was last touched.

    Args:
        embedding: float32 (vocabulary, length).
        others: float32 (n,).
    """

    def __init__(self, embedding: tf.Variable, others: tf.Variable) -> None:
        self._weights = (embedding, others)
        self._averages = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in self._weights]
        self._kept = tf.Variable(0.0, trainable=False)
        self._kept_at = tf.Variable(tf.zeros(embedding.shape[0]), trainable=False)

    @property
    def remembered(self) -> list[tf.Variable]:
        """All that a step leaves to the next: the averages, and the logarithms of the products."""
        return [*self._averages, self._kept, self._kept_at]

    def reset(self) -> None:
        """Begins anew, with the weights as they are."""
        for average, weights in zip(self._averages, self._weights, strict=True):
            average.assign(weights)
        self._kept.assign(0.0)
        self._kept_at.assign(np.zeros(self._kept_at.shape, np.float32))

    def move(self, touched: Touched | None, step: tf.Tensor, momentum: tf.Tensor) -> None:
        """Takes one step, after the weights were changed.

        Args:
            touched: Rows of the embedding; None if it is not trained.
            step: int32 scalar: how many steps were taken, this one included.
            momentum: float32 scalar, in [0, 1).
        """
        taken = tf.cast(step, tf.float32)
        m = tf.minimum(momentum, (1 + taken) / (1 + WARM_UP + taken))
        self._averages[1].assign(self._weights[1] + (self._averages[1] - self._weights[1]) * m)
        if touched is None:
            return
        rows, before, after = touched
        average = before + (tf.gather(self._averages[0], rows) - before) * self._kept_since(tf.gather(self._kept_at, rows))
        self._averages[0].scatter_update(tf.IndexedSlices(after + (average - after) * m, rows))
        kept = self._kept.assign_add(tf.math.log(tf.maximum(m, 1e-9)))
        self._kept_at.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(rows), kept), rows))

    def read(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Returns the averages of the embedding and of the others."""
        table = self._weights[0].numpy()
        kept = self._kept_since(self._kept_at).numpy()
        return table + (self._averages[0].numpy() - table) * kept, self._averages[1].numpy()

    def _kept_since(self, at: tf.Tensor) -> tf.Tensor:
        return tf.exp(self._kept - at)[:, None]
