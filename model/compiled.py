"""Compiled training and inference steps of one network shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.subwords import MOST, NONE, Parts
from model.class_balance import ClassBalance
from model.forward import Dropout, forward, forward_with_statistics
from model.knobs import Knobs
from model.loss_scale import LossScale
from model.losses import cross_entropies, shaped_cross_entropies, top_k
from model.optimizer import LazyAdam
from model.shape import Shape
from model.subwords import COLUMNS, batch_rows, words_of
from model.trained import Weights
from model.variables import NetworkVariables

GRAPHS = 25 * 2**20
"""Bytes that the graphs of a network take: 17 to 32 MiB by benchmarks/memory.py, as Python's garbage collector left them."""

RANK_FIRST_BELOW = 0.65
"""Fraction of a batch up to which ranking it first and training on the hardest rows alone costs less than training on
all of it; without dropout both give the same gradient. Measured by benchmarks/top_k_step.py."""

NO_PARTS = np.full((2, MOST), NONE, np.int32)
"""Of padding and `UNKNOWN`, which is all that steps are compiled with."""

Step = Callable[..., tf.Tensor]


class CompiledNetwork(NetworkVariables):
    """The variables of one network and its steps, each compiled when first used.

    Batches may be of any size and length: the steps are traced once, for all.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        trained = self._embedding if shape.train_embedding else None
        self._adam = LazyAdam(trained, self._others, self._decaying(), self._average)
        self._class_weights = tf.Variable(tf.ones(shape.classes), trainable=False)
        self._class_offsets = tf.Variable(tf.zeros(shape.classes), trainable=False)
        self._scale = LossScale() if shape.precision == "float16" else None
        ids = tf.TensorSpec((None, None), tf.int32)
        labels = tf.TensorSpec((None,), tf.int32)
        scalar = tf.TensorSpec((), tf.int32)
        knobs = tf.TensorSpec((len(Knobs._fields),), tf.float32)
        seed = tf.TensorSpec((2,), tf.int64)
        words = (tf.TensorSpec((None, COLUMNS), tf.int32),) if shape.parts else ()
        signature = (ids, labels, scalar, scalar, knobs, seed, *words)
        # Python's loops and conditions are over the shape; there is nothing for AutoGraph to convert.
        function = partial(tf.function, autograph=False)
        self._infer = function(self._logits, input_signature=(ids, *words))
        self._train_on_all: Step = function(self._dense_step, input_signature=signature)
        self._train_on_hardest: Step = function(self._ranked_step, input_signature=signature)
        self._warm: set[Step] = set()
        self._warm_to_infer = False

    @property
    def size(self) -> int:
        """An estimate of the bytes that it holds: its graphs; each weight with Adam's two moments, and its moving average."""
        return GRAPHS + sum(4 * (3 + self.shape.ema) * math.prod(size) for _, size in self.shape.weights())

    def reset(self, weights: Weights, balance: ClassBalance | None = None) -> None:
        """Puts weights in place, and what training does for rare classes; forgets the optimizer's state."""
        self.assign(weights)
        self._class_weights.assign(balance.weights if balance else np.ones(self.shape.classes, np.float32))
        self._class_offsets.assign(balance.offsets if balance else np.zeros(self.shape.classes, np.float32))
        self._adam.reset()
        if self._average:
            self._average.reset()
        if self._scale:
            self._scale.reset()

    def optimizer_state(self) -> list[npt.NDArray[Any]]:
        """Returns a copy of what the optimizer remembers (`model.snapshot`)."""
        return [variable.numpy() for variable in self._remembered]

    def restore(self, weights: Weights, optimizer: list[npt.NDArray[Any]]) -> None:
        """Puts weights and what the optimizer remembers in place.

        Raises:
            ValueError: If they are not of this network.
        """
        got, wanted = [part.shape for part in optimizer], [tuple(variable.shape) for variable in self._remembered]
        if got != wanted:
            raise ValueError(f"The optimizer's state is of shapes {got}; this network needs {wanted}.")
        self.assign(weights)
        for variable, part in zip(self._remembered, optimizer, strict=True):
            variable.assign(part)

    @property
    def _remembered(self) -> list[tf.Variable]:
        more = [part.remembered for part in (self._scale, self._average) if part]
        return [*self._adam.remembered, *(variable for part in more for variable in part)]

    def warm_up(self, fractions: set[float]) -> None:
        """Compiles the steps that batches trained on in these fractions take, if they are not; weights become useless."""
        tokens, labels = np.ones((2, 2), np.int32), np.zeros(2, np.int32)
        for take in {self._step_for(fraction) for fraction in fractions} - self._warm:
            places, *words = self._words(tokens, NO_PARTS)
            take(places, labels, 1, 1, np.ones(len(Knobs._fields), np.float32) / 2, np.zeros(2, np.int64), *words)
            self._warm.add(take)
        if not self._warm_to_infer:
            self.infer(tokens, NO_PARTS)
            self._warm_to_infer = True

    def train(
        self,
        tokens: npt.NDArray[np.int32],
        labels: npt.NDArray[np.int32],
        *,
        fraction: float,
        step: int,
        knobs: Knobs,
        seed: int,
        parts: Parts | None = None,
    ) -> tf.Tensor:
        """Takes one training step on the hardest rows of a batch, the cheaper of the two ways.

        Args:
            tokens: int32 (batch, time), below `known(parts)`.
            labels: int32 (batch,).
            fraction: Of the batch to train on, in (0, 1]; one row at least.
            step: How many steps were taken, this one included.
            knobs: Learning rate, dropout rates and the like.
            seed: Of the dropout; the same seed and step give the same masks.
            parts: Those of the words, for a network of them.

        Returns:
            The loss as trained, float32 scalar: the mean over those rows. On a GPU the step may still be under way; to
            read the number waits for it.
        """
        k = max(1, round(fraction * len(labels)))
        dropout_seed = np.array([step * 1024, seed], np.int64)
        places, *words = self._words(tokens, parts)
        return self._step_for(fraction)(places, labels, k, step, np.array(knobs, np.float32), dropout_seed, *words)

    def known(self, parts: Parts | None = None) -> int:
        """Returns the id from which on words are `UNKNOWN`, given the parts of words for a network of them."""
        return len(parts) if parts is not None and self.shape.parts else self.shape.vocabulary_size

    def infer(self, tokens: npt.NDArray[np.int32], parts: Parts | None = None) -> npt.NDArray[np.float32]:
        """Returns logits, float32 (batch, classes).

        Args:
            tokens: int32 (batch, time), below `known(parts)`.
            parts: Those of the words, for a network of them; others do not look at them.
        """
        logits: npt.NDArray[np.float32] = self._infer(*self._words(tokens, parts)).numpy()
        return logits

    def _words(self, tokens: npt.NDArray[np.int32], parts: Parts | None) -> Sequence[npt.NDArray[np.int32]]:
        """Returns tokens as the compiled steps take them; for a network of parts, places among the rows that follow."""
        if not self.shape.parts:
            return (tokens,)
        if parts is None:
            raise ValueError("The network reads the parts of words, and was given none.")
        return batch_rows(tokens, parts, self.shape.vocabulary_size, composed=self.shape.composed)

    def _step_for(self, fraction: float) -> Step:
        # The hardest rows alone have other means and variances than the batch that they are of.
        hardest = fraction <= RANK_FIRST_BELOW and not self.shape.batch_norm
        return self._train_on_hardest if hardest else self._train_on_all

    def _logits(self, tokens: tf.Tensor, *words: tf.Tensor) -> tf.Tensor:
        return forward(self.shape, self._as_read(self._others, words), tokens)

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor, knob: Knobs) -> tf.Tensor:
        """Returns each example's loss, by which a batch is ranked and trained on: float32 (batch,)."""
        if self.shape.plain_loss:
            return cross_entropies(labels, logits)
        balance = self._class_weights, self._class_offsets
        return shaped_cross_entropies(labels, logits, *balance, knob.focal_gamma, knob.label_smoothing)

    def _dense_step(
        self,
        tokens: tf.Tensor,
        labels: tf.Tensor,
        k: tf.Tensor,
        step: tf.Tensor,
        knobs: tf.Tensor,
        seed: tf.Tensor,
        *words: tf.Tensor,
    ) -> tf.Tensor:
        knob = Knobs(*tf.unstack(knobs))
        rates = (knob.learning_rate, knob.weight_decay, knob.clip_norm, knob.ema_momentum)
        dropout = Dropout(
            embedding=knob.embedding_dropout,
            lstm=knob.lstm_dropout,
            output=knob.output_dropout,
            recurrent=knob.recurrent_dropout,
            weight=knob.weight_dropout,
            dense=knob.dense_dropout,
            seed=seed,
        )
        others = tf.convert_to_tensor(self._others)
        watched = [others, self._embedding] if self.shape.train_embedding else [others]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            logits, statistics = forward_with_statistics(self.shape, self._as_read(others, words), tokens, dropout)
            loss = top_k(self._losses(labels, logits, knob), k)
            scaled = loss * self._scale.factor if self._scale else loss
        gradient, *rows = tape.gradient(scaled, watched)

        def apply() -> None:
            for place, statistic in zip(self._statistics, statistics, strict=True):
                self._others[place].assign(statistic)
            self._adam.apply(rows[0] if rows else None, gradient, step, *rates)

        if self._scale is None:
            apply()
            return loss
        factor = self._scale.factor
        rows = [tf.IndexedSlices(part.values / factor, part.indices, part.dense_shape) for part in rows]
        gradient /= factor
        finite = self._scale.adapt([*(part.values for part in rows), gradient])
        tf.cond(finite, apply, lambda: None)
        return loss

    def _ranked_step(
        self,
        tokens: tf.Tensor,
        labels: tf.Tensor,
        k: tf.Tensor,
        step: tf.Tensor,
        knobs: tf.Tensor,
        seed: tf.Tensor,
        *words: tf.Tensor,
    ) -> tf.Tensor:
        losses = self._losses(labels, self._infer(tokens, *words), Knobs(*tf.unstack(knobs)))
        hardest = tf.math.top_k(losses, k, sorted=False).indices
        texts = tf.gather(tokens, hardest)
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(tf.not_equal(texts, 0), tf.int32), axis=1))
        texts = texts[:, :longest]
        if words:
            texts, rows = words_of(texts, *words)
            words = (rows,)
        return self._train_on_all(texts, tf.gather(labels, hardest), k, step, knobs, seed, *words)
