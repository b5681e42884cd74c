"""The LSTM's computation over weights in Keras's form: the one place that chooses how it is done."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Runs one LSTM layer in one direction, as `keras.layers.LSTM` with its default activations computes it.

    TensorFlow's fused BlockLSTMV2 orders its gates as Keras does (input, forget, cell, output). The gradient that
    TensorFlow 2.21 registers for it is that of the older BlockLSTM, whose gates stand in another order, and so is wrong
    without a warning (tensorflow/python/ops/rnn_grad.py); hence ours, by the operation made for it.

    Args:
        x: float32 (time, batch, inputs).
        kernel, recurrent, bias: float32 (inputs, 4 * units), (units, 4 * units), (4 * units,).

    Returns:
        float32 (time, batch, units): the output at each step.
    """
    return _block_lstm(x, tf.concat([kernel, recurrent], axis=0), tf.convert_to_tensor(bias))


@tf.custom_gradient
def _block_lstm(x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    units = b.shape[0] // 4
    state = tf.zeros((tf.shape(x)[1], units))
    peephole = tf.zeros((units,))  # not used, but must be of this shape
    inputs = {
        "seq_len_max": tf.cast(tf.shape(x)[0], tf.int64),
        "x": x,
        "cs_prev": state,
        "h_prev": state,
        "w": w,
        "wci": peephole,
        "wcf": peephole,
        "wco": peephole,
        "b": b,
        "use_peephole": False,
    }
    outputs = tf.raw_ops.BlockLSTMV2(**inputs, cell_clip=0.0)

    def gradient(h_grad: tf.Tensor) -> tuple[tf.Tensor, ...]:
        grads = tf.raw_ops.BlockLSTMGradV2(**inputs, **outputs._asdict(), cs_grad=tf.zeros_like(outputs.cs), h_grad=h_grad)
        return grads.x_grad, grads.w_grad, grads.b_grad

    return outputs.h, gradient
