"""A corpus split in three: train, validation, test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.corpus import Corpus
from data.errors import InputError

SmallClasses = Literal["refuse", "fold", "drop"]
SIDES = ("train", "validation", "test")
OTHER = "other"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of the three sides: int64, sorted, disjoint, together all rows of the corpus."""

    train: Ints
    validation: Ints
    test: Ints

    def side(self, name: str) -> Ints:
        """Returns the rows of 'train', 'validation' or 'test'."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def split_corpus(corpus: Corpus, *, validation: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Splits a corpus, stratified by class, so that equal texts and rows of one group stay together.

    Texts are equal if they are after case and white space are folded. Rows that are linked by a group or an equal text,
    directly or through others, make a unit, and units are dealt out whole: first so that each class stands on every side,
    rarest class first; then, largest unit first, to the side where they least disturb the classes' proportions
    (least squares); at last single rows, by exact quotas.

    Args:
        corpus: Every class needs three units or more (see `without_small_classes`).
        validation, test: Fractions of the rows, each in (0, 1), together below 1.
        seed: The same corpus and seed give the same split.

    Raises:
        InputError: Naming the classes that cannot stand on all three sides.
    """
    if not (0 < validation < 1 and 0 < test < 1 and validation + test < 1):
        raise InputError(f"validation and test must each lie in (0, 1) and leave a rest; got {validation} and {test}.")
    units = _units(corpus)
    if small := _small(corpus, units):
        raise InputError(_too_small(corpus, small))
    table = _class_counts(corpus, units)
    fractions = np.array([1 - validation - test, validation, test])
    side_of_unit = _deal(table, fractions, np.random.default_rng(seed))
    side_of_row = side_of_unit[units]
    for side, name in enumerate(SIDES):
        lacking = np.bincount(corpus.labels[side_of_row == side], minlength=len(corpus.classes)) == 0
        if lacking.any():
            raise InputError(
                f"No row of {_quoted(corpus, np.flatnonzero(lacking))} could be given to {name}: "
                "its rows are tied to others by groups or equal texts. Use finer groups, or pass --small-classes fold or drop."
            )
    return Split(*(np.flatnonzero(side_of_row == side) for side in range(3)))


def without_small_classes(corpus: Corpus, how: SmallClasses) -> Corpus:
    """Folds classes too small to split into one class 'other', or drops their rows; 'refuse' leaves them to the split.

    A class is too small if its rows make fewer than three units (see `split_corpus`). Classes that together are still
    too small are refused by the split.
    """
    small = _small(corpus, _units(corpus))
    if how == "refuse" or not small:
        return corpus
    is_small = np.isin(corpus.labels, small)
    keep = ~is_small if how == "drop" else np.ones(len(corpus), dtype=bool)
    names = np.array(corpus.classes, dtype=object)[corpus.labels]
    names[is_small] = OTHER
    classes, labels = np.unique(names[keep].astype(str), return_inverse=True)
    if len(classes) < 2:
        raise InputError(f"Only {len(classes)} class is left when classes too small to split are put aside; two are needed.")
    return Corpus(
        texts=[text for text, kept in zip(corpus.texts, keep, strict=True) if kept],
        labels=labels.astype(np.int32),
        classes=tuple(str(name) for name in classes),
        groups=None if corpus.groups is None else corpus.groups[keep],
    )


def fold_text(text: str) -> str:
    """Returns the text as equality sees it: without regard to case and white space."""
    return " ".join(text.casefold().split())


def _units(corpus: Corpus) -> Ints:
    """Numbers the rows' units: connected components of rows linked by a group or an equal text."""
    texts = _text_ids(corpus.texts)
    if corpus.groups is None:
        return texts
    groups = np.unique(corpus.groups, return_inverse=True)[1]
    nodes = int(groups.max()) + 1
    size = nodes + int(texts.max()) + 1
    links = coo_array((np.ones(len(groups), dtype=np.int8), (groups, nodes + texts)), shape=(size, size))
    components = connected_components(links, directed=False)[1]
    return np.unique(components[groups], return_inverse=True)[1].astype(np.int64)


def _text_ids(texts: Sequence[str]) -> Ints:
    ids: dict[bytes, int] = {}
    folded = (fold_text(text).encode("utf-8", "surrogatepass") for text in texts)
    digests = (hashlib.blake2b(text, digest_size=16).digest() for text in folded)
    return np.fromiter((ids.setdefault(digest, len(ids)) for digest in digests), dtype=np.int64, count=len(texts))


def _class_counts(corpus: Corpus, units: Ints) -> npt.NDArray[np.int64]:
    """Returns for each unit and class how many rows it has: int64 (units, classes)."""
    shape = (int(units.max()) + 1, len(corpus.classes))
    flat = units * shape[1] + corpus.labels
    counts: Ints = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    return counts


def _small(corpus: Corpus, units: Ints) -> list[int]:
    pairs = np.unique(units * len(corpus.classes) + corpus.labels)
    counts = np.bincount(pairs % len(corpus.classes), minlength=len(corpus.classes))
    return [int(label) for label in np.flatnonzero(counts < 3)]


def _too_small(corpus: Corpus, small: list[int]) -> str:
    rows = int(np.isin(corpus.labels, small).sum())
    tied = " (rows of one group or of equal texts count as one)" if rows > len(small) else ""
    are = "is" if len(small) == 1 else "are"
    return (
        f"{_quoted(corpus, small)} {are} too small to stand in train, validation and test: fewer than 3 rows{tied}. "
        "Add rows, or pass --small-classes fold (into one class 'other') or drop."
    )


def _quoted(corpus: Corpus, labels: Sequence[int] | Ints) -> str:
    names = [repr(corpus.classes[label]) for label in labels[:10]]
    return (
        ("class " if len(labels) == 1 else f"{len(labels)} classes: ")
        + ", ".join(names)
        + (", ..." if len(labels) > 10 else "")
    )


def _deal(table: Ints, fractions: npt.NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Gives each unit (a row of the table: its rows by class) a side."""
    totals = table.sum(axis=0)
    need = fractions[:, None] * totals  # (sides, classes): rows still wanted
    side = np.full(len(table), -1, dtype=np.int64)
    sizes = table.sum(axis=1)
    order = rng.permutation(len(table))
    order = order[np.argsort(sizes[order], kind="stable")]  # small first, equal sizes in random order

    def place(unit: int, to: int) -> None:
        side[unit] = to
        need[to] -= table[unit]

    present = table > 0
    for label in np.argsort(present.sum(axis=0), kind="stable"):
        candidates = order[present[order, label]]
        for to in (2, 1, 0):
            free = candidates[side[candidates] < 0]
            if len(free) and not (side[candidates] == to).any():
                place(int(free[-1 if to == 0 else 0]), to)  # train takes the largest, the others the smallest

    for unit in order[::-1]:
        if side[unit] >= 0 or sizes[unit] == 1:
            continue
        rows = table[unit]
        place(int(unit), int(np.argmin(((rows * (rows - 2 * need)) / np.maximum(totals, 1)).sum(axis=1))))

    singles = order[(side[order] < 0)]
    label_of = table[singles].argmax(axis=1)
    for label in np.unique(label_of):
        mine = singles[label_of == label]
        counts = _quotas(len(mine), np.maximum(need[:, label], 0), fractions)
        side[mine] = np.repeat(np.arange(3), counts)
    return side


def _quotas(count: int, need: npt.NDArray[np.float64], fractions: npt.NDArray[np.float64]) -> Ints:
    """Shares a count out in proportion to the need, by largest remainder."""
    weights = need if need.sum() > 0 else fractions
    exact = count * weights / weights.sum()
    quotas: Ints = np.floor(exact).astype(np.int64)
    quotas[np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]] += 1
    return quotas
