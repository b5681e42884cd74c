"""How long a search has taken, over all its runs, and with how many workers on average."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from data.clock import now
from tune.folder import ABOUT, SearchFolder
from tune.outcome import CLOCK_SECONDS
from tune.workers import Workers


def began(started: float, before: float) -> float:
    """Returns when a search would have begun without its pauses, as `time.time` gives it, for others to read.

    Args:
        started: When its run began, as `data.clock.now` gives it.
        before: Seconds that earlier runs took.
    """
    return time.time() - (now() - started) - before


class Times(NamedTuple):
    """What a search has taken, over all its runs.

    Attributes:
        wall: Seconds.
        workers: How many workers there were on average.
    """

    wall: float
    workers: float


class Stopwatch:
    """Adds the time since a run of a search began to what earlier runs took; writes it down, with the workers' mean number."""

    def __init__(self, folder: SearchFolder, started: float, workers: Workers) -> None:
        self._folder, self._workers, self._started = folder, workers, started
        about = folder.read_json(ABOUT)
        self._before = float(about["wall_seconds"])
        self._paid = self._before * float(about["workers"])
        folder.write_json(ABOUT, about | {"finished": False, "began": began(started, self._before)})
        self._written = -math.inf

    def read(self) -> Times:
        """Returns what the search has taken so far."""
        lasted, mean = now() - self._started, self._workers.mean()
        wall = self._before + lasted
        return Times(wall, (self._paid + mean * lasted) / wall if wall > 0 else mean)

    def keep(self) -> None:
        """Writes them, unless that was just done."""
        if time.monotonic() - self._written > CLOCK_SECONDS:
            self.write()

    def write(self) -> float:
        """Writes and returns the search's wall seconds."""
        self._written, (wall, workers) = time.monotonic(), self.read()
        times = {"wall_seconds": wall, "workers": round(workers, 3), "began": began(self._started, self._before)}
        self._folder.write_json(ABOUT, self._folder.read_json(ABOUT) | times)
        return wall
