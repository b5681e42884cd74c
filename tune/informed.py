"""Trials that did not complete, for samplers that learn from completed ones alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Container, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

COSTS = "costs"
"""Under which a trial's user attributes have its costs, by name, where it has any (`tune.objective`)."""


class Informed(BaseSampler):
    """Shows a sampler the pruned trials as completed ones, each with the best value that it reported, and its costs.

    Under a scheduler most trials are pruned; a sampler that is not told of them draws at random for most of a search. In the
    study they stay what they are. Those that had no time for a report are not shown: nobody knows how good they are.

    Args:
        sampler: The sampler.
        completed: Whether pruned trials are shown as completed ones; False for a sampler that knows what they are.
        failed: Whether to show it the failed ones too, each with the worst values of all: one whose proposal follows from what
            it knows would propose what failed again and again.
    """

    def __init__(self, sampler: BaseSampler, *, completed: bool = True, failed: bool = False) -> None:
        self._sampler, self._completed, self._failed = sampler, completed, failed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns the sampler's answer."""
        return self._sampler.infer_relative_search_space(self._shown(study), trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Returns the sampler's draw."""
        return self._sampler.sample_relative(self._shown(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Returns the sampler's draw."""
        return self._sampler.sample_independent(self._shown(study), trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tells the sampler."""
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tells the sampler."""
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Tells the sampler."""
        self._sampler.reseed_rng()

    def _shown(self, study: Study) -> Study:
        return _Shown(study, completed=self._completed, failed=self._failed)


class _Shown(Study):
    """A study as the sampler sees it."""

    def __init__(self, study: Study, *, completed: bool, failed: bool) -> None:
        self.__dict__.update(study.__dict__)
        self._completed, self._failed = completed, failed

    # Optuna's samplers ask for trials by this way alone; its own Hyperband pruner shows them part of a study by the same.
    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = [
            trial
            for trial in super()._get_trials(deepcopy, None, use_cache)
            if trial.state is not TrialState.PRUNED or trial.intermediate_values
        ]
        if not self._completed:
            return [trial for trial in trials if states is None or trial.state in states]
        signs = [1 if direction is StudyDirection.MINIMIZE else -1 for direction in self.directions]
        values: dict[int, list[float]] = {}
        for trial in trials:
            reported = [value for value in trial.intermediate_values.values() if math.isfinite(value)]
            if trial.state is TrialState.COMPLETE and trial.values is not None:
                values[trial.number] = trial.values
            elif trial.state is TrialState.PRUNED and reported:
                best = min(reported, key=lambda value: signs[0] * value)
                values[trial.number] = [best, *trial.user_attrs.get(COSTS, {}).values()]
        if self._failed and values:
            failed = [trial.number for trial in trials if trial.state is TrialState.FAIL and trial.params]
            worst = [
                max(each, key=lambda value: sign * value)
                for sign, each in zip(signs, zip(*values.values(), strict=True), strict=True)
            ]
            values |= dict.fromkeys(failed, worst)
        shown = [_completed(trial, values[trial.number]) if trial.number in values else trial for trial in trials]
        return [trial for trial in shown if states is None or trial.state in states]


def _completed(trial: FrozenTrial, values: list[float]) -> FrozenTrial:
    completed = copy.copy(trial)
    completed.state, completed.values = TrialState.COMPLETE, values
    return completed
