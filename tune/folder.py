"""A search as a folder: STORAGE/NAME/."""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from data.errors import InputError
from tune.damage import intact
from tune.outcome import TrialOutcome, read_trials
from tune.place import Folder
from tune.program import program
from tune.settings import DEFAULT_STORAGE, NAME, Settings, read_settings
from tune.study import create_study, explained, open_study, repair_journal
from tune.study_address import study_url
from tune.trial_files import TrialFiles

SETTINGS, ABOUT, RESULT, CLASSIFIERS, RAY, LOG, WEIGHTS, SNAPSHOTS, LOCK, REPEATS = (
    "settings.yaml",
    "search.json",
    "result.json",
    "classifiers",
    "ray",
    "search.log",
    "weights",
    "snapshots",
    "search.lock",
    "repeats.json",
)
CHECKPOINT = re.compile(rf"{CLASSIFIERS}/[A-Za-z0-9][A-Za-z0-9_-]*")
"""Where a result's classifier may stand: in the search's own folder, whoever wrote result.json."""


@dataclass(frozen=True, slots=True)
class SearchFolder:
    """Where everything of one search stands: from this folder alone it can be shown, resumed, and its best model used.

    settings.yaml   all settings, as run; runs again with another --name
    search.json     the corpus's fingerprint, the environment, seconds spent
    study.journal   the Optuna study: every trial, every epoch's metrics (study.db, or a database elsewhere, if so set)
    weights/        the best weights of the best trials
    snapshots/      what running trials need to go on
    ray/            Ray's experiment state; never read
    classifiers/    the best trial as a classifier's folder, and refitted, if that was asked for
    repeats.json    the best trials trained again with other seeds, if that was asked for
    result.json     the best trial and its figures on every split, once the search is over
    search.lock     held while the search runs
    search.log      what Ray and TensorFlow had to say
    """

    path: Path

    @property
    def name(self) -> str:
        """The search's name."""
        return self.path.name

    def resume_command(self) -> str:
        """Returns the command that goes on with the search, as it runs from here."""
        return f"{program()} resume {self.name}{self.storage_flag()}"

    def rerun_command(self) -> str:
        """Returns the command that runs the same search again, under another name."""
        return f"{program()} search --config {shlex.quote(str(self.path / SETTINGS))} --name ANOTHER"

    def storage_flag(self) -> str:
        """Returns ' --storage ...' as a command on this search needs it from here; nothing for the default."""
        return (
            "" if self.path.parent == Path(DEFAULT_STORAGE).absolute() else f" --storage {shlex.quote(str(self.path.parent))}"
        )

    @classmethod
    @contextmanager
    def claim(cls, storage: Path, name: str) -> Iterator[SearchFolder]:
        """Makes the folder of a new search; removes it, and what was made above it, if what follows ends in an error.

        Once `keep` was called, an error leaves it as it is.

        Raises:
            InputError: If the name is taken, or the storage cannot be written.
        """
        folder = cls(storage.absolute() / name)
        try:
            made = [path for path in (folder.path.parent, *folder.path.parent.parents) if not path.exists()]
            folder.path.parent.mkdir(parents=True, exist_ok=True)
            folder.path.mkdir()  # of two that want one name at once, one fails here
        except FileExistsError:
            raise InputError(folder._taken()) from None
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"The storage {storage} cannot be written: {reason}. Choose another --storage.") from None
        try:
            yield folder
        except BaseException:
            if not (folder.path / SETTINGS).exists():
                shutil.rmtree(folder.path, ignore_errors=True)
                for path in made:
                    with suppress(OSError):
                        path.rmdir()
            raise

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from running the same search.

        Raises:
            InputError: If one is.
        """
        with (self.path / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it however the process ends
            except OSError:
                raise InputError(f"The search {self.name!r} is running already, in another process.") from None
            yield

    def study(self, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
        """Opens the search's study."""
        about = self.read_json(ABOUT)
        return open_study(self.path, sampler, about.get("study"), about.get("study_name"))

    def trials(self) -> list[TrialOutcome]:
        """Reads the search's trials, by number; none where it has just begun."""
        if not self.has_begun():
            return []
        with intact(self.path), explained(self.read_json(ABOUT).get("study")):
            return read_trials(self.study())

    def keep(self, settings: Settings, about: dict[str, Any]) -> None:
        """Writes down what the search is; from here on it can be shown and resumed."""
        if settings != settings.without_password():
            self.path.chmod(0o700)  # the files below hold it
        self.write_json(ABOUT, about | {"study": settings.study, "study_name": self.name})
        create_study(self.path, self.name, settings.objective, settings.study)
        self.write(SETTINGS, settings.to_yaml())

    def repair(self) -> None:
        """Makes the folders that trials need, and takes away what a killed process has left half done.

        For the driver alone, before it begins.
        """
        for name in (WEIGHTS, SNAPSHOTS):
            (self.path / name).mkdir(exist_ok=True)
        repair_journal(self.path)
        for path in (*self.path.glob(".*.tmp"), *(self.path / WEIGHTS).glob(".*.npz.*")):
            path.unlink(missing_ok=True)
        for path in (self.path / CLASSIFIERS).glob(".*-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _taken(self) -> str:
        if not self.path.is_dir():
            return f"{self.path.parent} is no folder; choose another --storage."
        if not (self.path / SETTINGS).exists():
            return f"{self.path} was left by a search that never began, or is beginning. Remove it, or choose another --name."
        there = f"There is a search {self.name!r} in {self.path.parent} already."
        return f"{there} Choose another --name, or go on: {self.resume_command()}"

    @classmethod
    def find(cls, storage: Path, name: str) -> SearchFolder:
        """Finds the folder of a search.

        Raises:
            InputError: If there is none, naming those that there are.
        """
        folder = cls(storage.absolute() / name)
        with suppress(OSError):  # no path that a folder can have
            if NAME.fullmatch(name) and folder.has_begun():
                return folder
        names = [found.name for found in cls.all(storage)]
        there = f"it holds {', '.join(names[:20])}" if names else "it holds none"
        raise InputError(f"There is no search {name!r} in {storage}; {there}.")

    @classmethod
    def all(cls, storage: Path) -> list[SearchFolder]:
        """Returns the searches in a storage, by name."""
        try:
            return [cls(path.parent.absolute()) for path in sorted(storage.glob(f"*/{SETTINGS}"))]
        except OSError as error:
            raise InputError(f"The storage {storage} cannot be read: {error.strerror or error}.") from None

    def settings(self) -> Settings:
        """Reads the settings that the search was started with."""
        return read_settings(self.path / SETTINGS, {})

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads one of the folder's JSON files.

        Raises:
            InputError: If it is not there or damaged.
        """
        try:
            document = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.path / name} cannot be read: {error}.") from None
        if not isinstance(document, dict):
            raise InputError(f"{self.path / name} is damaged: it must hold a JSON object.")
        return document

    def write_json(self, name: str, document: dict[str, Any]) -> None:
        """Writes one of the folder's JSON files, whole or not at all."""
        self.write(name, json.dumps(document, ensure_ascii=False, indent=2))

    def write(self, name: str, text: str) -> None:
        """Writes one of the folder's files, whole or not at all."""
        temporary = self.path / f".{name}.tmp"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.path / name)

    def has_begun(self) -> bool:
        """Tells whether there is a search to show and to resume."""
        return (self.path / SETTINGS).is_file()

    def result(self) -> dict[str, Any]:
        """Reads what the search came to.

        Raises:
            InputError: If it has not come to its end.
        """
        if not (self.path / RESULT).is_file():
            raise InputError(f"The search {self.name!r} has no result yet. Finish it with: {self.resume_command()}")
        document = self.read_json(RESULT)
        with intact(self.path / RESULT):
            for part in (document, document.get("original") or document):
                if not CHECKPOINT.fullmatch(str(part["checkpoint"])):
                    raise InputError(f"{self.path / RESULT} is damaged: its classifier stands at {part['checkpoint']!r}.")
        return document

    def missing(self) -> str | None:
        """Tells what a finished search no longer has, in words; None if it has all, as far as a look at it shows."""
        try:
            checkpoint = self.path / self.result()["checkpoint"]
        except InputError:
            return f"its {RESULT} is missing or damaged"
        if any(trial.state == "running" for trial in self.trials()):
            return "the end of its study is missing"
        return None if checkpoint.is_dir() and any(checkpoint.glob("*.json")) else "its classifier is missing"

    def study_url(self) -> str:
        """Returns the study's address: 'journal:PATH', or what `optuna.load_study` takes."""
        return study_url(self.path, self.read_json(ABOUT).get("study"))

    def classifier(self, trial: int) -> Path:
        """Returns where a trial's classifier stands, or would."""
        return self.path / CLASSIFIERS / f"{trial:05d}"

    @property
    def weights(self) -> TrialFiles:
        """The trials' best weights (see `tune.weights`)."""
        return TrialFiles(Folder(self.path / WEIGHTS))

    @property
    def snapshots(self) -> TrialFiles:
        """What running trials need to go on (see `tune.snapshots`)."""
        return TrialFiles(Folder(self.path / SNAPSHOTS))

    def kept(self, trials: Iterable[TrialOutcome]) -> list[TrialOutcome]:
        """Returns those of the trials whose weights are kept, in their order."""
        there = self.weights.trials()
        return [trial for trial in trials if trial.number in there]
