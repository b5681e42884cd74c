"""What a search came to: its trials, and which is best. The one definition of 'best'."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tune.attributes import COSTS, HPARAMS, PARTIAL, REASON, epoch_key, trained_part
from tune.front import Place, pareto_front
from tune.objective import Objective
from tune.podium import Podium
from tune.study import study_objective

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "running",
}
CLOCK_SECONDS = 10.0
"""How often the time that a search has taken is written down while its trials tell of epochs (`tune.stopwatch`)."""
ENDED = {"complete", "pruned"}
"""The states of trials that ended with what they reported."""


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """One trial, as the study has it.

    Attributes:
        number: Its number in the study.
        state: 'complete', 'pruned', 'failed' or 'running'.
        reason: Why it ended; empty while it runs.
        hparams: All its hyperparameters.
        epochs: Each epoch's metrics, in order (see `tune.attributes`).
        seconds: Inside training and validation steps, those of an epoch cut short included.
        objective: What it is ranked by.
        costs: What that is weighed against (`tune.objective`), by name; empty if nothing is, or before the first epoch's end.
    """

    number: int
    state: str
    reason: str
    hparams: dict[str, Any]
    epochs: tuple[dict[str, float], ...]
    seconds: float
    objective: Objective = field(default_factory=Objective)
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, of the best figure on the validation rows, the earlier of equal ones."""
        costs = [(self.objective.cost(epoch), index) for index, epoch in enumerate(self.epochs, start=1)]
        cost, index = min(costs, default=(math.inf, 0))
        return index if math.isfinite(cost) else None

    @property
    def passes(self) -> float:
        """How often the training rows were passed over up to the best epoch's end: less than that, if it was cut short."""
        return self.best_epoch - 1 + trained_part(self.epochs[self.best_epoch - 1]) if self.best_epoch else 0.0

    @property
    def cost(self) -> float:
        """What it is ranked by, lower is better: that of its best epoch; infinite if it has none."""
        return self.objective.cost(self.epochs[self.best_epoch - 1]) if self.best_epoch else math.inf

    @property
    def place(self) -> Place:
        """Its place among others (`tune.front`): cost and costs, and its number."""
        return (self.cost, *self.objective.costs_of(self.costs)), self.number

    def to_dict(self) -> dict[str, Any]:
        """Returns the trial as JSON knows it."""
        best = self.epochs[self.best_epoch - 1] if self.best_epoch else {}
        return {
            "trial": self.number,
            "state": self.state,
            "epochs": len(self.epochs),
            "reason": self.reason,
            "hparams": self.hparams,
            "validation": {name: best.get(name) for name in ("loss", "accuracy", "macro_f1")},
            "best_epoch": self.best_epoch,
            "costs": dict(self.costs),
            "seconds": self.seconds,
        }


def read_trials(study: optuna.Study) -> list[TrialOutcome]:
    """Reads all trials out of a study, by number."""
    objective = study_objective(study)
    trials = [_read(trial, objective) for trial in study.get_trials(deepcopy=False)]
    for trial in trials:
        trial.to_dict()  # now, if what they reported is not to be read
    return trials


def leaderboard(trials: Sequence[TrialOutcome]) -> list[TrialOutcome]:
    """Sorts trials by the best that each reached on the validation rows, of equal ones the cheaper, then the earlier first.

    Those that failed or still run come last.
    """
    return sorted(trials, key=lambda trial: (trial.state not in ENDED, trial.place))


def best_trial(trials: Sequence[TrialOutcome]) -> TrialOutcome | None:
    """Returns the trial of the best epoch of all on the validation rows, whatever became of it then; failed ones not."""
    return next(iter(ranked_trials(trials)), None)


def ranked_trials(trials: Sequence[TrialOutcome]) -> list[TrialOutcome]:
    """Returns the trials that ended with a result, the best first."""
    return [trial for trial in leaderboard(trials) if trial.best_epoch and trial.state in ENDED]


def front_trials(trials: Sequence[TrialOutcome]) -> list[TrialOutcome]:
    """Returns the trials with a result that no other is better than in all that counts, quality and costs; the best first.

    Where there are no costs, that is the best trial.
    """
    ended = {trial.number: trial for trial in ranked_trials(trials)}
    return [ended[number] for _, number in pareto_front(trial.place for trial in ended.values())]


def podium(trials: Sequence[TrialOutcome], keep: int, has_weights: Callable[[int], bool] | None = None) -> Podium:
    """Returns the podium of so many of the trials that ended, to go on from.

    One that left it may belong there now, if others of the front were beaten, or had too little room in a budget: if its
    weights are gone, which `has_weights` tells, it takes no place.
    """
    best = Podium(keep)
    for trial in trials:
        if trial.state != "running":
            (cost, *costs), number = trial.place
            kept = has_weights is None or has_weights(number)
            best.add(number, math.inf if trial.state == "failed" else cost, costs, kept=kept)
    return best


def elapsed_seconds(about: Mapping[str, Any], trials: Sequence[TrialOutcome]) -> float:
    """Returns the wall seconds that a search has taken, as of its last news.

    They are written down as trials report, unless that was just done; where a search was killed then, the last report has come
    later, but not by much: what lies between is otherwise a time that the machine slept, or its clock was set.

    Args:
        about: What search.json holds.
        trials: The search's.
    """
    written = float(about["wall_seconds"])
    if about["finished"]:
        return written
    last = max((trial.epochs[-1]["at"] for trial in trials if trial.epochs), default=0.0)
    return max(written, min(last - float(about.get("began", last)), written + CLOCK_SECONDS))


def useful_share(trials: Sequence[TrialOutcome], workers: float, wall_seconds: float, others: float = 0.0) -> float:
    """Returns the fraction of the workers' time that went into training and validation steps, in [0, 1].

    `others` are the seconds of trainings that are no trials (`tune.repeats`).
    """
    return share(sum(trial.seconds for trial in trials) + others, workers * wall_seconds)


def share(seconds: float, paid: float) -> float:
    """Returns which fraction of the workers' seconds so many are; 0 where there were none yet."""
    return seconds / paid if paid > 0 else 0.0


def counts(trials: Sequence[TrialOutcome]) -> dict[str, int]:
    """Counts the trials by state."""
    return {state: sum(trial.state == state for trial in trials) for state in ("complete", "pruned", "failed", "running")}


def _read(trial: FrozenTrial, objective: Objective) -> TrialOutcome:
    attributes = trial.user_attrs
    epochs: list[dict[str, float]] = []
    while (key := epoch_key(len(epochs) + 1)) in attributes:
        epochs.append(attributes[key])
    return TrialOutcome(
        number=trial.number,
        state=STATES[trial.state],
        reason=attributes.get(REASON, ""),
        hparams=attributes.get(HPARAMS, {}),
        epochs=tuple(epochs),
        seconds=sum(epoch["seconds"] for epoch in epochs) + attributes.get(PARTIAL, 0.0),
        objective=objective,
        costs=attributes.get(COSTS, {}),
    )
