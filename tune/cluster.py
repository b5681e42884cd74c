"""Connecting to Ray: a cluster of one's own for the time of a search, on this machine."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry
    "RAY_AUTH_MODE": "token",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # every metric stands in the study
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours to handle
    "TUNE_WARN_THRESHOLD_S": "10",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # the study is the search's state; Tune's own is never read
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_preload_python_modules": "model.training",  # every worker imports TensorFlow as it starts, before its first trial
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}

REGISTRATION_SECONDS = 5.0
"""How long the processes that Ray starts for its workers are waited for, at most; they import TensorFlow afterwards."""


def set_environment() -> None:
    """Sets what Ray, Tune, TensorFlow and Keras read when they are imported, here and in the workers started from here."""
    os.environ.update(ENVIRONMENT)


@contextmanager
def local_cluster(workers: int) -> Iterator[Callable[[], None]]:
    """Starts Ray on this machine in the background, with a process for each worker, and ends it.

    Ray counts workers, not cores: it starts a process for each CPU that it is told of. They import TensorFlow by
    themselves as they start, and Ray makes the trials' actors of them. (Processes that have run a task become no actors.)

    Args:
        workers: Trials at a time.

    Yields:
        A function that waits until Ray is ready.
    """
    set_environment()
    warnings.filterwarnings("ignore", module=r"ray\.")  # its advice on environment variables; no user of ours can act on it
    logger = logging.getLogger("ray")
    handlers, logger.handlers, logger.propagate = logger.handlers, [logging.NullHandler()], False
    with ThreadPoolExecutor(1, "ray") as thread:
        starting = thread.submit(_start, workers)
        try:
            yield starting.result
        finally:
            starting.exception()  # waits for it
            _end()
            logger.handlers = handlers


def _start(workers: int) -> None:
    import ray  # the environment comes first
    from ray._raylet import Config  # type: ignore[attr-defined]

    # Whoever imported Ray before us had it read the environment then; without this, the token would not be used.
    Config.initialize("")
    ray.init(
        address="local",
        num_cpus=workers,
        num_gpus=gpus(),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
    )
    # Were an actor asked for before they are known to Ray, it would start a process more for it.
    deadline = time.monotonic() + REGISTRATION_SECONDS
    while len(ray._private.state.workers()) < workers and time.monotonic() < deadline:  # noqa: SLF001 - no public way
        time.sleep(0.05)


def _end() -> None:
    import ray

    ray.shutdown()


@contextmanager
def ray_log(path: Path) -> Iterator[None]:
    """Appends what Ray has to say in this process to a file."""
    logger = logging.getLogger("ray")
    # It warns that trials wrote no result.json; theirs stand in the study.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def cores() -> int:
    """Returns how many cores this process may use, a container's share of them taken into account."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or 'max'
        return count


def gpus() -> int:
    """Returns how many of NVIDIA's GPUs this process may use."""
    there = len(list(Path("/dev").glob("nvidia[0-9]*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return there if visible is None else min(there, sum(part.strip() not in {"", "-1"} for part in visible.split(",")))
