"""How long a search has taken, over all its runs, and with how many workers on average."""

from __future__ import annotations

import math
import time

from tune.folder import ABOUT, SearchFolder
from tune.workers import Workers

CLOCK_SECONDS = 10.0
"""How often the time that a search has taken is written down while its trials tell of epochs."""


class Stopwatch:
    """Adds the time since a run of a search began to what earlier runs took; writes it down, with the workers' mean number."""

    def __init__(self, folder: SearchFolder, started: float, workers: Workers) -> None:
        self._folder, self._workers = folder, workers
        self._began = time.monotonic() - (time.time() - started)  # the clock may be set while the search runs
        about = folder.read_json(ABOUT)
        self._before = float(about["wall_seconds"])
        self._paid = self._before * float(about["workers"])
        folder.write_json(ABOUT, about | {"finished": False, "began": started - self._before})
        self._written = -math.inf

    def keep(self) -> None:
        """Writes them, unless that was just done."""
        if time.monotonic() - self._written > CLOCK_SECONDS:
            self.write()

    def write(self) -> float:
        """Writes and returns the search's wall seconds."""
        lasted = time.monotonic() - self._began
        wall, self._written = self._before + lasted, time.monotonic()
        mean = round((self._paid + self._workers.mean() * lasted) / wall, 3)
        self._folder.write_json(ABOUT, self._folder.read_json(ABOUT) | {"wall_seconds": wall, "workers": mean})
        return wall
