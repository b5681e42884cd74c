"""AdamW (Loshchilov & Hutter, ICLR 2019) in few operations, lazy on the embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from model.average import Touched, WeightAverage

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras's defaults


class LazyAdam:
    """Adam's moments of an embedding, if it is trained, and of all other weights, which lie in one vector.

    Only the rows of the embedding that a batch holds are updated, moments included: a dense update of 20,000 x 80 takes
    as long as a whole step on short texts. Weight decay is decoupled.

    Args:
        embedding: float32 (vocabulary, length); None if it is not trained.
        others: float32 (n,).
        decaying: float32 (n,): 1 where weight decay takes hold, 0 elsewhere.
        average: Moved with each step.
    """

    def __init__(
        self,
        embedding: tf.Variable | None,
        others: tf.Variable,
        decaying: npt.NDArray[np.float32],
        average: WeightAverage | None = None,
    ) -> None:
        self.variables = (others,) if embedding is None else (embedding, others)
        self.first = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in self.variables]
        self.second = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in self.variables]
        self._decaying, self._average = decaying, average

    @property
    def remembered(self) -> list[tf.Variable]:
        """All that a step leaves to the next: the moments, the first ones first."""
        return [*self.first, *self.second]

    def reset(self) -> None:
        """Forgets all moments."""
        for moment in self.remembered:
            moment.assign(np.zeros(moment.shape, dtype=np.float32))

    def apply(
        self,
        rows: tf.IndexedSlices | None,
        gradient: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
        decay: tf.Tensor,
        clip_norm: tf.Tensor,
        ema_momentum: tf.Tensor,
    ) -> None:
        """Takes one step.

        Args:
            rows: The embedding's gradient; a row may stand in it more than once. None if it is not trained.
            gradient: The others'.
            step: int32 scalar: how many steps were taken, this one included.
            rate, decay, clip_norm, ema_momentum: float32 scalars: learning rate, weight decay, greatest length of the
                gradient, momentum of the average.
        """
        length = tf.nn.l2_loss(gradient)
        if rows is not None:
            ids, places = tf.unique(rows.indices)
            row_gradient = tf.math.unsorted_segment_sum(rows.values, places, tf.size(ids))
            length = tf.nn.l2_loss(row_gradient) + length
        length = tf.sqrt(2 * length)
        scale = clip_norm / tf.maximum(length, clip_norm)
        power_1, power_2 = BETA_1 ** tf.cast(step, tf.float32), BETA_2 ** tf.cast(step, tf.float32)
        touched = None
        if rows is not None:
            touched = self._apply_rows(ids, scale * row_gradient, rate * tf.sqrt(1 - power_2) / (1 - power_1))
        others = self.variables[-1]
        others.assign_sub(others * (rate * decay * self._decaying))
        tf.raw_ops.ResourceApplyAdam(
            var=others.handle,
            m=self.first[-1].handle,
            v=self.second[-1].handle,
            beta1_power=power_1,
            beta2_power=power_2,
            lr=rate,
            beta1=BETA_1,
            beta2=BETA_2,
            epsilon=EPSILON,
            grad=scale * gradient,
        )
        if self._average:
            self._average.move(touched, step, ema_momentum)

    def _apply_rows(self, rows: tf.Tensor, gradient: tf.Tensor, rate: tf.Tensor) -> Touched:
        """Updates rows of the embedding."""
        table, first, second = self.variables[0], self.first[0], self.second[0]
        new_first = BETA_1 * tf.gather(first, rows) + (1 - BETA_1) * gradient
        new_second = BETA_2 * tf.gather(second, rows) + (1 - BETA_2) * tf.square(gradient)
        change = rate * new_first / (tf.sqrt(new_second) + EPSILON)
        first.scatter_update(tf.IndexedSlices(new_first, rows))
        second.scatter_update(tf.IndexedSlices(new_second, rows))
        before = tf.gather(table, rows)
        after = before - change
        table.scatter_update(tf.IndexedSlices(after, rows))
        return Touched(rows, before, after)
