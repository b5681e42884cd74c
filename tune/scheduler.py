"""What stops weak trials early, and why each was stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from tune.attributes import trained_part
from tune.ending import DIVERGED, kind_of
from tune.epoch_budget import EpochBudget
from tune.front import Place, dominates
from tune.objective import Objective
from tune.outcome import TrialOutcome
from tune.searcher import NUMBER, is_told_again
from tune.settings import Settings

CREDIT_EPOCHS = 4
"""Epochs before which a configuration that did well elsewhere is not stopped."""
FEWEST = 3
"""Other trials that the median rule needs before it stops one."""
LAST = "last"
"""Key of a result that is shown again: with it the trial ended of itself, and nobody asked whether it is to go on."""
PARTS = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}


@dataclass(frozen=True, slots=True, eq=False)
class EndedTrial:
    """What schedulers know a trial of an earlier run by."""

    trial_id: str
    config: dict[str, Any]


class ASHA(ASHAScheduler):
    """Asynchronous successive halving (Li et al., MLSys 2020) that says why it stops a trial.

    Several brackets, each with a longer grace period than the one before, make it asynchronous HyperBand (Li et al., JMLR
    2018); trials are dealt out to them by their numbers and the seed, so that the same search is the same again.

    Where trials have costs, one that is behind the cutoff goes on all the same if none at its rung is better in everything
    (after Schmucker et al., 2021): else what is small would never get the epochs that it needs.

    Args:
        name: What reasons call it.
        objective: What trials are ranked by.
        seed: Of the dealing out.
        arguments: Of Ray's scheduler.
    """

    def __init__(self, name: str, objective: Objective, seed: int, **arguments: Any) -> None:
        super().__init__(time_attr="epoch", metric=objective.metric, mode=objective.mode, **arguments)
        self._name, self._objective, self._seed = name, objective, seed
        self._costs: dict[str, tuple[float, ...]] = {}
        self.reasons: dict[int, str] = {}

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Gives a trial its bracket: short ones, of which more trials are needed, to more."""
        sizes = np.array([len(bracket._rungs) for bracket in self._brackets])  # noqa: SLF001 - Ray shows them nowhere
        shares = np.exp(sizes - sizes.max())
        rng = np.random.default_rng([self._seed, trial.config[NUMBER]])
        self._trial_info[trial.trial_id] = self._brackets[rng.choice(len(sizes), p=shares / shares.sum())]

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decides whether a trial goes on."""
        bracket, epoch, value = self._trial_info[trial.trial_id], result["epoch"], result[self._objective.metric]
        rungs = (others for milestone, others in bracket._rungs if epoch >= milestone and trial.trial_id not in others)  # noqa: SLF001
        others = dict(next(rungs, {}))
        self._costs[trial.trial_id] = self._objective.costs_of(result)
        decision = str(super().on_trial_result(tune_controller, trial, result))
        if decision == TrialScheduler.STOP and others:
            if self._objective.against and not self._is_beaten(trial.trial_id, self._objective.cost_of(value), others):
                return str(TrialScheduler.CONTINUE)
            cutoff = self._metric_op * bracket.cutoff(others)
            part = PARTS.get(self._reduction_factor, f"{self._reduction_factor}th part")
            self.reasons[trial.config[NUMBER]] = (
                f"stopped by {self._name} after epoch {epoch}: {value:.4f}, cutoff {cutoff:.4f} (best {part} of {len(others)})"
            )
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Takes in the report with which a trial ends of itself."""
        self._costs[trial.trial_id] = self._objective.costs_of(result)
        super().on_trial_complete(tune_controller, trial, result)

    def _is_beaten(self, trial_id: str, cost: float, others: Mapping[str, float]) -> bool:
        """Tells whether one of the others at a rung, given with what Ray ranks them by, is as good in everything."""
        ours: Place = (cost, *self._costs[trial_id]), 1
        return any(dominates(((-reward, *self._costs[other]), 0), ours) for other, reward in others.items())


class CreditASHA(ASHA):
    """ASHA that gives the first so many trials credit for what they did on other corpora.

    A well regularised network learns slowly at first; among random draws, ASHA's first rungs prefer quick starters.
    """

    def __init__(self, credited: int, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._credited = credited

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decides whether a trial goes on; its result counts for other trials' rungs in any case."""
        decision = super().on_trial_result(tune_controller, trial, result)
        return str(TrialScheduler.CONTINUE if self._has_credit(trial, result) else decision)

    def _has_credit(self, trial: Any, result: dict[str, Any]) -> bool:
        credit = trial.config[NUMBER] < self._credited and result["epoch"] < min(CREDIT_EPOCHS, self._max_t)
        return bool(credit or is_told_again(trial, result))


class PASHA(CreditASHA):
    """ASHA whose greatest number of epochs grows only while that changes which trials look best."""

    def __init__(self, credited: int, *arguments: Any, **named: Any) -> None:
        super().__init__(credited, *arguments, **named)
        self._budget = EpochBudget(named["grace_period"], named["reduction_factor"], named["max_t"])

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decides whether a trial goes on: behind the budget it does not, unless that grows."""
        number, epoch, budget = trial.config[NUMBER], result["epoch"], self._budget
        if result.get(LAST):
            return super().on_trial_result(tune_controller, trial, result)
        budget.take(number, epoch, self._objective.cost_of(result[self._objective.metric]))
        decision = super().on_trial_result(tune_controller, trial, result)
        if decision == TrialScheduler.STOP or epoch < budget.epochs or self._has_credit(trial, result) or budget.grow():
            return decision
        self.reasons[number] = f"stopped by PASHA after epoch {epoch}: the ranking is the same as at the rung before"
        return str(TrialScheduler.STOP)


class Median(MedianStoppingRule):
    """Stops a trial whose best result is worse than the median of the others' means so far (Golovin et al., KDD 2017)."""

    def __init__(self, objective: Objective, grace_period: int) -> None:
        # An infinite slice: trials never yield to others, for a paused one would begin anew.
        super().__init__(
            time_attr="epoch",
            metric=objective.metric,
            mode=objective.mode,
            grace_period=grace_period,
            min_samples_required=FEWEST,
            min_time_slice=math.inf,
        )
        self._objective = objective
        self.reasons: dict[int, str] = {}

    def remember(self, trial: Any, result: dict[str, Any]) -> None:
        """Takes in a result that is not to be judged again; nothing of an epoch that it has."""
        if not self._results[trial] or result["epoch"] > self._results[trial][-1]["epoch"]:
            self._results[trial].append(result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Takes in the last result of a trial, where it has not: Ray brings that of a trial it has stopped twice."""
        self.remember(trial, result)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decides whether a trial goes on."""
        if is_told_again(trial, result):
            self.remember(trial, result)
            return str(TrialScheduler.CONTINUE)
        decision = str(super().on_trial_result(tune_controller, trial, result))
        if decision == TrialScheduler.STOP:
            epoch = result["epoch"]
            means = [self._running_mean(other, epoch) for other in self._trials_beyond_time(epoch) if other is not trial]
            means = [mean for mean in means if np.isfinite(mean)]  # as Ray's median has it
            median = float(np.median(means))
            self.reasons[trial.config[NUMBER]] = (
                f"stopped by the median rule after epoch {epoch}: best {self._best_result(trial):.4f}, "
                f"median of {len(means)} others {median:.4f}"
            )
        return decision


def make_scheduler(settings: Settings, trials: Sequence[TrialOutcome], credited: int = 0) -> TrialScheduler:
    """Makes the scheduler that settings name: 'asha', 'pasha', 'hyperband', 'median' or 'none'.

    Args:
        settings: Of the search.
        trials: What a search that is resumed has done so far; the scheduler decides as if it had seen it happen.
        credited: How many of the first trials are another search's best, or of the portfolio.
    """
    objective, grace = settings.objective, min(settings.grace_period, settings.max_epochs)
    if settings.scheduler == "none":
        return FIFOScheduler()
    scheduler: TrialScheduler
    if settings.scheduler == "median":
        scheduler = Median(objective, grace)
    else:
        several = settings.scheduler == "hyperband"
        kind, name = (PASHA, "PASHA") if settings.scheduler == "pasha" else (CreditASHA, "HyperBand" if several else "ASHA")
        scheduler = kind(
            credited,
            name,
            objective,
            settings.seed,
            max_t=settings.max_epochs,
            grace_period=grace,
            reduction_factor=settings.reduction_factor,
            brackets=settings.rungs if several else settings.brackets,
        )
    for outcome in trials:
        if outcome.state != "running":
            _replay(scheduler, outcome, settings.max_epochs, objective)
    return scheduler


def _replay(scheduler: TrialScheduler, outcome: TrialOutcome, epochs: int, objective: Objective) -> None:
    """Shows a scheduler a trial that has ended before."""
    trial = EndedTrial(f"before-{outcome.number}", {NUMBER: outcome.number})
    scheduler.on_trial_add(None, trial)
    by_itself = outcome.state == "complete" or kind_of(outcome.reason) == DIVERGED
    for epoch, metrics in enumerate(outcome.epochs, start=1):
        if trained_part(metrics) < 1:  # no rung is passed by it
            break
        result = {"epoch": epoch, objective.metric: metrics[objective.metric], **outcome.costs}
        result[LAST] = by_itself and epoch == len(outcome.epochs)
        if isinstance(scheduler, Median):
            scheduler.remember(trial, result)
        elif epoch < epochs:
            scheduler.on_trial_result(None, trial, result)
    if isinstance(scheduler, ASHA):
        scheduler.on_trial_remove(None, trial)  # its results stay in the rungs
