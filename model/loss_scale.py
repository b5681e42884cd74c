"""Dynamic loss scaling, so that gradients in float16 do not vanish (Micikevicius et al., ICLR 2018)."""

from __future__ import annotations

import tensorflow as tf

INITIAL, GROWTH_STEPS = 2.0**15, 2000  # Keras's defaults


class LossScale:
    """The factor of a loss before its gradient is taken: doubled after 2,000 finite gradients, halved at one that is not."""

    def __init__(self) -> None:
        self.factor = tf.Variable(INITIAL, trainable=False)
        self._finite_steps = tf.Variable(0, trainable=False)

    def reset(self) -> None:
        """Begins anew."""
        self.factor.assign(INITIAL)
        self._finite_steps.assign(0)

    @property
    def remembered(self) -> list[tf.Variable]:
        """All that a step leaves to the next: the factor, and the count of finite gradients since it last changed."""
        return [self.factor, self._finite_steps]

    def adapt(self, gradients: list[tf.Tensor]) -> tf.Tensor:
        """Adapts the factor to unscaled gradients, float32 of any shapes; returns whether all are finite, bool scalar."""
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
        steps = tf.where(finite, self._finite_steps + 1, 0)
        grown = tf.where(steps >= GROWTH_STEPS, 2.0, 1.0)
        self.factor.assign(tf.maximum(self.factor * tf.where(finite, grown, 0.5), 1.0))
        self._finite_steps.assign(tf.where(steps >= GROWTH_STEPS, 0, steps))
        return finite
