"""AdamW (Loshchilov & Hutter, ICLR 2019) in few operations, lazy on the embedding."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras's defaults


class LazyAdam:
    """Adam's moments of a list of variables, of which the first is an embedding.

    Only the rows of the embedding that a batch holds are updated, moments included: a dense update of 20,000 x 80 takes
    as long as a whole step on short texts. Weight decay is decoupled and takes kernels alone, not the embedding nor
    biases.
    """

    def __init__(self, variables: list[tf.Variable]) -> None:
        self.variables = variables
        self.first = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in variables]
        self.second = [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in variables]

    def reset(self) -> None:
        """Forgets all moments."""
        for moment in (*self.first, *self.second):
            moment.assign(np.zeros(moment.shape, dtype=np.float32))

    def apply(
        self, gradients: list[tf.Tensor], step: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor, clip_norm: tf.Tensor
    ) -> None:
        """Takes one step.

        Args:
            gradients: One for each variable; the embedding's as IndexedSlices.
            step: int32 scalar: how many steps were taken, this one included.
            rate, decay, clip_norm: float32 scalars: learning rate, weight decay, greatest length of the gradient.
        """
        rows, positions = tf.unique(gradients[0].indices)
        row_gradients = tf.math.unsorted_segment_sum(gradients[0].values, positions, tf.size(rows))
        (row_gradients, *dense), _ = tf.clip_by_global_norm([row_gradients, *gradients[1:]], clip_norm)
        power_1, power_2 = BETA_1 ** tf.cast(step, tf.float32), BETA_2 ** tf.cast(step, tf.float32)
        self._apply_rows(rows, row_gradients, rate * tf.sqrt(1 - power_2) / (1 - power_1))
        for variable, first, second, gradient in zip(self.variables[1:], self.first[1:], self.second[1:], dense, strict=True):
            if len(variable.shape) > 1:
                variable.assign(variable * (1 - rate * decay))
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=power_1,
                beta2_power=power_2,
                lr=rate,
                beta1=BETA_1,
                beta2=BETA_2,
                epsilon=EPSILON,
                grad=gradient,
            )

    def _apply_rows(self, rows: tf.Tensor, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        table, first, second = self.variables[0], self.first[0], self.second[0]
        new_first = BETA_1 * tf.gather(first, rows) + (1 - BETA_1) * gradient
        new_second = BETA_2 * tf.gather(second, rows) + (1 - BETA_2) * tf.square(gradient)
        change = rate * new_first / (tf.sqrt(new_second) + EPSILON)
        first.scatter_update(tf.IndexedSlices(new_first, rows))
        second.scatter_update(tf.IndexedSlices(new_second, rows))
        table.scatter_sub(tf.IndexedSlices(change, rows))
