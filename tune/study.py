"""The Optuna study of a search: opened, created, and its sampler."""

from __future__ import annotations

import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

JOURNAL = "study.journal"

optuna.logging.set_verbosity(optuna.logging.ERROR)


def open_study(folder: Path, name: str, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    """Opens the study that stands in a search's folder, or creates it.

    Args:
        folder: The search's folder.
        name: The study's name: the search's, so that no two searches ever share a study.
        sampler: What proposes configurations; None where none will be asked for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    if name in optuna.get_all_study_names(storage):  # to create one that exists would write to the journal all the same
        return optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    return optuna.create_study(storage=storage, study_name=name, sampler=sampler, direction="minimize")


def make_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """Makes one of Optuna's samplers: 'tpe', 'random', 'cmaes' or 'qmc', seeded.

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
