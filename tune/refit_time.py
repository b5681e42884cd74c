"""How long training the winner again will take, by what the trials took so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from data.clock import now
from tune.outcome import TrialOutcome

MARGIN = 1.25
"""Of the estimate: there are more rows to train on, other work may go on beside it, and the winner may yet be another."""
NEWS_SECONDS = 10.0
"""How long an estimate holds: the trials are read again for the next."""


class RefitTime:
    """Estimates the seconds of a refit, as often as asked.

    Args:
        trials: Reads the search's trials as they stand.
        members: Of the winner: the best so many trials are trained again.
        workers: That train at a time.
        prepare: Seconds of fitting vocabulary and wide branch, which comes first.
    """

    def __init__(self, trials: Callable[[], Sequence[TrialOutcome]], members: int, workers: int, prepare: float) -> None:
        self._trials, self._members, self._workers, self._prepare = trials, members, workers, prepare
        self._known, self._read = prepare, -math.inf

    def seconds(self) -> float:
        """Returns the estimate; before the first epoch's end, the time to prepare alone."""
        if now() - self._read > NEWS_SECONDS:
            self._known = self._prepare + MARGIN * training_seconds(self._trials(), self._members, self._workers)
            self._read = now()
        return self._known


def training_seconds(trials: Sequence[TrialOutcome], members: int, workers: int) -> float:
    """Returns what it takes to train the best of the trials again, each to its best epoch, at their own pace.

    Args:
        trials: Of the search; those that still run count as well.
        members: How many of the best.
        workers: That train at a time.
    """
    known = ((trial, trial.best_epoch) for trial in sorted(trials, key=lambda trial: trial.place) if trial.state != "failed")
    each = [epochs * trial.seconds / len(trial.epochs) for trial, epochs in known if epochs][:members]
    return max(sum(each) / workers, max(each, default=0.0))
