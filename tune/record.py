"""What a search knows of its trials, kept in the Optuna study: the one place where it is written."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from model.hparams import HParams
from tune.attributes import COSTS, HPARAMS, METRICS, PART, PARTIAL, REASON, epoch_key, trained_part
from tune.ending import cut_short
from tune.podium import Podium
from tune.space import Space
from tune.study import study_objective


class Proposal(NamedTuple):
    """A trial to run.

    Attributes:
        number: Its number in the study.
        hparams: Its hyperparameters.
        reported: The lowest cost (`tune.objective`) that it reported before the search was cut short; infinite for a new one.
        epochs: Epochs that it reported before; 0 for a new one.
        bar: The cost above which no epoch's weights will be asked for.
        size: Bytes of its classifier; None where they do not count.
    """

    number: int
    hparams: HParams
    reported: float
    epochs: int
    bar: float
    size: int | None = None


class Record:
    """Writes trials into a study: proposed, reported epoch by epoch, ended once.

    A trial that a killed search left running is handed out again, with its number and its hyperparameters; it reports
    what it reported anew (`tune.snapshots`; or, trainings being seeded, it trains the same again), and the study keeps one
    value for each epoch.

    Args:
        study: The study, with its sampler.
        space: What the trials are drawn from.
        limit: How many trials the study may hold, or None.
        podium: The best of its trials that have ended; it is told of each that ends.
        first: What the study's first trials are to be, before the sampler draws; those outside the space are passed
            over, and what comes to the same within it as one before.
        size_of: Tells the bytes of a classifier of such hyperparameters, where trials are ranked against that.

    Attributes:
        closed: Set it where there is no time for further trials.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        limit: int | None,
        podium: Podium,
        first: Sequence[HParams] = (),
        size_of: Callable[[HParams], int] | None = None,
    ) -> None:
        self.study, self.space, self.limit, self.podium, self._size_of = study, space, limit, podium, size_of
        self.objective = study_objective(study)
        places = [place for hparams in first if (place := space.place(hparams)) is not None]
        self.first = [place for index, place in enumerate(places) if place not in places[:index]]
        trials = study.get_trials(deepcopy=False)
        self._orphans = [trial for trial in trials if trial.state is TrialState.RUNNING]
        self._count = sum(trial.state is not TrialState.WAITING for trial in trials)
        self._live: dict[int, optuna.Trial] = {}
        self._epochs: dict[int, dict[int, float]] = {}
        self._ended: dict[int, float] = {}
        self.closed = False

    @property
    def running(self) -> set[int]:
        """The trials that have not ended."""
        return {*self._live, *(orphan.number for orphan in self._orphans)}

    def unfinished(self, spared: float) -> set[int]:
        """Returns the trials that have not ended, and those that have within so many seconds."""
        now = time.monotonic()
        self._ended = {number: ended for number, ended in self._ended.items() if now - ended < spared}
        return self.running | self._ended.keys()

    @property
    def live(self) -> int:
        """How many trials run, or wait to."""
        return len(self._live)

    def propose(self) -> Proposal | None:
        """Returns a new trial, or None when there are enough, or no time for more."""
        while self._orphans and not self.closed and self._is_over(self._orphans[0]):
            trial = self._take_up(self._orphans.pop(0))
            self.end(trial.number, TrialState.PRUNED, cut_short(self.epochs(trial.number)))
        if self.closed:
            return None
        if self._orphans:
            trial = self._take_up(self._orphans.pop(0))
        elif self.limit is not None and self._count >= self.limit:
            return None
        else:
            if self._count < len(self.first):
                self.study.enqueue_trial(self.first[self._count], skip_if_exists=True)
            trial = self.study.ask()
            self._live[trial.number], self._epochs[trial.number] = trial, {}
            self._count += 1
        hparams = self.space.suggest(trial)
        if HPARAMS not in trial.user_attrs:
            trial.set_user_attr(HPARAMS, hparams.to_dict())
        number = trial.number
        size = self._size_of(hparams) if self._size_of and "size" in self.objective.against else None
        return Proposal(number, hparams, self.lowest(number), self.epochs(number), self.podium.bar, size)

    def report(self, number: int, result: Mapping[str, Any]) -> None:
        """Writes down what an epoch came to; nothing of a trial that has ended."""
        trial, epoch = self._live.get(number), int(result["epoch"])
        if trial is None or epoch in self._epochs[number]:
            return
        if self.objective.against and COSTS not in trial.user_attrs:  # of a trial that is run again, they stay as they were
            trial.set_user_attr(COSTS, {name: result[name] for name in self.objective.against})
        # In this order: metrics whose value is missing, the search having been killed between the two, tell the value.
        part = {PART: result[PART]} if trained_part(result) < 1 else {}
        trial.set_user_attr(epoch_key(epoch), {metric: result[metric] for metric in METRICS} | part)
        self._report_value(trial, epoch, result)

    def end(self, number: int, state: TrialState, reason: str, partial_seconds: float = 0.0) -> None:
        """Writes down how a trial ended: COMPLETE with its best figure as its value, PRUNED or FAIL.

        A trial that ended before is left as it is. Partial seconds are those of an epoch that was cut short.
        """
        trial = self._live.pop(number, None)
        if trial is None:
            return
        self._ended[number] = time.monotonic()
        trial.set_user_attr(REASON, reason)
        if partial_seconds:
            trial.set_user_attr(PARTIAL, partial_seconds)
        lowest, costs = self.lowest(number), self.objective.costs_of(trial.user_attrs.get(COSTS, {}))
        if state is TrialState.COMPLETE and math.isfinite(lowest):
            self.study.tell(number, [self.objective.cost_of(lowest), *costs])
        else:
            state = TrialState.FAIL if state is TrialState.COMPLETE else state
            self.study.tell(number, state=state)
        self.podium.add(number, math.inf if state is TrialState.FAIL else lowest, costs)

    def end_orphans(self, reason: str) -> None:
        """Ends trials that a killed search left running and that there is no time to run again: PRUNED, as they stand."""
        while self._orphans:
            self.end(self._take_up(self._orphans.pop(0)).number, TrialState.PRUNED, reason)

    def end_live(self, reason: str) -> None:
        """Ends trials that did not tell their end: PRUNED, as they stand."""
        for number in list(self._live):
            self.end(number, TrialState.PRUNED, reason)

    def lowest(self, number: int) -> float:
        """Returns the lowest cost that a trial has reported, a killed search counted in; infinite if there is none."""
        return self.objective.lowest(self._epochs[number].values())

    def epochs(self, number: int) -> int:
        """Returns how many epochs a trial has reported, a killed search counted in."""
        return len(self._epochs[number])

    def _is_over(self, orphan: FrozenTrial) -> bool:
        """Tells whether a trial that a killed search left running had come to its end: an epoch cut short is the last."""
        last = max(orphan.intermediate_values, default=0)
        return any(trained_part(orphan.user_attrs.get(epoch_key(epoch), {})) < 1 for epoch in (last, last + 1))

    def _take_up(self, orphan: FrozenTrial) -> optuna.Trial:
        trial = optuna.Trial(self.study, orphan._trial_id)  # noqa: SLF001 - the way back that Optuna has
        self._live[trial.number], self._epochs[trial.number] = trial, dict(orphan.intermediate_values)
        while metrics := orphan.user_attrs.get(epoch_key(self.epochs(trial.number) + 1)):
            self._report_value(trial, self.epochs(trial.number) + 1, metrics)
        return trial

    def _report_value(self, trial: optuna.Trial, epoch: int, metrics: Mapping[str, Any]) -> None:
        value = float(metrics[self.objective.metric]) if math.isfinite(metrics["loss"]) else math.nan
        self._epochs[trial.number][epoch] = value
        # As `trial.report` does, which refuses to where there are several metrics: its pruners would not know what to do.
        trial.storage.set_trial_intermediate_value(trial._trial_id, epoch, value)  # noqa: SLF001
