"""The Optuna study of a search: created, opened, repaired."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError, StorageInternalError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from data.errors import InputError, first_line
from data.packages import install_command
from tune.damage import intact
from tune.errors import led_to
from tune.objective import Objective
from tune.shown_address import shown_address
from tune.study_address import DRIVERS, JOURNAL, database_url, study_url

if TYPE_CHECKING:
    from sqlalchemy import URL

METRIC, AGAINST = "metric", "against"
LOCK_SECONDS = 60
"""How long SQLite waits for another process to end its writing; by itself it gives up after 5 s."""
MOST_COLLISIONS = 20
"""How often other processes may make a table that this one is about to make; Optuna has 14 of them."""

optuna.logging.set_verbosity(optuna.logging.ERROR)


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
        storage = open_storage(folder, address)
        try:
            study = optuna.create_study(storage=storage, study_name=name, directions=objective.directions)
        except optuna.exceptions.DuplicatedStudyError:
            there = f"{study_url(folder, address)} holds a study {name!r} already"
            raise InputError(f"--study: {there}. Choose another --name.") from None
        study.set_user_attr(METRIC, objective.metric)
        if objective.against:
            study.set_user_attr(AGAINST, objective.against)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names(objective.names)  # what optuna-dashboard calls them
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
        address: As `tune.study_address.study_url` has it.
        name: The study's; None where it is the only one at its address.

    Raises:
        InputError: If it cannot be opened.
    """
    if address is None and not (folder / JOURNAL).is_file():  # Optuna would make an empty one
        raise InputError(f"{folder / JOURNAL} is missing: the search's study. Put it back, from a copy.")
    with nullcontext() if address else intact(folder / JOURNAL), explained(address):
        storage = open_storage(folder, address)
        if name is None:
            (name,) = optuna.get_all_study_names(storage)
        return optuna.load_study(storage=storage, study_name=name, sampler=sampler)


def study_objective(study: optuna.Study) -> Objective:
    """Returns what the trials of a study are ranked by."""
    return Objective(study.user_attrs.get(METRIC, "loss"), tuple(study.user_attrs.get(AGAINST, ())))


def open_storage(folder: Path, address: str | None) -> optuna.storages.BaseStorage:
    """Opens what holds the study of a search, and others perhaps; makes what a new one needs."""
    if address is not None:
        return _open_database(database_url(folder, address))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return JournalStorage(JournalFileBackend(str(folder / JOURNAL)))


def _open_database(url: URL, collisions: int = MOST_COLLISIONS) -> optuna.storages.RDBStorage:
    """Opens a database; makes Optuna's tables where they are missing, though others may be making them too."""
    from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

    options: dict[str, Any] = {"pool_pre_ping": True}  # a connection that was cut between two reports is made anew
    if url.get_backend_name() == "sqlite":
        options = {} if "timeout" in url.query else {"connect_args": {"timeout": LOCK_SECONDS}}
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")  # Optuna formats it
    try:
        return optuna.storages.RDBStorage(text, engine_kwargs=options)
    except TypeError as error:  # what a driver says to an argument that it does not know
        raise ValueError(str(error)) from None
    except DBAPIError as error:
        # What PostgreSQL says when a table has come into being since it was looked for; SQLite and MySQL have but words for it.
        met = isinstance(error, IntegrityError | ProgrammingError) or "already exists" in str(error)
        if not met or not collisions:
            raise
    return _open_database(url, collisions - 1)


DRIVERS_ERRORS = (ImportError, KeyError, ValueError, RuntimeError)
"""What a database's driver, or its absence, may raise of a wrong address."""


@contextmanager
def explained(address: str | None, *, opened: bool = False) -> Iterator[None]:
    """Makes of what a database or its driver has to say an error in a line.

    Args:
        address: Of the study; None for a journal.
        opened: Whether it was used before. A driver's errors of all kinds are then no longer the address's fault, but what
            SQLAlchemy and Optuna say is, also where Tune made an error of its own of it.
    """
    if address is None:
        yield
        return
    from sqlalchemy.exc import SQLAlchemyError  # a journal has no need of it

    kinds = (SQLAlchemyError, OptunaError) if opened else (SQLAlchemyError, OptunaError, *DRIVERS_ERRORS)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        said = next((one for one in (led_to(error) if opened else [error]) if isinstance(one, kinds)), None)
        if said is None:
            raise
        raise InputError(f"--study: {shown_address(address)} cannot be used: {_explanation(said)}") from None


def _explanation(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, StorageInternalError | ImportError) and error.__cause__ else error
    if isinstance(cause, ImportError) and cause.name:
        return f"its driver is missing. Install it: {install_command(DRIVERS.get(cause.name, cause.name))}"
    reason = first_line(cause).rstrip(".")
    return f"{reason}. A URL such as postgresql+psycopg2://user:$PGPASSWORD@host/database, or 'sqlite', is needed."


def repair_journal(folder: Path) -> None:
    """Cuts off a last line that a killed process did not finish: it would spoil the next one. Takes away its lock.

    Optuna waits half a minute for a lock that nobody lets go of, and for ever if the folder was moved: its lock is a link to
    the journal. For the driver alone, before it writes: to a reader of a running search, a line that is being written looks
    torn.
    """
    for lock in folder.glob(f"{JOURNAL}.lock*"):
        lock.unlink()
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
