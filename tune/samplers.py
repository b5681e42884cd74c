"""What proposes configurations: a sampler for the study, by its name."""

from __future__ import annotations

import importlib.util
import warnings

import optuna
from optuna.exceptions import ExperimentalWarning

from data.errors import InputError
from data.packages import install_command
from tune.hyperopt_sampler import HyperOptSampler
from tune.informed import Informed
from tune.space import Space


def make_sampler(
    name: str,
    seed: int,
    trials: int = 0,
    space: Space = Space(()),  # noqa: B008 - it is frozen
) -> optuna.samplers.BaseSampler:
    """Makes a seeded sampler: one of Optuna's ('tpe', 'random', 'gp', 'cmaes', 'qmc'), or 'hyperopt'.

    TPE looks at the hyperparameters together, within the groups that conditions make, and takes running trials for bad
    ones, so that workers do not all try the same. All that learn are shown pruned trials as completed ones (`tune.informed`):
    TPE itself would rank the best of all, stopped by a scheduler behind its best epoch, below the worst completed one.

    Args:
        name: Which.
        seed: Of the search.
        trials: How many trials the study holds: one that has drawn before does not draw the same again.
        space: What is drawn from; HyperOpt asks for it beforehand, CMA-ES and the Gaussian process learn nothing of what has
            conditions.

    Raises:
        InputError: If what it needs is not installed.
    """
    new_seed = seed + trials
    conditional = [dimension.name for dimension in space.dimensions if dimension.when]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match name:
            case "tpe":
                tpe = optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=new_seed)
                return Informed(tpe)
            case "random":
                return optuna.samplers.RandomSampler(seed=new_seed)
            case "gp":
                if not importlib.util.find_spec("torch"):
                    raise InputError(f"--sampler gp needs PyTorch, which Optuna computes with: {install_command('torch')}")
                gp = optuna.samplers.GPSampler(seed=new_seed, deterministic_objective=False)
                return Informed(gp, failed=True, alone=conditional)
            case "cmaes":
                cmaes = optuna.samplers.CmaEsSampler(seed=new_seed, warn_independent_sampling=False)
                return Informed(cmaes, alone=conditional)
            case "qmc":  # its sequence is one of the seed and goes on where the study says; the rest is drawn at random
                rest = optuna.samplers.RandomSampler(seed=new_seed)
                return optuna.samplers.QMCSampler(
                    scramble=True, seed=seed, independent_sampler=rest, warn_independent_sampling=False
                )
            case "hyperopt":
                if not importlib.util.find_spec("hyperopt"):
                    raise InputError(f"--sampler hyperopt needs the package of that name: {install_command('hyperopt')}")
                return Informed(HyperOptSampler(space.distributions, seed))
    raise ValueError(f"There is no sampler {name!r}.")
