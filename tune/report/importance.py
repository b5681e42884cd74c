"""How much each hyperparameter mattered, fair to trials that were stopped early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator

from tune.outcome import TrialOutcome

LEAST = 8
"""Trials below which nothing can be said."""
MOST = 400
"""Trials that are looked at, the latest ones: the forest takes seconds for these."""


def beaten_shares(trials: Sequence[TrialOutcome]) -> npt.NDArray[np.float64]:
    """Returns the share of the other trials that each one beats, float64 (trials,), in [0, 1].

    Two trials are compared by the best figure of each up to the last epoch that both came to: what was stopped after an epoch
    is not blamed for what it had no time for, nor praised for a bad start that others grew out of.
    """
    longest = max(len(trial.epochs) for trial in trials)
    best = np.full((len(trials), longest), np.inf)
    for row, trial in enumerate(trials):
        costs = np.minimum.accumulate([trial.objective.cost(epoch) for epoch in trial.epochs])
        best[row, : len(costs)] = costs
    lengths = np.array([len(trial.epochs) for trial in trials])
    shares = np.empty(len(trials))
    everyone = np.arange(len(trials))
    for row in range(len(trials)):
        last = np.minimum(lengths, lengths[row]) - 1
        mine, theirs = best[row, last], best[everyone, last]
        shares[row] = ((mine < theirs).sum() + ((mine == theirs).sum() - 1) / 2) / max(1, len(trials) - 1)
    return shares


def varied(trials: Sequence[TrialOutcome]) -> list[str]:
    """Returns the hyperparameters that were not the same in all trials, in their order."""
    return [name for name in trials[0].hparams if len({repr(trial.hparams.get(name)) for trial in trials}) > 1]


def importances(trials: Sequence[TrialOutcome]) -> dict[str, float]:
    """Returns each varied hyperparameter's part of the variance of `beaten_shares` (fANOVA, Hutter et al., ICML 2014).

    Falling, adding up to 1; empty where there are too few trials. What a trial did not draw counts as its default.
    """
    told = [trial for trial in trials if trial.epochs and trial.hparams][-MOST:]
    if len(told) < LEAST or not (names := varied(told)):
        return {}
    shares = beaten_shares(told)
    if np.ptp(shares) == 0:
        return {}
    ranges = {name: _range([trial.hparams[name] for trial in told]) for name in names}
    study = optuna.create_study()
    for trial, share in zip(told, shares.tolist(), strict=True):
        params = {name: _value(trial.hparams[name]) for name in names}
        study.add_trial(optuna.create_trial(params=params, distributions=ranges, value=share))
    evaluator = FanovaImportanceEvaluator(n_trees=32, max_depth=16, seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _range(values: Sequence[Any]) -> BaseDistribution:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return FloatDistribution(float(min(values)), float(max(values)))
    return CategoricalDistribution(sorted({_value(value) for value in values}, key=repr))


def _value(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
