"""HyperOpt as a sampler of the study: Ray's HyperOptSearch proposes; what it knows of trials is the study's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

STARTUP = 10
"""Trials to have ended before HyperOpt proposes by them; until then it draws at random. As many as Optuna's TPE waits for."""
COST = "cost"


class HyperOptSampler(BaseSampler):
    """Lets Ray's HyperOptSearch, which has HyperOpt's tree-structured Parzen estimators, propose whole configurations.

    For each proposal it is handed the completed and the running trials of the study as they are, and a random state made of
    the seed and the trial's number: it keeps nothing of its own, and a search resumed goes on as one that was never cut.
    HyperOpt takes a running trial for a bad one, and knows nothing of a failed one.

    Args:
        distributions: What the space's dimensions are drawn from, by name. All are proposed; values of dimensions that do not
            exist in a trial are not asked for, and in what HyperOpt is shown of it such a dimension has no value.
        seed: Any whole number of 0 or more.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], seed: int) -> None:
        self._distributions = {name: each for name, each in distributions.items() if not each.single()}
        self._seed = seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Returns all dimensions that have more than one value."""
        return self._distributions

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Returns what HyperOptSearch proposes, given the study."""
        known = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        shown = [other for other in known if other.state is TrialState.COMPLETE]
        if len(shown) >= STARTUP:  # HyperOpt counts running trials too, but has nothing to learn from them alone
            shown = [other for other in known if other.state in {TrialState.COMPLETE, TrialState.RUNNING}]
        random = np.random.RandomState([self._seed, trial.number])
        self._search.set_state({"hyperopt_trials": self._trials(shown, study.direction), "rstate": random.get_state()})
        drawn = self._search.suggest("the next")
        return {name: _value(each, drawn[name]) for name, each in self._distributions.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Refuses what is no dimension of the space."""
        raise ValueError(f"The space has no dimension {param_name!r} with {param_distribution}.")

    @cached_property
    def _search(self) -> Any:
        from ray.tune.search.hyperopt import HyperOptSearch

        space = {name: _expression(name, each) for name, each in self._distributions.items()}
        return HyperOptSearch(space, metric=COST, mode="min", n_initial_points=STARTUP)

    def _trials(self, shown: Sequence[FrozenTrial], direction: StudyDirection) -> Any:
        from hyperopt import JOB_STATE_DONE, JOB_STATE_RUNNING, STATUS_OK, STATUS_RUNNING, Trials

        sign = 1 if direction is StudyDirection.MINIMIZE else -1
        miscs, results, states = [], [], []
        for index, trial in enumerate(shown):
            points = {
                name: [_point(each, trial.params[name])] if name in trial.params else []
                for name, each in self._distributions.items()
            }
            domain = self._search.domain
            indices = {name: [index] * len(point) for name, point in points.items()}
            miscs.append({"tid": index, "cmd": domain.cmd, "workdir": domain.workdir, "idxs": indices, "vals": points})
            if trial.value is None:
                results.append({"status": STATUS_RUNNING})
            else:
                results.append({"status": STATUS_OK, "loss": sign * trial.value})
            states.append(JOB_STATE_RUNNING if trial.value is None else JOB_STATE_DONE)
        trials = Trials()
        documents = trials.new_trial_docs(range(len(shown)), [None] * len(shown), results, miscs)
        trials.insert_trial_docs([document | {"state": state} for document, state in zip(documents, states, strict=True)])
        trials.refresh()
        return trials


def _expression(name: str, distribution: BaseDistribution) -> Any:
    """Returns the same in HyperOpt's terms; values with a step are drawn as their place among all, each as likely."""
    from hyperopt import hp

    match distribution:
        case CategoricalDistribution(choices=choices):
            return hp.choice(name, range(len(choices)))
        case IntDistribution(low=low, high=high, log=True):
            return hp.qloguniform(name, math.log(low - 0.5), math.log(high + 0.5), 1)
        case FloatDistribution(low=low, high=high, log=True):
            return hp.loguniform(name, math.log(low), math.log(high))
        case FloatDistribution(low=low, high=high, step=None):
            return hp.uniform(name, low, high)
        case IntDistribution(low=low, high=high, step=step) | FloatDistribution(low=low, high=high, step=float(step)):
            return hp.quniform(name, -0.5, round((high - low) / step) + 0.5, 1)
    raise ValueError(f"HyperOpt has nothing like {distribution}.")


def _point(distribution: BaseDistribution, value: Any) -> float:
    """Returns a value of ours as HyperOpt draws it."""
    match distribution:
        case CategoricalDistribution():
            return int(distribution.to_internal_repr(value))
        case IntDistribution(low=low, log=False, step=step) | FloatDistribution(low=low, step=float(step)):
            return float(round((value - low) / step))
    return float(value)


def _value(distribution: BaseDistribution, point: float) -> Any:
    """Returns what HyperOpt drew as a value of ours; rounding may have left the range by a little."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices[int(point)]
        case IntDistribution(low=low, high=high, log=log, step=step):
            return min(max(round(point) if log else low + round(point) * step, low), high)
        case FloatDistribution(low=low, high=high, step=step):
            return min(max(point if step is None else low + round(point) * step, low), high)
    raise ValueError(f"HyperOpt has nothing like {distribution}.")
