"""Work for a search's workers that is no trial of its study: what is trained when the trials are over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from data.clock import now
from tune.means import Means
from tune.workers import Workers

RETRIES = 1
"""How often a piece of work is done again when its process dies."""
LATE_SECONDS = 10.0
"""How long after its deadline work is waited for: it ends by itself within a step, but not where its node is gone."""
POLL = 0.5
"""Seconds after which it is seen whether the user wants to stop."""

Key = TypeVar("Key")


def run_on_workers(
    function: Callable[..., Any],
    works: Mapping[Key, tuple[Any, ...]],
    shared: tuple[Any, ...],
    means: Means,
    workers: Workers,
    interrupted: threading.Event,
) -> Iterator[tuple[Key, Any]]:
    """Runs a function on each piece of work, in their order as far as there are workers.

    Args:
        function: Called with a piece's own arguments, then with the shared ones and the means.
        works: The pieces, by their keys.
        shared: What all are given, sent once to each node.
        means: Of each. By their deadline work is to be over: none is begun any more, and what goes on is waited for a little.
        workers: That there are.
        interrupted: Set when the user stops the search: what is not done by then comes to nothing.

    Yields:
        A key and what the function returned, the error in which it ended, or None if there was no time for it; whichever is
        ready first.
    """
    import ray
    from ray.exceptions import RayError

    remote = ray.remote(num_cpus=workers.cpus, num_gpus=means.gpus, max_retries=RETRIES)(function)
    references = tuple(ray.put(value) for value in (*shared, means))
    to_do, waiting = deque(works.items()), dict[Any, Key]()
    try:
        while to_do or waiting:
            late = now() - means.deadline
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
                return
        yield from ((key, None) for key in [*waiting.values(), *(key for key, _ in to_do)])
    finally:
        for reference in waiting:
            with suppress(RayError):
                ray.cancel(reference, force=True)
