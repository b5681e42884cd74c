"""The Optuna study of a search: opened, created, and its sampler."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from data.errors import InputError
from tune.objective import Objective

JOURNAL = "study.journal"
METRIC = "metric"

optuna.logging.set_verbosity(optuna.logging.ERROR)


def create_study(folder: Path, name: str, objective: Objective = Objective()) -> optuna.Study:  # noqa: B008 - it is frozen
    """Creates the study of a new search in its folder, under the search's name: no two searches ever share one."""
    study = optuna.create_study(storage=_storage(folder), study_name=name, direction=objective.direction)
    study.set_user_attr(METRIC, objective.metric)
    return study


def study_objective(study: optuna.Study) -> Objective:
    """Returns what the trials of a study are ranked by."""
    return Objective(study.user_attrs.get(METRIC, "loss"))


def open_study(folder: Path, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    """Opens the study that stands in a search's folder, whatever the folder is called now. Writes nothing.

    Args:
        folder: The search's folder.
        sampler: What proposes configurations; None where none will be asked for.
    """
    storage = _storage(folder)
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(storage=storage, study_name=name, sampler=sampler)


def _storage(folder: Path) -> JournalStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


def make_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """Makes one of Optuna's samplers: 'tpe', 'random', 'gp', 'cmaes' or 'qmc', seeded.

    TPE looks at the hyperparameters together, within the groups that conditions make, and takes running trials for bad
    ones, so that workers do not all try the same.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match name:
            case "tpe":
                return optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)
            case "random":
                return optuna.samplers.RandomSampler(seed=seed)
            case "gp":
                if not importlib.util.find_spec("torch"):
                    raise InputError("--sampler gp needs PyTorch, which Optuna computes with: pip install torch.")
                return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
            case "cmaes":
                return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
            case "qmc":
                return optuna.samplers.QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)
    raise ValueError(f"There is no sampler {name!r}.")


def repair_journal(folder: Path) -> None:
    """Cuts off a last line that a killed process did not finish: it would spoil the next one.

    For the driver alone, before it writes: to a reader of a running search, a line that is being written looks torn.
    """
    journal = folder / JOURNAL
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        size = file.seek(0, 2)
        if size == 0:
            return
        tail = min(size, 1 << 20)
        file.seek(size - tail)
        block = file.read(tail)
        if not block.endswith(b"\n"):
            file.truncate(size - tail + block.rfind(b"\n") + 1)
