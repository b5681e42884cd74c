"""How long a search has taken, over all its runs, and with how many workers on average."""

from __future__ import annotations

import math
import time

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


class Stopwatch:
    """Adds the time since a run of a search began to what earlier runs took; writes it down, with the workers' mean number."""

    def __init__(self, folder: SearchFolder, started: float, workers: Workers) -> None:
        self._folder, self._workers, self._started = folder, workers, started
        about = folder.read_json(ABOUT)
        self._before = float(about["wall_seconds"])
        self._paid = self._before * float(about["workers"])
        folder.write_json(ABOUT, about | {"finished": False, "began": began(started, self._before)})
        self._written = -math.inf

    def keep(self) -> None:
        """Writes them, unless that was just done."""
        if time.monotonic() - self._written > CLOCK_SECONDS:
            self.write()

    def write(self) -> float:
        """Writes and returns the search's wall seconds."""
        lasted = now() - self._started
        wall, self._written = self._before + lasted, time.monotonic()
        mean = round((self._paid + self._workers.mean() * lasted) / wall, 3)
        times = {"wall_seconds": wall, "workers": mean, "began": began(self._started, self._before)}
        self._folder.write_json(ABOUT, self._folder.read_json(ABOUT) | times)
        return wall
