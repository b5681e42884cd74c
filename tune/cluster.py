"""Connecting to Ray: a cluster of one's own for the time of a search, on this machine."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
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
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}


def set_environment() -> None:
    """Sets what Ray, Tune, TensorFlow and Keras read when they are imported, here and in the workers started from here."""
    os.environ.update(ENVIRONMENT)


@contextmanager
def local_cluster(workers: int, cpus: int) -> Iterator[None]:
    """Starts Ray on this machine for the workers, has them import TensorFlow meanwhile, and ends it.

    Args:
        workers: Trials at a time.
        cpus: Cores of each.
    """
    set_environment()
    import ray  # the environment comes first
    from ray._raylet import Config  # type: ignore[attr-defined]

    # Whoever imported Ray before us had it read the environment then; without this, the token would not be used.
    Config.initialize("")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's advice on environment variables; no user of ours can act on it
        ray.init(
            address="local",
            num_cpus=workers * cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    logger = logging.getLogger("ray")
    handlers, logger.handlers, logger.propagate = logger.handlers, [logging.NullHandler()], False
    try:
        # The processes that run these are idle afterwards, and Ray makes the trials' actors of idle processes.
        warm_up = ray.remote(num_cpus=cpus)(import_module)
        waiting = [warm_up.remote("model.training") for _ in range(workers)]
        yield
        del waiting
    finally:
        ray.shutdown()
        logger.handlers = handlers


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
