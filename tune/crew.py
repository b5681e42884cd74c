"""Work for a search's workers that is no trial of its study: what is trained when the trials are over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from data.clock import now
from model.hparams import Precision
from tune.memory import pool_memory, worker_memory
from tune.nodes import own_room
from tune.settings import Settings
from tune.workers import Workers

RETRIES = 1
"""How often a piece of work is done again when its process dies."""
LATE_SECONDS = 10.0
"""How long after its deadline work is waited for: it ends by itself within a step, but not where its node is gone."""
POLL = 0.5
"""Seconds after which it is seen whether the user wants to stop."""

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Means:
    """What a worker computes with.

    Attributes:
        cpus: Threads.
        gpus: That Ray gives it.
        precision: What LSTM layers are computed in.
        memory: Bytes that the process may hold; None for its part of the node's.
        deadline: A time as `data.clock.now` gives it, when work is to be over.
    """

    cpus: int
    gpus: float
    precision: Precision
    memory: float | None
    deadline: float

    @classmethod
    def of(cls, settings: Settings, workers: Workers, deadline: float) -> Means:
        """Returns those of a search's workers."""
        return cls(settings.cpus_per_trial, settings.gpus_per_trial, settings.precision, workers.memory, deadline)

    def prepare(self) -> None:
        """Makes the process ready to train, once."""
        _prepare(self.cpus, self.gpus, self.memory)


@cache
def _prepare(cpus: int, gpus: float, memory: float | None) -> None:
    from model.device import use_device  # brings TensorFlow, which the driver must not pay for
    from model.pool import KEPT, POOL

    use_device(cpus, gpu=gpus > 0)
    POOL.kept = min(KEPT, pool_memory(memory or worker_memory(None, own_room(cpus, gpus))))


def run_on_workers(
    function: Callable[..., Any],
    works: Mapping[Key, tuple[Any, ...]],
    shared: tuple[Any, ...],
    gpus: float,
    workers: Workers,
    deadline: float,
    interrupted: threading.Event,
) -> Iterator[tuple[Key, Any]]:
    """Runs a function on each piece of work, in their order as far as there are workers.

    Args:
        function: Called with a piece's own arguments, then with the shared ones.
        works: The pieces, by their keys.
        shared: What all are given, sent once to each node.
        gpus: Of each.
        workers: That there are.
        deadline: When work is to be over, as `data.clock.now` gives it: none is begun any more, and what goes on is waited for
            a little.
        interrupted: Set when the user stops the search.

    Yields:
        A key and what the function returned, the error in which it ended, or None if there was no time for it; whichever is
        ready first.

    Raises:
        KeyboardInterrupt: If the user stops it.
    """
    import ray
    from ray.exceptions import RayError

    remote = ray.remote(num_cpus=workers.cpus, num_gpus=gpus, max_retries=RETRIES)(function)
    references = tuple(ray.put(value) for value in shared)
    to_do, waiting = deque(works.items()), dict[Any, Key]()
    try:
        while to_do or waiting:
            late = now() - deadline
            if late >= (LATE_SECONDS if waiting else 0):
                break
            while to_do and len(waiting) < workers.now() and late < 0:
                key, work = to_do.popleft()
                waiting[remote.remote(*work, *references)] = key
            for reference in ray.wait(list(waiting), timeout=POLL)[0]:
                key = waiting.pop(reference)
                try:
                    yield key, ray.get(reference)
                except RayError as error:
                    yield key, error
            if interrupted.is_set():
                raise KeyboardInterrupt
        yield from ((key, None) for key in [*waiting.values(), *(key for key, _ in to_do)])
    finally:
        for reference in waiting:
            with suppress(RayError):
                ray.cancel(reference, force=True)
