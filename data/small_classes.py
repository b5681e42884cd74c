"""Classes that have too few rows to stand in train, validation and test: told, folded into one, or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from data.corpus import Corpus
from data.errors import InputError
from data.units import Ints, number_units

SmallClasses = Literal["refuse", "fold", "drop"]
OTHER = "other"


class SmallClassesError(InputError):
    """Classes have too few rows to stand on all three sides.

    Args:
        problem: Which ones, in a sentence.
        remedy: What to do about it, in another.
    """

    def __init__(self, problem: str, remedy: str = "Add rows.") -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem


def without_small_classes(corpus: Corpus, how: SmallClasses) -> Corpus:
    """Folds classes too small to split into one class 'other', or drops their rows; 'refuse' leaves them to the split.

    A class is too small if its rows make fewer than three units (see `split_corpus`).

    Raises:
        SmallClassesError: If classes are too small even when folded into one.
        InputError: If fewer than two are left.
    """
    if how == "refuse" or not (small := small_classes(corpus, units := number_units(corpus))):
        return corpus
    is_small = np.isin(corpus.labels, small)
    keep = ~is_small if how == "drop" else np.ones(len(corpus), dtype=bool)
    away = set(small)
    other = OTHER if OTHER in corpus.classes else next((name for name in corpus.classes if name.casefold() == OTHER), OTHER)
    names = [other if how == "fold" and label in away else name for label, name in enumerate(corpus.classes)]
    classes = sorted({name for label, name in enumerate(names) if how == "fold" or label not in away})
    if len(classes) < 2:
        left = "Only one class is" if classes else "No class is"
        raise InputError(
            f"{left} left when classes too small to split are put aside; two are needed. {told_too_small(corpus, small)}"
        )
    places = {name: place for place, name in enumerate(classes)}
    folded = Corpus(
        texts=[text for text, kept in zip(corpus.texts, keep, strict=True) if kept],
        labels=np.array([places.get(name, -1) for name in names], np.int32)[corpus.labels[keep]],
        classes=tuple(classes),
        groups=None if corpus.groups is None else corpus.groups[keep],
        rows=np.flatnonzero(keep) + 1 if corpus.rows is None else corpus.rows[keep],
        notes=(*corpus.notes, _told_away(corpus, small, f"folded into {other!r}" if how == "fold" else "left out")),
    )
    if how == "fold" and small_classes(folded, units):  # texts and groups are what they were
        raise SmallClassesError(f"{told_too_small(corpus, small)} Folded into one class they still are.")
    return folded


def small_classes(corpus: Corpus, units: Ints) -> list[int]:
    """Returns the classes whose rows make fewer than three units."""
    pairs = np.unique(units * len(corpus.classes) + corpus.labels)
    counts = np.bincount(pairs % len(corpus.classes), minlength=len(corpus.classes))
    return [int(label) for label in np.flatnonzero(counts < 3)]


def told_too_small(corpus: Corpus, small: list[int]) -> str:
    """Says which classes are too small, and why."""
    counts = np.bincount(corpus.labels, minlength=len(corpus.classes))[small]
    are = "is" if len(small) == 1 else "are"
    told = f"{quoted(corpus, small)} {are} too small to stand in train, validation and test: fewer than 3 rows"
    most = int(counts.max())
    if most < 3:
        return f"{told}."
    name = corpus.classes[small[int(counts.argmax())]]
    if corpus.groups is None:
        return f"{told}, equal texts counted as one ({name!r} has {most:,} rows)."
    return f"{told}, those of one group or of equal texts counted as one ({name!r} has {most:,} rows). Finer groups may help."


def _told_away(corpus: Corpus, small: list[int], what: str) -> str:
    rows = int(np.isin(corpus.labels, small).sum())
    return f"Too small to split, and {what}: {quoted(corpus, small)}, {rows:,} row{'' if rows == 1 else 's'}"


def quoted(corpus: Corpus, labels: Sequence[int] | Ints) -> str:
    """Names classes in a sentence."""
    names = [repr(corpus.classes[label]) for label in labels[:10]]
    return (
        ("class " if len(labels) == 1 else f"{len(labels)} classes: ")
        + ", ".join(names)
        + (", ..." if len(labels) > 10 else "")
    )
