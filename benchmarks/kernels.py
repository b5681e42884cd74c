"""Which way of computing an LSTM layer costs least: TensorFlow's fused BlockLSTM, or what keras.layers.LSTM does?

    python benchmarks/kernels.py
    python benchmarks/kernels.py --recurrent-dropout    # against the loop that it takes, in the size of the question's models

Milliseconds of CPU of one thread, forwards alone and forwards with the gradient, medians of five alternated calls; and
the share of the core's measured matrix-product rate that BlockLSTM reaches.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf

from model.kernel import lstm, masked_lstm

SIZES = ((64, 16, 20), (64, 32, 20), (64, 64, 20), (64, 64, 100), (128, 128, 20), (128, 128, 100), (128, 256, 50))
"""Inputs, units and steps."""
BATCHES = (16, 64, 128, 512)
QUESTION_SIZES, QUESTION_BATCHES = ((80, 100, 20), (80, 100, 100), (80, 100, 400)), (100,)
WARM_UP, CALLS = 2, 5

Layer = Callable[..., tf.Tensor]


def keras_layer(inputs: int, units: int) -> Layer:
    """Makes `keras.layers.LSTM` a function of time-major inputs and weights."""
    layer = keras.layers.LSTM(units, return_sequences=True)
    layer.build((None, None, inputs))

    def call(x: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        state = [variable.value for variable in layer.non_trainable_variables]
        outputs, _ = layer.stateless_call([kernel, recurrent, bias], state, tf.transpose(x, [1, 0, 2]))
        return tf.transpose(outputs, [1, 0, 2])

    return call


def masked_layer(units: int) -> Layer:
    """Makes the loop with a mask for each gate a function of time-major inputs and weights."""

    def call(x: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        return masked_lstm(x, *weights, tf.ones((4, tf.shape(x)[1], units)))

    return call


def compile_pass(layer: Layer, inputs: int, units: int, *, backwards: bool) -> Layer:
    """Compiles a pass over any batch; what it returns depends on all that is to be computed."""

    def forward(*arguments: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.square(layer(*arguments)[-1]))

    def gradient(*arguments: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            loss = forward(*arguments)
        return [tf.reduce_sum(one) for one in tape.gradient(loss, arguments)]

    shapes = ((None, None, inputs), (inputs, 4 * units), (units, 4 * units), (4 * units,))
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return tf.function(gradient if backwards else forward, input_signature=signature)


def cpu_seconds(call: Callable[[], object]) -> float:
    """Returns the CPU seconds that a call takes."""
    started = time.process_time()
    call()
    return time.process_time() - started


def matrix_rate() -> float:
    """Returns the best of five measurements of GFLOP a second in products of 512 x 512 matrices."""
    matrix = tf.random.stateless_normal((512, 512), (0, 0))
    product = tf.function(lambda: matrix @ matrix)
    product()
    return max(20 * 2 * 512**3 / cpu_seconds(lambda: [product() for _ in range(20)]) / 1e9 for _ in range(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recurrent-dropout", action="store_true")
    masked = parser.parse_args().recurrent_dropout
    sizes, batches, other = (QUESTION_SIZES, QUESTION_BATCHES, "Masked") if masked else (SIZES, BATCHES, "Keras")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rate = matrix_rate()
    print(f"Matrix products: {rate:.0f} GFLOP/s\n")
    columns = ("Block forwards", f"{other} forwards", "Block training", f"{other} training", "Block's share of the rate")
    print("| inputs, units, steps | batch | " + " | ".join(columns) + " |")
    print("|---|---|---|---|---|---|---|")
    for inputs, units, steps in sizes:
        layers = {"Block": lstm, other: masked_layer(units) if masked else keras_layer(inputs, units)}
        passes = {
            (name, backwards): compile_pass(layer, inputs, units, backwards=backwards)
            for backwards in (False, True)
            for name, layer in layers.items()
        }
        shapes = ((inputs, 4 * units), (units, 4 * units))
        weights = [*(tf.random.stateless_normal(shape, (1, 1), stddev=0.1) for shape in shapes), tf.zeros(4 * units)]
        for batch in batches:
            x = tf.random.stateless_normal((steps, batch, inputs), (2, 2), stddev=0.1)
            times: dict[tuple[str, bool], list[float]] = {name: [] for name in passes}
            for _ in range(WARM_UP + CALLS):
                for name, take in passes.items():
                    times[name].append(cpu_seconds(partial(take, x, *weights)))
            medians = [1000 * statistics.median(values[WARM_UP:]) for values in times.values()]
            flop = 3 * 2 * steps * batch * (inputs + units) * 4 * units
            share = flop / (medians[2] / 1000) / 1e9 / rate
            figures = " | ".join(f"{value:.1f}" for value in medians)
            print(f"| {inputs}, {units}, {steps} | {batch} | {figures} | {share:.2f} |", flush=True)


if __name__ == "__main__":
    main()
