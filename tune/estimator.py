"""A search in scikit-learn's manners: fit, predict, predict_proba, score."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from data.clock import now
from data.errors import InputError
from data.small_classes import SmallClassesError
from model.packed import pack, unpack
from tune.bucket import is_address
from tune.errors import SearchInterruptedError
from tune.labelled_frame import GROUP, LABEL, TEXT, labelled_frame, list_texts, name_classes, write_frame
from tune.settings import Settings
from tune.settings_file import read_settings

if TYPE_CHECKING:
    from model.text_classifier import TextClassifier

SEEDS = 2**31 - 1


class TopknotClassifier(ClassifierMixin, BaseEstimator):
    """Searches for the best LSTM classifier of texts (`topknot search`), and answers with it.

        TopknotClassifier(time_limit="10m").fit(texts, labels).predict(["We are hiring a C++ developer"])

    `fit` starts Ray on this machine, splits the rows into training, validation and test rows, and ends Ray again; under
    `cross_val_score` it does so for each fold, one after another (`n_jobs=1`: a search uses all cores by itself).

    Args:
        preset: The space to search: 'default', 'wide' or 'question'.
        time_limit: Wall time of a search: seconds, or '90s', '10m', '1h30m'.
        trials: Configurations to try. With neither this nor a time limit, 60.
        workers: Trials at a time; 'auto' fills the cores.
        metric: What ranks trials on the validation rows: 'loss', 'accuracy' or 'macro_f1'.
        ensemble: Classifiers that answer together, at most.
        refit: Train the winner again on training and validation rows.
        space: Dimensions that replace the preset's, by name, as a settings file has them.
        max_epochs: Epochs of a trial, at most.
        patience: Epochs that are no better after which a trial ends.
        small_classes: What to do with classes too small to be split: 'refuse', or 'drop' their rows and never answer so.
        validation: Fraction of the rows to rank trials on.
        test: Fraction of the rows to test the winner on, once; its figures are in `result_`.
        random_state: Of the split, the sampler and the trials: an int, a `RandomState`, or None for another each time.
        storage: A folder to keep the search in, for `topknot show`, `report` and `resume`; None to keep nothing.
        name: The search's name in the storage.
        verbose: Show the search on stderr.
        settings: Any other settings of a search, by name (docs/settings.md); those above win.

    Attributes:
        classes_: The labels, sorted; shape (classes,).
        classifier_: The `model.text_classifier.TextClassifier` that answers; its `save(folder)` keeps it.
        result_: What `topknot best --json` tells: the winner's hyperparameters, its figures, the linear baseline's.
    """

    classifier_: TextClassifier

    def __init__(
        self,
        *,
        preset: str = "default",
        time_limit: float | str | None = None,
        trials: int | None = None,
        workers: int | Literal["auto"] = "auto",
        metric: str = "loss",
        ensemble: int = 1,
        refit: bool = False,
        space: Mapping[str, Any] | None = None,
        max_epochs: int = 30,
        patience: int = 4,
        small_classes: Literal["refuse", "drop"] = "refuse",
        validation: float = 0.1,
        test: float = 0.1,
        random_state: int | np.random.RandomState | None = 0,
        storage: str | Path | None = None,
        name: str | None = None,
        verbose: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.preset = preset
        self.time_limit = time_limit
        self.trials = trials
        self.workers = workers
        self.metric = metric
        self.ensemble = ensemble
        self.refit = refit
        self.space = space
        self.max_epochs = max_epochs
        self.patience = patience
        self.small_classes = small_classes
        self.validation = validation
        self.test = test
        self.random_state = random_state
        self.storage = storage
        self.name = name
        self.verbose = verbose
        self.settings = settings

    def fit(self, X: Iterable[str], y: Iterable[Any], groups: Iterable[Any] | None = None) -> Self:  # noqa: N803
        """Searches.

        Args:
            X: n texts: a list, a Series or an array of shape (n,).
            y: Their labels, of one type: texts, whole numbers, truth values, or datetimes of NumPy's type.
            groups: Values that no split of the search may part, shape (n,); None for none.

        Raises:
            ValueError: Naming what cannot be used, and what would be right.
        """
        started = now()
        if self.small_classes not in ("refuse", "drop"):
            raise ValueError(
                f"small_classes: 'refuse' or 'drop' them, got {self.small_classes!r}: y has no class for the others."
            )
        frame, classes = labelled_frame(X, y, groups)
        if is_address(str(self.storage)):
            raise InputError(f"storage: {self.storage} is an address; the classifier keeps its search in a folder.")
        with tempfile.TemporaryDirectory(prefix="topknot-") as temporary:
            storage = Path(temporary) if self.storage is None else Path(self.storage).absolute()
            self.result_, self.classifier_ = self._search(frame, storage, started)
        self.classes_ = classes
        known = {name: index for index, name in enumerate(name_classes(classes))}
        self._columns = np.array([known[name] for name in self.classifier_.classes])
        return self

    def _search(self, frame: pd.DataFrame, storage: Path, started: float) -> tuple[dict[str, Any], TextClassifier]:
        from tune.cluster import set_environment

        set_environment()  # before Ray and TensorFlow are imported
        import ray
        from rich.console import Console

        if ray.is_initialized():
            raise RuntimeError("Ray is running in this process; call ray.shutdown() first: a search starts its own.")
        from tune.chatter import chatter_diverted
        from tune.display import Display
        from tune.documents import with_paths
        from tune.evaluating import load_classifier
        from tune.folder import SearchFolder
        from tune.search import start_search

        settings = self._settings(frame, storage)
        data, folder = Path(str(settings.data)), SearchFolder(storage / str(settings.name))
        another = folder.has_begun()
        write_frame(frame, data)
        try:
            with chatter_diverted():
                document = start_search(settings, Display(Console(stderr=True), started, quiet=not self.verbose), started)
        except BaseException as error:
            if another or not folder.has_begun():
                data.unlink(missing_ok=True)
            if isinstance(error, SearchInterruptedError):  # which `cross_val_score` would take for a score that is none
                raise KeyboardInterrupt("" if self.storage is None else str(error)) from None
            if isinstance(error, SmallClassesError):
                raise SmallClassesError(error.problem, "Add rows, or give small_classes='drop'.") from None
            raise
        told = document if self.storage is None else with_paths(folder, document)
        return told, load_classifier(folder.path / document["checkpoint"])

    def _settings(self, frame: pd.DataFrame, storage: Path) -> Settings:
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(SEEDS)
        elif not 0 <= seed < 2**32:
            raise InputError(f"random_state: a whole number from 0 to 2^32 - 1 is needed, got {seed}.")
        name = self.name or f"fit-{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}"
        own = ("preset", "time_limit", "trials", "workers", "metric", "ensemble", "refit", "max_epochs", "patience")
        given = {key: getattr(self, key) for key in (*own, "small_classes", "validation", "test")}
        given |= {"space": _plain(self.space or {}), "seed": int(seed) % 2**31, "name": name, "storage": storage}
        given |= {"data": storage / f"{name}.parquet", TEXT: TEXT, LABEL: LABEL, GROUP: GROUP if GROUP in frame else None}
        return read_settings(None, {**(self.settings or {}), **given})

    def predict(self, X: Iterable[str]) -> npt.NDArray[Any]:  # noqa: N803
        """Returns the likeliest label of each text, shape (n,)."""
        check_is_fitted(self)
        texts = list_texts(X)
        labels: npt.NDArray[Any] = self.classes_[self._columns[self.classifier_.likeliest(texts)]]
        return labels

    def predict_proba(self, X: Iterable[str]) -> npt.NDArray[np.float64]:  # noqa: N803
        """Returns the probability of each of `classes_` for each text, shape (n, classes); of classes that were dropped, 0."""
        check_is_fitted(self)
        texts = list_texts(X)
        probabilities = np.zeros((len(texts), len(self.classes_)))
        if texts:
            probabilities[:, self._columns] = self.classifier_.probabilities(texts)
            probabilities /= probabilities.sum(axis=1, keepdims=True)  # in float32 it is 1 to 7 digits: too few for log_loss
        return probabilities

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.non_deterministic = self.time_limit is not None or self.workers != 1
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "classifier_" in state:
            state["classifier_"] = pack(state["classifier_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(packed := state.get("classifier_"), bytes):
            state = state | {"classifier_": unpack(packed)}
        super().__setstate__(state)


def _plain(value: Any) -> Any:
    """Returns lists, mappings and NumPy's numbers as YAML has them."""
    match value:
        case np.ndarray() | np.generic():
            return value.tolist()
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
    return value
