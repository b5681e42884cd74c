"""The LSTM's computation over weights in Keras's form: the one place that chooses how it is done."""

from __future__ import annotations

from typing import Literal

import tensorflow as tf

Kernel = Literal["block", "cudnn", "loop"]


def choose_kernel(*, gpu: bool, dtype: tf.DType) -> Kernel:
    """Chooses how an LSTM layer is computed: 'cudnn' on a GPU, 'block' on cores, 'loop' where neither can do the type.

    cuDNN takes bfloat16 without a complaint and gives right outputs, but gradients that have nothing to do with the right
    ones (TensorFlow 2.21, cuDNN 9.19, an H100; benchmarks/gpu.py).

    What is computed by them meets all conditions of cuDNN: default activations, a bias, no recurrent dropout (`masked_lstm`
    has that), and no mask (texts are padded on the right, and nothing behind a text's end is read). On cores the fused
    operation costs less than a loop over steps, but for batches of 512 rows (benchmarks/kernels.py).
    """
    if gpu:
        return "loop" if dtype == tf.bfloat16 else "cudnn"
    return "block" if dtype in {tf.float32, tf.float16} else "loop"


def lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Runs one LSTM layer in one direction, as `keras.layers.LSTM` with its default activations computes it.

    Args:
        x: float (time, batch, inputs); its type is what is computed in.
        kernel, recurrent, bias: Of the same type, (inputs, 4 * units), (units, 4 * units), (4 * units,); gates in the
            order input, forget, cell, output.

    Returns:
        Float (time, batch, units): the output at each step.
    """
    gpu = bool(tf.config.list_logical_devices("GPU"))
    compute = {"block": block_lstm, "cudnn": cudnn_lstm, "loop": loop_lstm}[choose_kernel(gpu=gpu, dtype=x.dtype)]
    return compute(x, kernel, recurrent, bias)


def block_lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Runs TensorFlow's fused BlockLSTM; for arguments and result see `lstm`.

    Not BlockLSTMV2, which has Keras's order of gates: TensorFlow 2.21 registers the gradient of BlockLSTM for it, whose
    order is another (input, cell, forget, output), and training on that goes wrong without a warning
    (tensorflow/python/ops/rnn_grad.py). A gradient of our own would be kept, with its graph, for as long as the process
    lives: `tf.custom_gradient` registers each under a name.
    """
    units = bias.shape[0] // 4
    weights = tf.concat([kernel, recurrent], axis=0)
    state, peephole = tf.zeros((tf.shape(x)[1], units), x.dtype), tf.zeros((units,), x.dtype)
    return tf.raw_ops.BlockLSTM(
        seq_len_max=tf.cast(tf.shape(x)[0], tf.int64),
        x=x,
        cs_prev=state,
        h_prev=state,
        w=_cell_before_forget(weights),
        wci=peephole,  # peepholes are not used, but must be of this shape
        wcf=peephole,
        wco=peephole,
        b=_cell_before_forget(bias),
        forget_bias=0.0,
        cell_clip=-1.0,
        use_peephole=False,
    ).h


def _cell_before_forget(gates: tf.Tensor) -> tf.Tensor:
    """Changes the order of gates along the last axis from Keras's to BlockLSTM's, or back."""
    first, forget, cell, output = tf.split(gates, 4, axis=-1)
    return tf.concat([first, cell, forget, output], axis=-1)


def cudnn_lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Runs NVIDIA's cuDNN, on a GPU only; for arguments and result see `lstm`."""
    steps, batch = tf.shape(x)[0], tf.shape(x)[1]
    state = tf.zeros((1, batch, bias.shape[0] // 4), x.dtype)
    # CudnnRNN, which needs no lengths, fails on cuDNN 9. All are full: what stands behind a text's end is not read.
    return tf.raw_ops.CudnnRNNV3(
        input=x,
        input_h=state,
        input_c=state,
        params=cudnn_weights(kernel, recurrent, bias),
        sequence_lengths=tf.fill([batch], steps),
        rnn_mode="lstm",
        is_training=True,
    ).output


def cudnn_weights(kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Lays an LSTM's weights out as cuDNN wants them: one vector, gate by gate, transposed; its second bias is zero."""
    gates = [*tf.split(kernel, 4, axis=1), *tf.split(recurrent, 4, axis=1)]
    return tf.concat([*(tf.reshape(tf.transpose(gate), [-1]) for gate in gates), tf.zeros_like(bias), bias], axis=0)


def loop_lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Runs a loop over the steps, in any type; for arguments and result see `lstm`."""
    projected = tf.tensordot(x, kernel, 1) + bias
    state = tf.zeros((tf.shape(x)[1], bias.shape[0] // 4), x.dtype)

    def step(previous: tuple[tf.Tensor, tf.Tensor], inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        output, cell = previous
        enter, forget, new, leave = tf.split(inputs + tf.matmul(output, recurrent), 4, axis=1)
        return _cell_step(enter, forget, new, leave, cell)

    return tf.scan(step, projected, (state, state))[0]


def masked_lstm(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
    """Runs one LSTM layer with recurrent dropout, as Keras has it: each gate sees the step before through a mask of its own,
    the same at each step. A loop over the steps; no fused kernel can do it.

    Args:
        x, kernel, recurrent, bias: See `lstm`.
        masks: (4, batch, units), of the same type: what the output of the step before is multiplied by for each gate.

    Returns:
        Float (time, batch, units): the output at each step.
    """
    steps, batch, units = tf.shape(x)[0], tf.shape(x)[1], bias.shape[0] // 4
    projected = tf.transpose(tf.reshape(tf.tensordot(x, kernel, 1) + bias, (steps, batch, 4, units)), (0, 2, 1, 3))
    by_gate = tf.transpose(tf.reshape(recurrent, (units, 4, units)), (1, 0, 2))
    state = tf.zeros((batch, units), x.dtype)

    def step(previous: tuple[tf.Tensor, tf.Tensor], inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        output, cell = previous
        enter, forget, new, leave = tf.unstack(inputs + tf.matmul(output * masks, by_gate))
        return _cell_step(enter, forget, new, leave, cell)

    return tf.scan(step, projected, (state, state))[0]


def _cell_step(
    enter: tf.Tensor, forget: tf.Tensor, new: tf.Tensor, leave: tf.Tensor, cell: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns output and cell of a step, given what goes into its gates."""
    cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(new)
    return tf.sigmoid(leave) * tf.tanh(cell), cell
