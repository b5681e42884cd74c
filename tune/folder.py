"""A search as a folder: STORAGE/NAME/."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from data.errors import InputError
from data.measured import read_document
from tune.bucket import PATIENCE, Bucket
from tune.checksum import with_checksum, without_checksum
from tune.damage import intact
from tune.outcome import TrialOutcome, read_trials
from tune.place import Folder, Place
from tune.program import program
from tune.settings import DEFAULT_STORAGE, Settings
from tune.settings_file import read_settings
from tune.storage import RemoteStorage, readable
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
HOME = "folder"
"""Attribute of a study that stands elsewhere: the folder of its search."""


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

    Attributes:
        path: Where that stands on this machine: the folder itself, or one that goes with what stands under an address
            (`tune.mirror`).
        storage: The address that the search stands under; None for a folder.
    """

    path: Path
    storage: RemoteStorage | None = None

    @property
    def name(self) -> str:
        """The search's name."""
        return self.path.name

    @property
    def bucket(self) -> Bucket:
        """What stands under the search's address."""
        assert self.storage is not None
        return self.storage.bucket().inside(self.name)

    def __str__(self) -> str:
        return str(self.bucket) if self.storage else str(self.path)

    def resume_command(self) -> str:
        """Returns the command that goes on with the search, as it runs from here."""
        return f"{program()} resume {self.name}{self.storage_flag()}"

    def rerun_command(self) -> str:
        """Returns the command that runs the same search again, under another name; one that went on, as long as it has."""
        about, settings, flags = self.read_json(ABOUT), self.settings(), ""
        goal = about["goal"]
        if goal["trials"] != settings.trial_limit():
            flags += f" --trials {goal['trials'] or len(self.trials())}"
        if goal["wall_seconds"] != settings.time_limit:
            flags += f" --time-limit {math.ceil(goal['wall_seconds'] or about['wall_seconds'])}s"
        return f"{program()} search --config {shlex.quote(str(self.path / SETTINGS))}{flags} --name ANOTHER"

    def storage_flag(self) -> str:
        """Returns ' --storage ...' as a command on this search needs it from here; nothing for the default."""
        storage = self.storage or self.path.parent
        return "" if storage == Path(DEFAULT_STORAGE).absolute() else f" --storage {shlex.quote(str(storage))}"

    def refresh(self) -> None:
        """Makes a copy of what stands under an address what it is now.

        Raises:
            InputError: If the address cannot be read.
        """
        if self.storage is not None:
            from tune.mirror import fetch

            with readable(self.storage):
                fetch(self.bucket, self.path)

    @property
    def is_apart(self) -> bool:
        """Whether the search stands in a folder, and its study elsewhere: a copy of the folder has the same study."""
        return self.storage is None and self.read_json(ABOUT).get("study") not in {None, "sqlite"}

    def study(self, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
        """Opens the search's study."""
        about = self.read_json(ABOUT)
        return open_study(self.path, sampler, about.get("study"), about.get("study_name"))

    def trials(self, study: optuna.Study | None = None) -> list[TrialOutcome]:
        """Reads the search's trials, by number; none where it has just begun.

        Args:
            study: The search's, opened before: of that, it reads what has come since alone.
        """
        if not self.has_begun():
            return []
        with intact(self), explained(self.read_json(ABOUT).get("study")):
            return read_trials(study or self.study())

    def keep(self, settings: Settings, about: dict[str, Any]) -> None:
        """Writes down what the search is; from here on it can be shown and resumed."""
        if settings != settings.without_passwords():
            self.path.chmod(0o700)  # the files below hold them
        self.write_json(ABOUT, about | {"study": settings.study, "study_name": self.name})
        study = create_study(self.path, self.name, settings.objective, settings.study)
        if self.is_apart:
            with explained(settings.study):
                study.set_user_attr(HOME, str(self.path.absolute()))
        self.write(SETTINGS, settings.to_yaml())

    def repair(self) -> None:
        """Makes the folders that trials need, and takes away what a killed process has left half done.

        For the driver alone, before it begins.
        """
        if self.storage is None:
            for name in (WEIGHTS, SNAPSHOTS):
                (self.path / name).mkdir(exist_ok=True)
        repair_journal(self.path)
        for pattern in (".*.json.*", f".{SETTINGS}.*", f"{WEIGHTS}/.*.npz.*"):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)
        for path in (self.path / CLASSIFIERS).glob(".*-*"):
            shutil.rmtree(path, ignore_errors=True)

    def settings(self) -> Settings:
        """Reads the settings that the search was started with."""
        return read_settings(self.path / SETTINGS, {})

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads one of the folder's JSON files.

        Raises:
            InputError: If it is not there or damaged.
        """
        try:
            document = json.loads(read_document(self.path / name))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.path / name} cannot be read: {error}.") from None
        if not isinstance(document, dict):
            raise InputError(f"{self.path / name} is damaged: it must hold a JSON object.")
        with intact(self.path / name):
            return without_checksum(document)

    def write_json(self, name: str, document: dict[str, Any]) -> None:
        """Writes one of the folder's JSON files with its checksum, whole or not at all."""
        self.write(name, json.dumps(with_checksum(document), ensure_ascii=False, indent=2))

    def write(self, name: str, text: str) -> None:
        """Writes one of the folder's files, whole or not at all."""
        Folder(self.path).write(name, text.encode("utf-8"))

    def has_begun(self) -> bool:
        """Tells whether there is a search to show and to resume."""
        return (self.path / SETTINGS).is_file()

    def study_url(self) -> str:
        """Returns the study's address: 'journal:PATH', or what `optuna.load_study` takes."""
        return study_url(self.path, self.read_json(ABOUT).get("study"))

    def classifier(self, trial: int) -> Path:
        """Returns where a trial's classifier stands, or would."""
        return self.path / CLASSIFIERS / f"{trial:05d}"

    @property
    def weights(self) -> TrialFiles:
        """The trials' best weights (see `tune.weights`)."""
        return TrialFiles(self._place(WEIGHTS))

    @property
    def snapshots(self) -> TrialFiles:
        """What running trials need to go on (see `tune.snapshots`)."""
        return TrialFiles(self._place(SNAPSHOTS))

    def _place(self, name: str) -> Place:
        return Folder(self.path / name) if self.storage is None else replace(self.bucket.inside(name), patience=PATIENCE)

    def kept(self, trials: Iterable[TrialOutcome]) -> list[TrialOutcome]:
        """Returns those of the trials whose weights are kept, in their order."""
        there = self.weights.trials()
        return [trial for trial in trials if trial.number in there]
