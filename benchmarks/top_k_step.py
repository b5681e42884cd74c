"""From which fraction of a batch on does training on all of it cost less than ranking it and training on the hardest?

    python benchmarks/top_k_step.py

Milliseconds of a training step on one thread, medians of 15 alternated steps, batch of 128, embedding of 64.
"""

import os
import statistics
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from model.compiled import CompiledNetwork
from model.hparams import HParams
from model.knobs import Knobs
from model.network import initial_weights
from model.shape import Shape

FRACTIONS = (0.0625, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0)


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print("| units, steps | all of it | " + " | ".join(f"ranked, k/B {fraction:.2g}" for fraction in FRACTIONS) + " |")
    print("|---|---" + "|---" * len(FRACTIONS) + "|")
    rng = np.random.default_rng(0)
    for units, length in ((32, 15), (64, 60), (96, 200)):
        hparams = HParams(lstm_size=units)
        shape = Shape.of(hparams, 20_000, 20)
        network = CompiledNetwork(shape)
        network.reset(initial_weights(shape.weights(), 0))
        tokens = rng.integers(1, 20_000, (128, length)).astype(np.int32)
        labels = rng.integers(0, 20, 128).astype(np.int32)
        knobs, seed = np.array(Knobs.of(hparams), np.float32), np.array([0, 0], np.int64)
        steps = {"all": (network._train_on_all, 64)}
        steps |= {fraction: (network._train_on_hardest, round(fraction * 128)) for fraction in FRACTIONS}
        times: dict[object, list[float]] = {name: [] for name in steps}
        for repeat in range(18):
            for name, (take, k) in steps.items():
                started = time.perf_counter()
                take(tokens, labels, k, repeat + 1, knobs, seed).numpy()
                times[name].append(time.perf_counter() - started)
        medians = [1000 * statistics.median(values[3:]) for values in times.values()]
        print(f"| {units}, {length} | " + " | ".join(f"{value:.1f}" for value in medians) + " |", flush=True)


if __name__ == "__main__":
    main()
