"""Trials that did not complete, for samplers that learn from completed ones alone, or from those first."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Container, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tune.attributes import COSTS, epoch_key, trained_part


class Informed(BaseSampler):
    """Shows a sampler the pruned trials as completed ones, each with the best value that it reported, and its costs.

    Under a scheduler most trials are pruned; a sampler that is not told of them draws at random for most of a search. In the
    study they stay what they are. Those that had no time for an epoch are not shown: nobody knows how good they are.

    Args:
        sampler: The sampler.
        failed: Whether to show it the failed ones too, each with the worst values of all: one whose proposal follows from what
            it knows would propose what failed again and again.
        alone: Parameters that it is to draw by themselves: one that looks at those alone which all trials have may count on
            finding them in the next trial, too, and in those that failed.
    """

    def __init__(self, sampler: BaseSampler, *, failed: bool = False, alone: Collection[str] = ()) -> None:
        self._sampler, self._failed, self._alone = sampler, failed, alone
        self._ended: dict[int, tuple[FrozenTrial, FrozenTrial]] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns the sampler's answer, without what it is to draw alone."""
        together = self._sampler.infer_relative_search_space(self._shown(study), trial)
        return {name: together[name] for name in together if name not in self._alone}

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
        return _Shown(study, self._ended, failed=self._failed)


class _Shown(Study):
    """A study as the sampler sees it."""

    def __init__(self, study: Study, ended: dict[int, tuple[FrozenTrial, FrozenTrial]], *, failed: bool) -> None:
        self.__dict__.update(study.__dict__)
        self._ended, self._failed = ended, failed

    # Optuna's samplers ask for trials by this way alone; its own Hyperband pruner shows them part of a study by the same.
    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = [
            self._completed(trial) if trial.state is TrialState.PRUNED else trial
            for trial in super()._get_trials(deepcopy, None, use_cache)
            if trial.state is not TrialState.PRUNED or _whole_epochs(trial)
        ]
        values = [trial.values for trial in trials if trial.state is TrialState.COMPLETE]
        if self._failed and values:
            worst = [
                max(each, key=lambda value: sign * value)
                for sign, each in zip(self._signs(), zip(*values, strict=True), strict=True)
            ]
            failed = {trial.number for trial in trials if trial.state is TrialState.FAIL and trial.params}
            trials = [_with_values(trial, worst) if trial.number in failed else trial for trial in trials]
        return [trial for trial in trials if states is None or trial.state in states]

    def _signs(self) -> list[int]:
        return [1 if direction is StudyDirection.MINIMIZE else -1 for direction in self.directions]

    def _completed(self, trial: FrozenTrial) -> FrozenTrial:
        """Returns a pruned trial with its best value, as completed; as it is where it reported nothing finite."""
        source, completed = self._ended.get(trial.number, (None, trial))
        if source is not trial:
            reported = [value for value in _whole_epochs(trial) if math.isfinite(value)]
            if not reported:
                return trial
            best = min(reported, key=lambda value: self._signs()[0] * value)
            completed = _with_values(trial, [best, *trial.user_attrs.get(COSTS, {}).values()])
            self._ended[trial.number] = trial, completed
        return completed


def _whole_epochs(trial: FrozenTrial) -> list[float]:
    """Returns what a trial reported of its epochs, but for one that was cut short."""
    return [
        value
        for epoch, value in trial.intermediate_values.items()
        if trained_part(trial.user_attrs.get(epoch_key(epoch), {})) == 1
    ]


def _with_values(trial: FrozenTrial, values: Sequence[float]) -> FrozenTrial:
    completed = copy.copy(trial)
    completed.state, completed.values = TrialState.COMPLETE, list(values)
    return completed
