"""How many trials there is room for: on this machine, and on a cluster, whose nodes come and go."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from data.errors import InputError
from tune.cluster import cores, gpus
from tune.nodes import Node, read_most_cpus, read_nodes, room_on_gpus
from tune.settings import Settings

if TYPE_CHECKING:
    from tune.workers import Workers

MOST_PER_CORE = 4
"""Threads that a core is asked to run, at most."""
READ_SECONDS = 2.0
"""How long what the cluster has said of its nodes is held for true."""
AHEAD = 4
"""On a cluster that can grow, so many trials at least wait for nodes, which the autoscaler sees. More do on a large one, which
may double: but each is proposed before those that it waits behind have ended, from less than will be known."""

STALE_SECONDS = 900.0
"""After that long with no new node, a cluster that does not say how far it grows is taken for grown, and few wait on."""


class Room:
    """A cluster's room for trials, now and over time.

    Args:
        settings: What each trial takes.
        nodes: Returns the nodes that are alive.
        most_cpus: Returns how many CPUs the cluster may grow to; inf if it does not say, None if it does not grow.
        now: Returns seconds, as `time.monotonic` does.
    """

    def __init__(
        self,
        settings: Settings,
        nodes: Callable[[], Sequence[Node]] = read_nodes,
        most_cpus: Callable[[], float | None] = read_most_cpus,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._nodes, self._most_cpus, self._now = settings, nodes, most_cpus, now
        self._began = self._read_at = self._grew_at = now()
        self._paid, self._trials = 0.0, 0
        self._lock = threading.Lock()  # the display asks from a thread of its own
        self._read()

    def trials(self) -> int:
        """Returns how many trials the nodes run at a time."""
        self._refresh()
        return self._trials

    def wanted(self) -> int:
        """Returns how many trials are to run or wait for nodes."""
        self._refresh()
        return self._trials + self._ahead

    def mean(self) -> float:
        """Returns how many trials there was room for, over the time since this was made."""
        self._refresh()
        now = self._now()
        if now == self._began:
            return float(self._trials)
        return (self._paid + self._trials * (now - self._read_at)) / (now - self._began)

    def _refresh(self) -> None:
        with self._lock:
            now = self._now()
            if now - self._read_at >= READ_SECONDS:
                self._paid += self._trials * (now - self._read_at)
                self._read_at = now
                self._read()

    def _read(self) -> None:
        nodes, most = self._nodes(), self._most_cpus()
        cpus, gpus = self._settings.cpus_per_trial, self._settings.gpus_per_trial
        before, self._trials = self._trials, sum(node.room(cpus, gpus) for node in nodes)
        if self._trials > before:
            self._grew_at = self._read_at
        more = 0 if most is None else max(0.0, (most - sum(node.cpus for node in nodes)) / cpus)
        stale = most == math.inf and self._read_at - self._grew_at > STALE_SECONDS
        self._ahead = int(min(more, AHEAD if stale else max(AHEAD, self._trials)))


def count_locally(settings: Settings) -> int:
    """Returns how many trials run at a time on this machine.

    Raises:
        InputError: If they want far more cores, or more GPUs, than there are.
    """
    room = cores() // settings.cpus_per_trial
    if share := settings.gpus_per_trial:
        if not gpus():
            raise InputError(f"--gpus-per-trial: there is no GPU for {share:g}; 0 computes on cores.")
        most = room_on_gpus(gpus(), share)
        if not most or (settings.workers != "auto" and settings.workers > most):
            raise InputError(f"--gpus-per-trial: {gpus()} GPUs are too few for {settings.workers} workers of {share:g} each.")
        room = min(room, most)
    if settings.workers == "auto":
        return max(1, room)
    if settings.workers * settings.cpus_per_trial > MOST_PER_CORE * cores():
        wanted = f"{settings.workers} workers of {settings.cpus_per_trial} CPUs"
        raise InputError(f"--workers: {wanted} are too many for {cores()} cores; 'auto' fills them.")
    return settings.workers


def count_on_cluster(settings: Settings, room: Room) -> int:
    """Returns how many trials run at a time when the search begins: as many as are asked for, or as there is room for now.

    Trials for which there is no room yet wait, and a cluster that can grow does so for them.

    Raises:
        InputError: If it is left to the cluster, there is no room, and none will come.
    """
    if settings.workers != "auto":
        return settings.workers
    if not room.wanted():
        raise InputError(
            "--workers auto: no node of the cluster has room for a trial now, and it does not say that it grows. "
            "If nodes are to come, say how many trials are to run at a time: --workers 32."
        )
    return max(1, room.trials())


def told_of_no_room(settings: Settings, workers: Workers) -> Iterator[str]:
    """Yields what trials wait for, where no node of the cluster that was joined can run one."""
    cpus, gpus = settings.cpus_per_trial, settings.gpus_per_trial
    if workers.on_nodes and not any(node.room(cpus, gpus) for node in read_nodes()):
        takes = f"{cpus} CPU{'s' * (cpus > 1)}" + (f" and {gpus:g} GPUs" if gpus else "")
        yield f"No node of the cluster has room for a trial, which takes {takes}; trials wait until one comes that has"
