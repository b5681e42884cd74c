"""What scikit-learn's manners give a search, as a corpus's columns."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from data.errors import InputError
from data.labelled import is_text, lone_surrogate, name_of

TEXT, LABEL, GROUP = "text", "label", "group"


def labelled_frame(X: Iterable[str], y: Iterable[Any], groups: Iterable[Any] | None) -> tuple[pd.DataFrame, npt.NDArray[Any]]:  # noqa: N803
    """Returns a corpus's columns, and the labels, sorted, that the names in it stand for."""
    texts = list_texts(X)
    for row, text in enumerate(texts):
        if not is_text(text):
            raise ValueError(f"X, row {row}: the text is empty. Leave the row out.")
    labels = _column(y)
    if len(labels) != len(texts):
        raise ValueError(f"X has {len(texts)} texts and y {len(labels)} labels; they must be as many.")
    if pd.isna(labels).any():
        raise ValueError(f"y, row {int(np.flatnonzero(pd.isna(labels))[0])}: the label is missing. Leave the row out.")
    labels = _of_one_type(labels)
    check_classification_targets(labels)
    classes, indices = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y has 1 class, {classes[:1].tolist()}; a classifier needs two or more.")
    names = name_classes(classes)
    columns = {TEXT: texts, LABEL: [names[index] for index in indices]}
    if groups is not None:
        columns[GROUP] = [name_of(value) for value in groups]
        if len(columns[GROUP]) != len(texts):
            raise ValueError(f"X has {len(texts)} texts and groups {len(columns[GROUP])} values; they must be as many.")
        if "" in columns[GROUP]:
            raise ValueError(f"groups, row {columns[GROUP].index('')}: the group is missing. Leave the row out.")
    for what, values in zip(("X", "y", "groups"), columns.values(), strict=False):
        _check_whole(what, values)
    return pd.DataFrame(columns), classes


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes the columns where the search reads them: into a new file, which is whole or not there.

    Raises:
        InputError: If the file exists, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file, ExitStack() as stack:
            stack.callback(path.unlink)
            # Squeezed, many equal texts would look like a forged page to who reads them again.
            frame.to_parquet(file, compression=None, use_dictionary=False)
            stack.pop_all()
    except FileExistsError:
        raise InputError(
            f"name: {path} exists, perhaps with the texts of another fit, and is left as it is. Choose another name."
        ) from None
    except OSError as error:
        raise InputError(f"storage: {path.parent} cannot be written: {error.strerror or error}.") from None


def list_texts(values: Iterable[str]) -> list[str]:
    """Returns texts as a list; a ValueError names what is none."""
    if isinstance(values, str):
        raise ValueError("X is one text; give a list of texts.")  # noqa: TRY004 - as scikit-learn has it
    if (shape := getattr(values, "shape", None)) is not None and len(shape) != 1:
        raise ValueError(f"X is of shape {tuple(shape)}; it must be of one dimension, a text a row: choose one column.")
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X, row {row}: a text is needed, not {type(text).__name__} {str(text)[:40]!r}.")  # noqa: TRY004
    return [str(text) for text in texts]


def name_classes(classes: npt.NDArray[Any]) -> list[str]:
    """Names labels as a corpus knows them; by their numbers where their own names would not tell them apart."""
    names = [name_of(label) for label in classes]
    return names if all(names) and len(set(names)) == len(names) else [f"class {index}" for index in range(len(classes))]


def _column(y: Any) -> npt.NDArray[Any]:
    labels: npt.NDArray[Any] = column_or_1d(y, warn=True)
    if labels.dtype.kind != "U" or hasattr(y, "dtype"):
        return labels
    # NumPy makes a text of whatever stands among texts in a list: of a missing label, too.
    given: npt.NDArray[Any] = column_or_1d(np.array(y, dtype=object))
    return labels if all(isinstance(label, str) for label in given) else given


def _of_one_type(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Gives an array of objects the type of what it holds."""
    if labels.dtype != object:
        return labels
    kinds = {type(label) for label in labels}
    if len(kinds) > 1:
        raise ValueError(
            f"y holds labels of {len(kinds)} types: {', '.join(sorted(kind.__name__ for kind in kinds))}; make them one."
        )
    return labels if kinds == {str} else np.array(labels.tolist())


def _check_whole(what: str, values: Iterable[str]) -> None:
    for row, value in enumerate(values):
        if half := lone_surrogate(value):
            raise ValueError(f"{what}, row {row}: it holds {half}, half of a character. Remove it.")
