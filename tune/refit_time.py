"""How long training the winner again will take, by what the trials took so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress

from data.clock import now
from data.errors import InputError
from data.split import Split
from tune.outcome import TrialOutcome

MARGIN = 1.1
"""Of the estimate: other work may go on beside it, and the winner may yet be another."""
NEWS_SECONDS = 10.0
"""How long an estimate holds: the trials are read again for the next."""


class RefitTime:
    """Estimates the seconds of a refit, as often as asked.

    Args:
        trials: Reads the search's trials as they stand.
        members: Of the winner: the best so many trials are trained again.
        workers: Tells how many train at a time.
        split: Of the corpus: the winner is trained on validation rows, too.
        prepare: Seconds of fitting vocabulary and wide branch, which comes first.
    """

    def __init__(
        self,
        trials: Callable[[], Sequence[TrialOutcome]],
        members: int,
        workers: Callable[[], int],
        split: Split,
        prepare: float,
    ) -> None:
        self._trials, self._members, self._workers, self._prepare = trials, members, workers, prepare
        self._pace = MARGIN * (1 + len(split.validation) / len(split.train))
        self._known, self._read = prepare, -math.inf

    def seconds(self) -> float:
        """Returns the estimate; before the first epoch's end, the time to prepare alone."""
        if now() - self._read > NEWS_SECONDS:
            self._read = now()
            with suppress(OSError, InputError):  # out of reach for now: what was known holds
                trials = self._trials()
                self._known = self._prepare + self._pace * training_seconds(trials, self._members, self._workers())
                self._known += epoch_seconds(trials)
        return self._known


def training_seconds(trials: Sequence[TrialOutcome], members: int, workers: int) -> float:
    """Returns what it takes at most to train the best of the trials again, each to its best epoch, at their own pace.

    Args:
        trials: Of the search; those that still run count as well.
        members: How many of the best.
        workers: That train at a time, each a trial; they are given them in any order.
    """
    known = ((trial, trial.best_epoch) for trial in sorted(trials, key=lambda trial: trial.place) if trial.state != "failed")
    each = [sum(epoch["seconds"] for epoch in trial.epochs[:epochs]) for trial, epochs in known if epochs][:members]
    longest = max(each, default=0.0)
    return longest + (sum(each) - longest) / workers


def epoch_seconds(trials: Sequence[TrialOutcome]) -> float:
    """Returns what it takes at most until each trial that runs has come to the end of its epoch, by its last one."""
    return max((trial.epochs[-1]["seconds"] for trial in trials if trial.state == "running" and trial.epochs), default=0.0)
