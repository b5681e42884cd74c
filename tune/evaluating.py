"""Using a search's classifier again: loaded by name or folder, and evaluated."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.columns import meant
from data.errors import InputError
from data.files import read_records
from data.labelled import labelled_rows, told_left_out
from model.evaluation import Evaluation
from model.new_folder import new_folder
from model.seal import is_whole
from tune.continuity import read_own_corpus
from tune.destination import written
from tune.folder import CLASSIFIERS, SearchFolder
from tune.search_result import best_classifier, told_of_old_result
from tune.searches import find_search
from tune.settings import Settings
from tune.storage import Storage

if TYPE_CHECKING:
    from model.text_classifier import TextClassifier


CLASSIFIER = "classifier.json"
"""What makes a folder a classifier's; as `model.classifier` has it, which brings TensorFlow."""


def model_folder(model: str, storage: Storage, say: Callable[[str], None]) -> Path:
    """Finds the folder of a search's best classifier, by the search's name, or of a classifier.

    Args:
        model: A search's name, or a classifier's folder.
        storage: Where the search stands.
        say: Shows a line: of a search that was gone on with, the classifier may not be the best any more.

    Raises:
        InputError: If it is neither, or the search has no result yet.
    """
    with suppress(OSError, ValueError):  # no name that a file can have
        if (Path(model) / CLASSIFIER).is_file():
            return Path(model)
    if any(character in model for character in "/\\"):
        raise InputError(f"{model} is no classifier's folder: it has no {CLASSIFIER}.")
    return _best_of(find_search(storage, model, f", and no classifier's folder of that name in {Path.cwd()}"), say)


def _best_of(folder: SearchFolder, say: Callable[[str], None]) -> Path:
    """Finds a search's best classifier; says so if it is that of before."""
    classifier = best_classifier(folder)
    for line in told_of_old_result(folder):
        say(line)
    return classifier


def copy_classifier(folder: SearchFolder, classifier: Path, to: Path) -> None:
    """Copies a classifier of a search to a new folder: whole, or not at all.

    Raises:
        InputError: If it is missing or damaged, holds links, which may lead anywhere, or the new folder cannot be written.
    """
    again = f"make it again: {folder.resume_command()}"
    if not (classifier / CLASSIFIER).is_file():
        raise InputError(f"{classifier} is missing; {again}")
    if link := next((path for path in [classifier, *classifier.rglob("*")] if path.is_symlink()), None):
        raise InputError(f"{link} is a link; a classifier holds none.")
    if not is_whole(classifier):
        raise InputError(f"{classifier} is damaged; {again}")
    with written(to, "--export"), new_folder(to) as temporary:
        shutil.copytree(classifier, temporary, dirs_exist_ok=True)


def load_classifier(folder: Path) -> TextClassifier:
    """Loads a classifier; TensorFlow comes now.

    Raises:
        InputError: If the folder is damaged.
    """
    from model.ensemble import load_classifier as load

    return load(folder)


def evaluate_file(
    classifier: TextClassifier, path: Path, settings: Settings, drop_unknown: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    """Evaluates a classifier on a file of labelled texts, which is read as settings say.

    Args:
        classifier: Which.
        path: The file.
        settings: How it is read.
        drop_unknown: Leave out rows of labels that the classifier does not know, instead of refusing them.
        say: Shows a line: how many those are.

    Raises:
        InputError: If the file cannot be used, or has such labels, or no others.
    """
    columns = [settings.text, settings.label]
    left_out: Counter[str] = Counter()
    drop = settings.drop_unlabelled, settings.drop_empty
    rows = list(labelled_rows(read_records(path, columns), str(path), columns, *drop, left_out))
    for line in told_left_out(left_out):
        say(line)
    known = set(classifier.classes)
    unknown = [row for row in rows if row.label not in known]
    if unknown and not drop_unknown:
        first, names = unknown[0], {row.label for row in unknown}
        others = f", the first of {len(unknown):,} rows of {len(names):,} such labels" if len(unknown) > 1 else ""
        raise InputError(
            f"{path}, row {first.number}: the classifier does not know the label {first.label[:40]!r}{others}. It knows "
            f"{len(known)} classes.{meant(first.label, classifier.classes)} Pass --drop-unknown to leave such rows out."
        )
    if unknown:
        say(f"Left out: {len(unknown):,} of {len(rows):,} rows, whose labels the classifier does not know")
        rows = [row for row in rows if row.label in known]
    if not rows:
        raise InputError(f"{path} has no row of a label that the classifier knows; it knows {len(known)} classes.")
    labels = classifier.label_ids([row.label for row in rows], str(path))
    return _document(classifier, classifier.evaluate_texts([row.text for row in rows], labels))


def evaluate_split(model: str, storage: Storage, side: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Evaluates a search's best classifier, or one that stands in its folder, on a split of its own corpus, read again.

    Raises:
        InputError: If the model is neither, or the corpus has changed.
    """
    given = _search_of(Path(model))
    folder = given or find_search(storage, model)
    corpus, split = read_own_corpus(folder, folder.settings())
    classifier = load_classifier(Path(model) if given else _best_of(folder, say))
    rows = split.side(side)
    return _document(classifier, classifier.evaluate_texts([corpus.texts[row] for row in rows], corpus.labels[rows]))


def _search_of(path: Path) -> SearchFolder | None:
    """Returns the search in whose folder a classifier stands; None if it stands in none."""
    classifiers = path.absolute().parent
    folder = SearchFolder(classifiers.parent)
    with suppress(OSError, ValueError):  # as in `model_folder`
        if (path / CLASSIFIER).is_file() and classifiers.name == CLASSIFIERS and folder.has_begun():
            return folder
    return None


def _document(classifier: TextClassifier, evaluation: Evaluation) -> dict[str, Any]:
    calibration = {"calibration_error": evaluation.calibration_error}
    return evaluation.summary() | calibration | {"classes": evaluation.by_class(classifier.classes)}
