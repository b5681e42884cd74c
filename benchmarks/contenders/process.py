"""A contender in a process of its own: it meets no other's allocator, libraries or threads, and its memory goes back.

In one process with TensorFlow, PyTorch took twice as long. glibc is told to keep freed memory: by default it gives so much
back between steps that page faults cost Topknot a sixth of a step on short texts, Keras an eighth and the dense top-k
loss half, the more or the less by chance.
"""

import multiprocessing
import os
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import numpy as np
from contenders.corpus import Corpus

KEEPING_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TOP_PAD_": "67108864",
}

contender: Any = None
"""What this process measures."""


def start(name: str, median: int, units: int) -> ProcessPoolExecutor:
    """Starts a process that builds a contender."""
    os.environ |= KEEPING_MEMORY  # glibc reads them when a process begins
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _build, (name, median, units))


def warm_up(process: ProcessPoolExecutor, batch: int) -> "Future[None]":
    """Has the process compile what a batch size needs."""
    return process.submit(_warm_up, batch)


def measure(process: ProcessPoolExecutor, batch: int, fraction: float) -> "Future[np.ndarray]":
    """Has the process measure CPU and wall seconds of its mean step."""
    return process.submit(_measure, batch, fraction)


def _build(name: str, median: int, units: int) -> None:
    global contender  # noqa: PLW0603 - the process is there for nothing else
    corpus = Corpus(median)
    if name == "PyTorch":
        from contenders.pytorch import Torch

        contender = Torch(corpus, units, corpus.percentile_99)
        return
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from contenders.plain_keras import DenseTopK, Padded
    from contenders.product import Product
    from contenders.topknot import Topknot

    contender = {
        "matrix product": Product,
        "Topknot": lambda: Topknot(corpus, units),
        "Keras, 99th percentile": lambda: Padded(corpus, units, corpus.percentile_99),
        "Keras, maximum": lambda: Padded(corpus, units, corpus.maximum),
        "dense top-k": lambda: DenseTopK(corpus, units),
    }[name]()


def _warm_up(batch: int) -> None:
    contender.warm_up(batch)


def _measure(batch: int, fraction: float) -> np.ndarray:
    return contender.measure(batch, fraction)
