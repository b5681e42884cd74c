"""What does a network shape cost to compile, and do TensorFlow's graph rewrites pay for themselves in a step?

    python benchmarks/compile.py

CPU seconds of compiling all three steps of a network (to train on the hardest rows, to train on all, to infer), and CPU
milliseconds of a step on 64 texts of 8 words, with TensorFlow's rewrites (Grappler) on and off; medians of alternated
repeats in one process of one thread. The first network of a process is told apart.
"""

import os
import statistics
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from model.compiled import CompiledNetwork
from model.device import use_device
from model.hparams import HParams
from model.knobs import Knobs
from model.network import initial_weights
from model.shape import Shape

REPEATS, STEPS, BATCH, WORDS, VOCABULARY, CLASSES = 5, 30, 64, 8, 8000, 20
NETWORKS = {
    "one LSTM of 32, last": HParams(lstm_size=32),
    "BiLSTM of 64, max, a dense layer": HParams(
        lstm_size=64, bidirectional=True, pooling="max", dense_layers=1, embedding_dropout=0.1
    ),
    "2 BiLSTMs of 64, mean": HParams(lstm_layers=2, lstm_size=64, bidirectional=True, pooling="mean", embedding_dropout=0.1),
}


def measure(hparams: HParams, rewrites: bool) -> tuple[float, float, float]:
    """Returns CPU seconds to compile, and of a step on a quarter of the batch and on all of it."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not rewrites})
    shape = Shape.of(hparams, VOCABULARY, CLASSES)
    started = time.process_time()
    network = CompiledNetwork(shape)
    network.warm_up({0.25, 1.0})
    compiling = time.process_time() - started
    network.reset(initial_weights(shape.weights(), 0))
    rng = np.random.default_rng(0)
    tokens = rng.integers(2, VOCABULARY, (BATCH, WORDS)).astype(np.int32)
    labels = rng.integers(0, CLASSES, BATCH).astype(np.int32)
    medians = []
    for fraction in (0.25, 1.0):
        times = []
        for step in range(1, STEPS + 1):
            started = time.process_time()
            float(network.train(tokens, labels, fraction=fraction, step=step, knobs=Knobs.of(hparams), seed=0))
            times.append(time.process_time() - started)
        medians.append(statistics.median(times))
    return compiling, medians[0], medians[1]


def main() -> None:
    use_device(1, gpu=False)
    first = measure(NETWORKS["one LSTM of 32, last"], rewrites=False)[0]
    print(f"The first network of a process: {first:.2f} s\n")
    columns = ("network", "compiled, rewrites on", "off", "step on k/B 1/4, on", "off", "step on all, on", "off")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for name, hparams in NETWORKS.items():
        found: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
        for _ in range(REPEATS):
            for rewrites in (True, False):
                found[rewrites].append(measure(hparams, rewrites))
        cells = []
        for part, unit in ((0, "s"), (1, "ms"), (2, "ms")):
            for rewrites in (True, False):
                value = statistics.median(one[part] for one in found[rewrites])
                cells.append(f"{value:.2f} s" if unit == "s" else f"{1000 * value:.2f} ms")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
