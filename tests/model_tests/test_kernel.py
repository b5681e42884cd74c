import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.rnn import _standardize_cudnn_weights

from model.kernel import block_lstm, choose_kernel, cudnn_lstm, cudnn_weights, loop_lstm, masked_lstm

STEPS, BATCH, INPUTS, UNITS = 5, 2, 4, 3


@pytest.fixture(scope="module")
def layer() -> keras.layers.LSTM:
    layer = keras.layers.LSTM(UNITS, return_sequences=True, bias_initializer="random_normal")
    layer.build((None, STEPS, INPUTS))
    return layer


@pytest.mark.parametrize("compute", [block_lstm, loop_lstm])
def test_each_way_gives_the_outputs_and_gradients_of_the_keras_layer(layer: keras.layers.LSTM, compute) -> None:  # noqa: ANN001
    x = tf.random.stateless_normal((STEPS, BATCH, INPUTS), seed=(1, 2))
    weights = [weight.value for weight in layer.weights]
    results = []
    for outputs in (lambda: compute(x, *weights), lambda: tf.transpose(layer(tf.transpose(x, (1, 0, 2))), (1, 0, 2))):
        with tf.GradientTape() as tape:
            tape.watch([x, *weights])
            output = outputs()
            loss = tf.reduce_sum(tf.square(output))
        results.append([output, *tape.gradient(loss, [x, *weights])])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_recurrent_dropout_is_that_of_the_keras_layer() -> None:
    layer = keras.layers.LSTM(UNITS, return_sequences=True, recurrent_dropout=0.5, bias_initializer="random_normal")
    layer.build((None, STEPS, INPUTS))
    masks = tf.constant(2.0 * np.random.default_rng(0).integers(0, 2, (4, BATCH, UNITS)), tf.float32)
    layer.cell.get_recurrent_dropout_mask = lambda _: tf.unstack(masks)
    x = tf.random.stateless_normal((STEPS, BATCH, INPUTS), seed=(1, 2))
    weights = [weight.value for weight in layer.weights]
    results = []
    for outputs in (
        lambda: masked_lstm(x, *weights, masks),
        lambda: tf.transpose(layer(tf.transpose(x, (1, 0, 2)), training=True), (1, 0, 2)),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, *weights])
            output = outputs()
            loss = tf.reduce_sum(tf.square(output))
        results.append([output, *tape.gradient(loss, [x, *weights])])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_weights_are_laid_out_for_cudnn_as_keras_lays_them_out(layer: keras.layers.LSTM) -> None:
    kernel, recurrent, bias = (tf.convert_to_tensor(weight.value) for weight in layer.weights)
    theirs = _standardize_cudnn_weights(
        weights=[*tf.split(kernel, 4, axis=1), *tf.split(recurrent, 4, axis=1)],
        biases=tf.split(tf.concat([tf.zeros_like(bias), bias], 0), 8),
        shape=tf.constant([-1]),
        transpose_weights=True,
    )
    np.testing.assert_array_equal(cudnn_weights(kernel, recurrent, bias), theirs)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="NOT TESTED: cuDNN; there is no GPU")
@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 1e-3), (tf.float16, 1e-2)])
def test_cudnn_gives_the_outputs_and_gradients_of_the_loop(dtype: tf.DType, tolerance: float) -> None:
    shapes = ((STEPS, BATCH, INPUTS), (INPUTS, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    arguments = [tf.cast(tf.random.stateless_normal(shape, seed=(1, 2)), dtype) for shape in shapes]
    results = []
    for compute in (cudnn_lstm, loop_lstm):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            output = compute(*arguments)
            loss = tf.reduce_sum(tf.square(tf.cast(output, tf.float32)))
        results.append([output, *tape.gradient(loss, arguments)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("gpu", "dtype", "kernel"),
    [
        (False, tf.float32, "block"),
        (False, tf.float16, "block"),
        (False, tf.bfloat16, "loop"),
        (True, tf.float32, "cudnn"),
        (True, tf.float16, "cudnn"),
        (True, tf.bfloat16, "loop"),
    ],
)
def test_the_kernel_is_chosen_by_device_and_type(gpu: bool, dtype: tf.DType, kernel: str) -> None:
    assert choose_kernel(gpu=gpu, dtype=dtype) == kernel
