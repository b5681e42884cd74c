"""The bridge between Ray Tune and Optuna: a Searcher that proposes, and a Callback that tells the study the truth.

Tune does not show a Searcher the report on which the scheduler stopped a trial, nor whether it was stopped at all; a
Callback sees every report.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optuna.trial import TrialState
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from data.clock import now
from tune.ending import CRASHED, TIME_LIMIT, Ending, ending_of, kind_of
from tune.outage import disk_error
from tune.record import Record

NUMBER, HPARAMS, REPORTED, EPOCHS, BAR, SIZE = "number", "hparams", "reported", "epochs", "bar", "size"
"""Keys of a trial's config: `tune.record.Proposal`."""
ENDED = "ended"
"""Key of a result: why the trial ended of itself; empty while it goes on."""
STATES: dict[Ending, TrialState] = {"complete": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
"""How trials end (`ended_as`), as the study has it."""


def is_told_again(trial: Trial, result: Mapping[str, Any]) -> bool:
    """Tells whether a trial that is run again tells what it told before: it was let go on then, and its best may follow."""
    return bool(result["epoch"] <= trial.config.get(EPOCHS, 0))


def ended_as(result: Mapping[str, Any]) -> Ending | None:
    """Tells how a trial ended by its last report; None if it goes on."""
    if not result[ENDED]:
        return "stopped" if result.get("done") else None
    return ending_of(result[ENDED])


class StudySearcher(Searcher):
    """Proposes what the study proposes.

    Args:
        record: Of the study.
        over: Tells whether there is no more time for new trials.
        wanted: Returns how many trials may run or wait at a time; None if Tune counts them.
    """

    def __init__(self, record: Record, over: Callable[[], bool], wanted: Callable[[], int] | None) -> None:
        super().__init__(metric=record.objective.metric, mode=record.objective.mode)
        self._record, self._over, self._wanted = record, over, wanted

    def suggest(self, trial_id: str) -> Any:
        """Returns a trial's config, None if there is no room for one now, or that there are no more."""
        in_time = not self._over()
        if in_time and self._wanted and self._record.live >= self._wanted():
            return None
        proposal = self._record.propose() if in_time else None
        if proposal is None:
            return Searcher.FINISHED
        return {
            NUMBER: proposal.number,
            HPARAMS: proposal.hparams.to_dict(),
            REPORTED: proposal.reported,
            EPOCHS: proposal.epochs,
            BAR: proposal.bar,
            SIZE: proposal.size,
        }

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Leaves it to the callback, which knows how the trial ended."""

    # Tune saves searchers by pickling them. The study is on disk as it is; there is nothing to save, and no pickle to trust.
    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Saves nothing: the study is on disk."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing: the study is on disk."""


class StudyCallback(Callback):
    """Tells the study of every report and of every end.

    Args:
        record: Of the study.
        reasons: Why the scheduler stopped a trial, by its number; filled as it stops them.
    """

    def __init__(self, record: Record, reasons: Mapping[int, str]) -> None:
        self._record, self._reasons = record, reasons

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any) -> None:
        """Tells a report; and the end, if this was the last."""
        number = trial.config[NUMBER]
        if not result.get("repeated"):
            self._record.report(number, result)
        if ended := ended_as(result):
            epoch = max(result["epoch"], trial.config.get(EPOCHS, 0))  # one that is run again has told of more, it may be
            reason = result[ENDED] or self._reasons.get(number, f"stopped by the scheduler after epoch {epoch}")
            if reason == TIME_LIMIT:  # by the stopper
                reason += f": after epoch {epoch}"
            self._record.closed |= kind_of(reason) == TIME_LIMIT
            seconds = result["seconds"] if result.get("repeated") else 0.0
            self._record.end(number, STATES[ended], reason, seconds)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tells a trial that is run again what it has reported: it leaves better weights alone, and is not stopped there."""
        number = trial.config[NUMBER]
        trial.config.update({REPORTED: self._record.lowest(number), EPOCHS: self._record.epochs(number)})

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tells that the trial failed, and of what.

        Raises:
            OSError: If it was the disk's failure, not the trial's.
        """
        last = (last_error(trial).splitlines() or ["unknown error"])[-1]
        if outage := disk_error(last):
            raise outage  # it ends the search; resumed, that runs the trial again
        self._record.end(trial.config[NUMBER], TrialState.FAIL, f"{CRASHED}: {last[:200]}")
        _forget_figures(trial)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Forgets what Tune has kept of the trial's figures."""
        _forget_figures(trial)

    def __getstate__(self) -> dict[str, Any]:
        return {}


def last_error(trial: Trial) -> str:
    """Returns what Tune has written down of a trial's last failure, on this machine; the storage may not have taken it."""
    if trial.error_file is None:
        return ""
    return Path(trial.error_file).read_text(encoding="utf-8", errors="replace").rpartition("Failure # ")[2].strip()


def _forget_figures(trial: Trial) -> None:
    """Has Tune forget what it keeps of every figure that a trial reported, mean, extremes and last values: 40 KiB."""
    trial.run_metadata.metric_analysis.clear()
    trial.run_metadata.metric_n_steps.clear()


class SearchStopper(Stopper):
    """Stops the whole search when an event is set, or at a time; before that, trials one by one as they end an epoch.

    Args:
        interrupted: The event.
        over: Tells whether trials are to be stopped.
        last: When all is stopped, as `data.clock.now` gives it.
    """

    def __init__(self, interrupted: threading.Event, over: Callable[[], bool], last: float) -> None:
        self._interrupted, self._over, self._last = interrupted, over, last

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Tells whether to stop a trial that ended an epoch."""
        due = not result[ENDED] and self._over()
        if due:
            result[ENDED] = TIME_LIMIT
        return due

    def stop_all(self) -> bool:
        """Tells whether to stop everything."""
        return self._interrupted.is_set() or now() > self._last

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Housekeeping(Callback):
    """Calls a function whenever a trial has ended and its weights are written, and one whenever it has told of an epoch."""

    def __init__(self, tidy: Callable[[], None], news: Callable[[], None]) -> None:
        self._tidy, self._news = tidy, news

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any) -> None:
        """Tells that there is news."""
        self._news()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tidies up."""
        self._tidy()

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tidies up behind a trial whose process has ended under it."""
        self._tidy()

    def __getstate__(self) -> dict[str, Any]:
        return {}
