"""What the driver of a search spends its time on, and how much memory it holds; for `overhead_search.py`."""

import importlib
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = 100  # trials from one look at the driver's memory to the next
SEARCH, CONTROLLER = "ray.tune.search.optuna:OptunaSearch", "ray.tune.execution.tune_controller:TuneController"
JOURNAL = "optuna.storages.journal"
LOGGER = "ray.tune.logger:LoggerCallback.on_trial"
PARTS = {
    "topknot": {
        "ask": ["tune.record:Record.propose"],
        "tell": ["tune.record:Record.report", "tune.record:Record.end"],
        "journal": [f"{JOURNAL}:JournalFileBackend.append_logs", f"{JOURNAL}:JournalStorage._sync_with_backend"],
        "files": ["tune.searcher:Housekeeping.on_trial_complete"],
        "wait": ["ray:wait"],
    },
    "ray": {
        "ask": [f"{SEARCH}.suggest"],
        "tell": [f"{SEARCH}.on_trial_result", f"{SEARCH}.on_trial_complete"],
        "files": [f"{LOGGER}_start", f"{LOGGER}_result", f"{LOGGER}_complete", f"{CONTROLLER}.checkpoint"],
        "wait": ["ray:wait"],
    },
}
"""What is timed apart: the sampler, what it is told, Optuna's journal, other files, and the wait for workers."""


class Meter:
    """Times parts of the driver, each without the parts inside it, and looks at its memory at every hundredth trial."""

    def __init__(self, side: str) -> None:
        self.seconds = dict.fromkeys(PARTS[side], 0.0)
        self.marks: list[tuple[int, float, float]] = []
        self.done = self.reports = 0
        for part, places in PARTS[side].items():
            for place in places:
                module, path = place.split(":")
                owner: Any = importlib.import_module(module)
                *outer, name = path.split(".")
                for step in outer:
                    owner = getattr(owner, step)
                setattr(owner, name, self._timed(part, getattr(owner, name)))
        self.started = time.perf_counter()

    def mark(self) -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
        self.marks.append((self.done, time.perf_counter() - self.started, resident))

    def count(self) -> None:
        self.done += 1
        if self.done == 1 or self.done % MARK == 0:
            self.mark()

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            before, started = sum(self.seconds.values()), time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                inside = sum(self.seconds.values()) - before
                self.seconds[part] += time.perf_counter() - started - inside

        return timed
