"""Connecting to Ray: a cluster of one's own for the time of a search, on this machine."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
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
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}


def set_environment() -> None:
    """Sets what Ray, Tune, TensorFlow and Keras read when they are imported, here and in the workers started from here."""
    os.environ.update(ENVIRONMENT)


@contextmanager
def local_cluster(workers: int, cpus: int, log: Path) -> Iterator[None]:
    """Starts Ray on this machine for the workers, and ends it.

    Args:
        workers: Trials at a time.
        cpus: Cores of each.
        log: The file that takes what Ray has to say in this process.
    """
    set_environment()
    import ray  # noqa: PLC0415 - the environment comes first

    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
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
        logger.handlers, logger.propagate = [handler], False
        try:
            yield
        finally:
            ray.shutdown()
            logger.handlers = []
            handler.close()


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
