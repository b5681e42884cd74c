"""Feeds trackers from the driver, each from a thread of its own: a slow one, or a dead one, keeps no trial waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Callback

from tune.ending import CRASHED
from tune.objective import Objective
from tune.searcher import ENDED, HPARAMS, NUMBER, ended_as, is_told_again
from tune.tracking.tracker import METRICS, Tracker, shown_tracks, why

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

DRAIN_SECONDS = 60.0
"""How long a tracker may take to be told the rest, once the search has ended."""


class Tracking(Callback):
    """Tells trackers what the study is told.

    Args:
        trackers: By the name that the user gave.
        objective: What tells a trial's best epoch.
        say: Shows a line.
    """

    def __init__(self, trackers: Mapping[str, Tracker], objective: Objective, say: Callable[[str], None]) -> None:
        self._objective = objective
        self._lines = [_Line(name, tracker, say) for name, tracker in trackers.items()]
        self._best: dict[int, tuple[float, dict[str, float]]] = {}
        self._begun: set[int] = set()

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any) -> None:
        """Tells of an epoch; of a trial first that it begins, and at last how it ended."""
        number = trial.config[NUMBER]
        if number not in self._begun:
            self._begun.add(number)
            self._tell(lambda tracker: tracker.begin(number, trial.config[HPARAMS]))
        if "loss" in result and not result.get("repeated"):
            figures = {name: float(result[name]) for name in METRICS}
            cost, epoch = self._objective.cost(result), int(result["epoch"])
            if cost < self._best.get(number, (float("inf"), {}))[0]:
                self._best[number] = cost, figures
            if not is_told_again(trial, result):
                self._tell(lambda tracker: tracker.report(number, epoch, figures))
        if state := ended_as(result):
            self._end(number, state, result[ENDED] or "stopped by the scheduler")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tells of a failure."""
        if trial.config[NUMBER] in self._begun:
            self._end(trial.config[NUMBER], "failed", CRASHED)

    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        """Tells of the result."""
        self._tell(lambda tracker: tracker.finish(result, classifier))

    def close(self) -> None:
        """Waits until all was told, or the trackers have had their time."""
        for line in self._lines:
            line.close()

    def _end(self, number: int, state: str, reason: str) -> None:
        _, best = self._best.pop(number, (0.0, {}))
        self._begun.discard(number)
        self._tell(lambda tracker: tracker.end(number, state, reason, best))

    def _tell(self, message: Callable[[Tracker], None]) -> None:
        for line in self._lines:
            line.tell(message)

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Line:
    """A tracker and what it is still to be told."""

    def __init__(self, name: str, tracker: Tracker, say: Callable[[str], None]) -> None:
        self._name, self._tracker, self._say = name, tracker, say
        self._messages: queue.SimpleQueue[Callable[[Tracker], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="track", daemon=True)
        self._thread.start()

    def tell(self, message: Callable[[Tracker], None]) -> None:
        if self._thread.is_alive():
            self._messages.put(message)

    def close(self) -> None:
        self._messages.put(None)
        self._thread.join(DRAIN_SECONDS)
        if self._thread.is_alive():
            self._say(f"--track {shown_tracks(self._name)} is too slow: what it was not told in time is left out")

    def _run(self) -> None:
        try:
            while (message := self._messages.get()) is not None:
                message(self._tracker)
            self._tracker.close()
        except Exception as error:  # the search goes on without it
            reason = why(error, self._name.partition(":")[2])
            self._say(f"--track {shown_tracks(self._name)} failed, and is told no more: {reason}")
