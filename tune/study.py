"""The Optuna study of a search: opened, created, and its sampler."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from data.errors import InputError
from tune.hyperopt_sampler import HyperOptSampler
from tune.informed import Informed
from tune.objective import Objective
from tune.space import Space

JOURNAL, DATABASE = "study.journal", "study.db"
METRIC = "metric"

optuna.logging.set_verbosity(optuna.logging.ERROR)


def study_url(folder: Path, address: str | None) -> str:
    """Returns the address of a search's study, as `show --json` tells it: 'journal:PATH', or what Optuna takes.

    Args:
        folder: The search's folder.
        address: As the setting `study` has it: None for a journal in the folder, 'sqlite' for a database in the folder, or a
            URL that Optuna knows. $NAMES in it are the environment's, so that no password need stand in a file.
    """
    if address is None:
        return f"journal:{folder / JOURNAL}"
    return f"sqlite:///{folder / DATABASE}" if address == "sqlite" else address


def create_study(
    folder: Path,
    name: str,
    objective: Objective = Objective(),  # noqa: B008 - it is frozen
    address: str | None = None,
) -> optuna.Study:
    """Creates the study of a new search, under the search's name: no two searches ever share one.

    Raises:
        InputError: If the address cannot be used, or holds a study of that name.
    """
    with explained(address):
        storage = _storage(folder, address)
        try:
            study = optuna.create_study(storage=storage, study_name=name, direction=objective.direction)
        except optuna.exceptions.DuplicatedStudyError:
            raise InputError(f"--study: {address} holds a study {name!r} already. Choose another --name.") from None
        study.set_user_attr(METRIC, objective.metric)
    return study


def open_study(
    folder: Path,
    sampler: optuna.samplers.BaseSampler | None = None,
    address: str | None = None,
    name: str | None = None,
) -> optuna.Study:
    """Opens the study of a search, whatever its folder is called now. Writes nothing.

    Args:
        folder: The search's folder.
        sampler: What proposes configurations; None where none will be asked for.
        address: As `study_url` has it.
        name: The study's; None where it is the only one at its address.

    Raises:
        InputError: If it cannot be opened.
    """
    with explained(address):
        storage = _storage(folder, address)
        if name is None:
            (name,) = optuna.get_all_study_names(storage)
        return optuna.load_study(storage=storage, study_name=name, sampler=sampler)


def study_objective(study: optuna.Study) -> Objective:
    """Returns what the trials of a study are ranked by."""
    return Objective(study.user_attrs.get(METRIC, "loss"))


def _storage(folder: Path, address: str | None) -> optuna.storages.BaseStorage:
    if address == "sqlite":
        from sqlalchemy import URL

        url = URL.create("sqlite", database=str(folder / DATABASE)).render_as_string(hide_password=False)
        return optuna.storages.RDBStorage(url)
    if address is not None:
        if address.startswith("sqlite") and (address.endswith("://") or ":memory:" in address):
            raise ValueError("a database in memory is gone when the search is over")
        return optuna.storages.get_storage(os.path.expandvars(address))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


@contextmanager
def explained(address: str | None) -> Iterator[None]:
    """Makes of what a database or its driver has to say an error in a line."""
    if address is None:
        yield
        return
    from sqlalchemy.exc import SQLAlchemyError  # a journal has no need of it

    try:
        yield
    except InputError:
        raise
    except (SQLAlchemyError, OptunaError, ImportError, KeyError, ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        right = "A URL such as postgresql+psycopg2://user:$PGPASSWORD@host/database, or 'sqlite', is needed"
        raise InputError(f"--study: {address} cannot be used: {reason.rstrip('.')}. {right}.") from None


def make_sampler(
    name: str,
    seed: int,
    trials: int = 0,
    space: Space = Space(()),  # noqa: B008 - it is frozen
) -> optuna.samplers.BaseSampler:
    """Makes a seeded sampler: one of Optuna's ('tpe', 'random', 'gp', 'cmaes', 'qmc'), or 'hyperopt'.

    TPE looks at the hyperparameters together, within the groups that conditions make, and takes running trials for bad
    ones, so that workers do not all try the same. It knows of pruned trials; the others that learn are shown them as completed.

    Args:
        name: Which.
        seed: Of the search.
        trials: How many trials the study holds: one that has drawn before does not draw the same again.
        space: What is drawn from; HyperOpt asks for it beforehand.

    Raises:
        InputError: If what it needs is not installed.
    """
    new_seed = seed + trials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match name:
            case "tpe":
                return optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=new_seed)
            case "random":
                return optuna.samplers.RandomSampler(seed=new_seed)
            case "gp":
                if not importlib.util.find_spec("torch"):
                    raise InputError("--sampler gp needs PyTorch, which Optuna computes with: pip install torch.")
                return Informed(optuna.samplers.GPSampler(seed=new_seed, deterministic_objective=False), failed=True)
            case "cmaes":
                return Informed(optuna.samplers.CmaEsSampler(seed=new_seed, warn_independent_sampling=False))
            case "qmc":  # its sequence is one of the seed and goes on where the study says; the rest is drawn at random
                rest = optuna.samplers.RandomSampler(seed=new_seed)
                return optuna.samplers.QMCSampler(
                    scramble=True, seed=seed, independent_sampler=rest, warn_independent_sampling=False
                )
            case "hyperopt":
                if not importlib.util.find_spec("hyperopt"):
                    raise InputError("--sampler hyperopt needs the package of that name: pip install hyperopt.")
                return Informed(HyperOptSampler(space.distributions, seed))
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
