"""What this process computes with: threads, and a GPU or none."""

from __future__ import annotations

import tensorflow as tf


def use_device(cpus: int, *, gpu: bool) -> None:
    """Confines TensorFlow to so many threads, and to one GPU or none. To be called before it computes anything.

    Args:
        cpus: Threads of an operation; operations run one after another, for small LSTMs gain nothing from more.
        gpu: Whether to use the GPU that this process sees first. Its memory is taken as it is needed, so that several
            processes can share it; TensorFlow alone would take all of it.
    """
    tf.config.threading.set_intra_op_parallelism_threads(cpus)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    devices = tf.config.list_physical_devices("GPU")
    used = devices[:1] if gpu else []
    tf.config.set_visible_devices(used, "GPU")
    if gpu and not devices:
        raise RuntimeError("There is no GPU that TensorFlow can use; install tensorflow[and-cuda] and NVIDIA's driver.")
    for device in used:
        tf.config.experimental.set_memory_growth(device, True)
    # Training steps are small and few-operation graphs, compiled hundreds of times in a search: rewriting them costs a third
    # of their compilation and gains nothing in a step (benchmarks/compile.py).
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
