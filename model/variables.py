"""The variables of one network: its weights, and what they are averaged and looked up with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.subwords import Buckets
from model.average import WeightAverage
from model.shape import Shape
from model.subwords import means, with_means
from model.trained import Weights


class NetworkVariables:
    """A network's weights as variables.

    All but the embedding lie in one vector: with fewer operations, a network compiles in a tenth less time.

    Attributes:
        shape: The network's.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        (_, embedding), *others = shape.weights()
        self._sizes = [size for _, size in others]
        self._lengths = [math.prod(size) for size in self._sizes]
        self._embedding = tf.Variable(tf.zeros(embedding), trainable=False)
        self._others = tf.Variable(tf.zeros(sum(self._lengths)), trainable=False)
        self._average = WeightAverage(self._embedding, self._others) if shape.ema else None
        ends = np.cumsum(self._lengths)
        # Batch norm's moving statistics lie among the other weights; their gradient is zero, and a step puts new ones there.
        self._statistics = [
            slice(end - length, end)
            for (kind, _), length, end in zip(others, self._lengths, ends, strict=True)
            if kind.startswith("moving")
        ]

    def assign(self, weights: Weights) -> None:
        """Puts weights in place, in Keras's order.

        Raises:
            ValueError: If their shapes are not this network's.
        """
        got, wanted = [weight.shape for weight in weights], [size for _, size in self.shape.weights()]
        if got != wanted:
            raise ValueError(f"The weights are of shapes {got}; this network needs {wanted}.")
        self._embedding.assign(weights[0])
        self._others.assign(np.concatenate([weight.ravel() for weight in weights[1:]]))

    def weights(self) -> Weights:
        """Returns a copy of the weights as they are, in Keras's order."""
        return self._in_order(self._embedding.numpy(), self._others.numpy())

    def learned(self, parts: Buckets | None = None) -> Weights:
        """Returns a copy of the weights to use, in Keras's order: their moving average, where there is one.

        A network of parts is told those of words: its embedding has one vector a word, the mean of several; behind them, those
        of parts.
        """
        embedding, *others = self._averaged()
        if parts is not None:
            embedding = with_means(embedding, parts, self.shape.vocabulary_size)
        return [embedding, *others]

    @contextmanager
    def as_learned(self) -> Iterator[None]:
        """Puts the weights to use in place for a while."""
        if self._average is None:
            yield
            return
        weights = self.weights()
        self.assign(self._averaged())
        try:
            yield
        finally:
            self.assign(weights)

    def _averaged(self) -> Weights:
        return self._in_order(*self._average.read()) if self._average else self.weights()

    def _in_order(self, embedding: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> Weights:
        parts = np.split(others, np.cumsum(self._lengths)[:-1])
        return [embedding, *(part.reshape(size) for part, size in zip(parts, self._sizes, strict=True))]

    def _as_read(self, others: tf.Tensor, rows: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the weights as `forward` takes them; rows, those of a batch's words (`batch_rows`), where there are parts."""
        pieces = tf.split(others, self._lengths)
        weights = [tf.reshape(piece, size) for piece, size in zip(pieces, self._sizes, strict=True)]
        return [means(self._embedding, *rows) if rows else self._embedding, *weights]

    def _decaying(self) -> npt.NDArray[np.float32]:
        """Returns 1 for each of the other weights that weight decay takes: kernels alone, not biases."""
        return np.repeat([float(len(size) > 1) for size in self._sizes], self._lengths).astype(np.float32)
