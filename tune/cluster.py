"""Connecting to Ray: a cluster of one's own for the time of a search, on this machine, or one that is there."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from data.clock import VARIABLE as CLOCK
from data.errors import InputError
from tune.chatter import ray_diverted

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
    "RAY_task_events_report_interval_ms": "0",  # Ray's control process would remember each epoch, for a dashboard
    "RAY_preload_python_modules": "model.training",  # every worker imports TensorFlow as it starts, before its first trial
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # trials, and whoever predicts meanwhile, share a GPU
}

FLOORS = ("data", "model", "tune")
"""What a cluster's nodes are sent, so that they run the driver's own code."""

AHEAD_OF_NODES = 64
"""So many trials may wait for nodes at a time. With a Searcher, Tune would have one wait, and a cluster grow node by node."""

REGISTRATION_SECONDS = 5.0
"""How long the processes that Ray starts for its workers are waited for, at most; they import TensorFlow afterwards."""


def set_environment() -> None:
    """Sets what Ray, Tune, TensorFlow and Keras read when they are imported, here and in the workers started from here."""
    os.environ.update(ENVIRONMENT)


@contextmanager
def local_cluster(workers: int) -> Iterator[Callable[[], None]]:
    """Starts Ray on this machine in the background, with a process for each worker, and ends it.

    Ray counts workers, not cores: it starts a process for each CPU that it is told of. They import TensorFlow by
    themselves as they start, and Ray makes the trials' actors of them: of those that have the environment that is asked for
    and have run no task.

    Args:
        workers: Trials at a time.

    Yields:
        A function that waits until Ray is ready.
    """
    with _ray(lambda: _start(workers)) as wait:
        yield wait


@contextmanager
def joined_cluster(address: str) -> Iterator[None]:
    """Joins a cluster that is there, and leaves it as it is.

    Args:
        address: HOST:PORT of its head. This machine is one of its nodes.

    Raises:
        InputError: If it does not take us.
    """
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(AHEAD_OF_NODES)
    with _ray(lambda: _join(address)) as wait:
        wait()
        yield


@contextmanager
def _ray(begin: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Begins in the background, and lets go of Ray in the end; yields a function that waits until it has begun."""
    set_environment()
    warnings.filterwarnings("ignore", module=r"ray\.")  # its advice on environment variables; no user of ours can act on it
    import ray  # the environment comes first

    logger = logging.getLogger("ray")
    handlers, logger.handlers, logger.propagate = logger.handlers, [logging.NullHandler()], False
    logging.getLogger("ray._private.worker").setLevel(logging.ERROR)  # it warns that a thread sets no handler of signals
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _exit) if in_main else None
    with ray_diverted(), ThreadPoolExecutor(1, "ray") as thread:
        starting = thread.submit(begin)
        try:
            yield starting.result
        finally:
            starting.exception()  # waits for it
            ray.shutdown()
            logger.handlers = handlers
            if in_main:
                signal.signal(signal.SIGTERM, before)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # through all that has to be ended


def _start(workers: int) -> None:
    """Starts Ray, and waits until its workers' processes are known to it: it would else start others for the actors."""
    import ray
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
    deadline = time.monotonic() + REGISTRATION_SECONDS
    while len(ray._private.state.workers()) < workers and time.monotonic() < deadline:  # noqa: SLF001 - no public way
        time.sleep(0.05)


def _join(address: str) -> None:
    import ray
    from ray._raylet import Config  # type: ignore[attr-defined]

    Config.initialize("")  # as in _start
    try:
        ray.init(
            address=address,
            runtime_env={
                "env_vars": {name: ENVIRONMENT[name] for name in ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")}
                | {CLOCK: os.environ[CLOCK]},
                "py_modules": [str(Path(__file__).parents[1] / floor) for floor in FLOORS],
                "excludes": ["__pycache__"],
            },
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        if isinstance(error, ValueError) and "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # its words hold the job's variables
            raise InputError(
                f"--address {address}: the runtime environment of this job cannot be merged with a search's. Submit it without "
                "excludes and py_modules, and without TF_CPP_MIN_LOG_LEVEL and KERAS_BACKEND among its env_vars."
            ) from None
        raise InputError(f"--address {address}: this machine cannot join that cluster: {error}") from None


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
