"""What does a training step spend its time on?

    python benchmarks/parts.py

CPU milliseconds of one thread, medians of 15 repeats: padding the batch; ranking it (the inference pass); training on the
hardest half, and of that the optimizer; and what a step costs that has nothing to compute (2 texts of 2 words): Python,
the calls, the small operations. Embedding of 128, vocabulary of 20,000, dropout everywhere, as a search trains.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from data.batches import pad
from data.tokens import Tokens
from model.compiled import CompiledNetwork
from model.device import use_device
from model.hparams import HParams
from model.knobs import Knobs
from model.network import initial_weights
from model.shape import Shape

VOCABULARY, CLASSES, REPEATS = 20_000, 20, 15
CASES = (
    ("titles of 8 words", 64, 8, HParams(lstm_size=64, bidirectional=True, pooling="max")),
    ("sentences of 20 words", 64, 20, HParams(lstm_size=64, bidirectional=True, pooling="max")),
    ("letters of 300 words", 32, 300, HParams(lstm_size=64, bidirectional=True, pooling="mean")),
    ("letters of 300 words", 128, 300, HParams(lstm_size=128)),
)


def milliseconds(call: Callable[[], Any]) -> float:
    """Returns the CPU time of a call, the median of some."""
    times = []
    for _ in range(REPEATS + 2):
        started = time.process_time()
        call()
        times.append(1000 * (time.process_time() - started))
    return statistics.median(times[2:])


def parts(batch: int, words: int, chosen: HParams) -> list[float]:
    hparams = HParams.from_dict(chosen.to_dict() | {"embedding_size": 128, "embedding_dropout": 0.3, "lstm_dropout": 0.3})
    shape = Shape.of(hparams, VOCABULARY, CLASSES)
    network = CompiledNetwork(shape)
    network.warm_up({0.5, 1.0})
    network.reset(initial_weights(shape.weights(), 0))
    rng = np.random.default_rng(0)
    flat = rng.integers(2, VOCABULARY, batch * words).astype(np.int32)
    tokens, rows = Tokens(flat, np.arange(batch + 1, dtype=np.int64) * words), np.arange(batch)
    labels = rng.integers(0, CLASSES, batch).astype(np.int32)
    knobs = Knobs.of(hparams)

    def padded() -> np.ndarray:
        return pad(tokens, rows, max_length=400, vocabulary_size=VOCABULARY)

    def step(ids: np.ndarray, ids_labels: np.ndarray, fraction: float) -> None:
        float(network.train(ids, ids_labels, fraction=fraction, step=1, knobs=knobs, seed=0))

    seen = np.unique(padded()[: batch // 2])
    embedding = tf.IndexedSlices(tf.ones((len(seen), hparams.embedding_size)), seen, (VOCABULARY, hparams.embedding_size))
    gradients = (embedding, tf.ones_like(network._others))
    optimizer = tf.function(
        lambda: network._adam.apply(*gradients, tf.constant(1), *(tf.constant(value) for value in (1e-3, 0.0, 1.0, 0.0))),
        autograph=False,
    )
    ids = padded()
    return [
        milliseconds(lambda: step(ids, labels, 0.5)),
        milliseconds(padded),
        milliseconds(lambda: network.infer(ids)),
        milliseconds(lambda: step(ids[: batch // 2], labels[: batch // 2], 1.0)),
        milliseconds(optimizer),
        milliseconds(lambda: step(ids[:2, :2], labels[:2], 0.5)),
    ]


def main() -> None:
    use_device(1, gpu=False)
    columns = ("a step, top half", "padding", "ranking", "training on the half", "of that Adam", "a step on nothing")
    print("| texts | batch | network | " + " | ".join(columns) + " |\n" + "|---" * (3 + len(columns)) + "|")
    for name, batch, words, hparams in CASES:
        figures = " | ".join(f"{value:.2f}" for value in parts(batch, words, hparams))
        network = f"{'BiLSTM' if hparams.bidirectional else 'LSTM'} of {hparams.lstm_size}, {hparams.pooling}"
        print(f"| {name} | {batch} | {network} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
