"""A corpus split in three: train, validation, test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.corpus import Corpus
from data.errors import InputError
from data.small_classes import SmallClassesError, quoted, small_classes, told_too_small
from data.units import Ints, number_units

SIDES = ("train", "validation", "test")
MOST_OFF = 1 / 3
"""How far a side's share of the rows may be from what was asked for, of that, before it is told."""
DEALS = 10
"""How often units are dealt out again, at most, where a class has come to stand on fewer than three sides."""


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

    Texts are equal if they are after `data.units.fold_text`: without regard to case, white space, Unicode's forms and kinds of
    apostrophes. Rows that are linked by a group or an equal text, directly or through others, make a unit, and units are dealt
    out whole: first so that each class stands on every side, rarest class first (where that fails, those first that it failed
    for); then, largest unit first, to the side where they least disturb the classes' proportions (least squares); at last
    single rows, by exact quotas.

    Args:
        corpus: Every class needs three units or more (see `without_small_classes`).
        validation, test: Fractions of the rows, each in (0, 1), together below 1.
        seed: The same corpus and seed give the same split.

    Raises:
        SmallClassesError: Naming classes of too few units.
        InputError: Naming classes that cannot stand on all three sides for another reason.
    """
    if not (0 < validation < 1 and 0 < test < 1 and validation + test < 1):
        raise InputError(f"validation and test must each lie in (0, 1) and leave a rest; got {validation} and {test}.")
    units = number_units(corpus)
    if small := small_classes(corpus, units):
        raise SmallClassesError(told_too_small(corpus, small))
    fractions = np.array([1 - validation - test, validation, test])
    urgent: list[int] = []
    for _ in range(DEALS):
        side_of_unit = _deal(units, corpus.labels, len(corpus.classes), fractions, np.random.default_rng(seed), urgent)
        side_of_row = side_of_unit[units]
        rows = np.bincount(side_of_row * len(corpus.classes) + corpus.labels, minlength=3 * len(corpus.classes))
        lacking = rows.reshape(3, -1) == 0
        new = [int(label) for label in np.flatnonzero(lacking.any(axis=0)) if label not in urgent]
        if not new:
            break
        urgent = new + urgent
    for name, absent in zip(SIDES, lacking, strict=True):
        if absent.any():
            raise InputError(
                f"No row of {quoted(corpus, np.flatnonzero(absent))} could be given to {name}: "
                "its rows are tied to other classes' by groups or equal texts. Use finer groups, or leave those rows out."
            )
    return Split(*(np.flatnonzero(side_of_row == side) for side in range(3)))


def told_of_sides(corpus: Corpus, split: Split, validation: float, test: float) -> Iterator[str]:
    """Yields a sentence where groups or equal texts make validation or test a third smaller or larger than asked for.

    Args:
        corpus: The texts.
        split: Theirs.
        validation, test: The fractions that were asked for.
    """
    away = [
        f"{name} {len(split.side(name)) / len(corpus):.1%} instead of {asked:.1%}"
        for name, asked in (("validation", validation), ("test", test))
        if abs(len(split.side(name)) / len(corpus) / asked - 1) > MOST_OFF
    ]
    if away and (largest := int(np.bincount(number_units(corpus)).max())) > MOST_OFF * min(validation, test) * len(corpus):
        tied = "a group or equal texts tie" if corpus.groups is not None else "equal texts tie"
        yield f"Of the rows, {' and '.join(away)}: {tied} up to {largest:,} rows together, and all classes stand on each side"


def _deal(
    units: Ints,
    labels: npt.NDArray[np.int32],
    classes: int,
    fractions: npt.NDArray[np.float64],
    rng: np.random.Generator,
    urgent: Sequence[int],
) -> Ints:
    """Gives each unit a side: int64 (units,). Only units of several rows are tabulated by class; most have one.

    The urgent classes, in their order, are given their sides before all others.
    """
    sizes = np.bincount(units)
    label_of = np.zeros(len(sizes), dtype=np.int64)
    label_of[units] = labels  # a unit of one row has one label
    several = np.flatnonzero(sizes > 1)
    place_of = np.full(len(sizes), -1, dtype=np.int64)
    place_of[several] = np.arange(len(several))
    in_several = place_of[units] >= 0
    # Of each unit of several rows, the classes that it has and how many rows of each: for all, there may be too many.
    cells, rows_of = np.unique(place_of[units[in_several]] * classes + labels[in_several], return_counts=True)
    unit_of, class_of = cells // classes, cells % classes
    begins = np.searchsorted(unit_of, np.arange(len(several) + 1))

    totals = np.bincount(labels, minlength=classes)
    need = fractions[:, None] * totals  # (sides, classes): rows still wanted
    side = np.full(len(sizes), -1, dtype=np.int64)

    def place(unit: int, to: int) -> None:
        side[unit] = to
        if sizes[unit] == 1:
            need[to, label_of[unit]] -= 1
        else:
            mine = slice(begins[place_of[unit]], begins[place_of[unit] + 1])
            need[to, class_of[mine]] -= rows_of[mine]

    singles = rng.permutation(np.flatnonzero(sizes == 1))
    singles = singles[np.argsort(label_of[singles], kind="stable")]  # by class, within it in random order
    ends = np.searchsorted(label_of[singles], np.arange(classes + 1))
    shuffled = rng.permutation(len(several))
    by_size = shuffled[np.argsort(sizes[several[shuffled]], kind="stable")]  # equal sizes in random order

    rank = np.empty(len(several), dtype=np.int64)
    rank[by_size] = np.arange(len(several))
    by_class = np.lexsort((rank[unit_of], class_of))
    class_begins = np.searchsorted(class_of[by_class], np.arange(classes + 1))
    rarest_first = np.argsort(np.diff(class_begins) + np.diff(ends), kind="stable").tolist()
    for label in dict.fromkeys([*urgent, *rarest_first]):
        mine = singles[ends[label] : ends[label + 1]]
        of_class = by_class[class_begins[label] : class_begins[label + 1]]
        candidates = np.concatenate([mine, several[unit_of[of_class]]])
        for to in (2, 1, 0):
            free = candidates[side[candidates] < 0]
            if len(free) and not (side[candidates] == to).any():
                place(int(free[-1 if to == 0 else 0]), to)  # train takes the largest, the others the smallest

    for unit in several[by_size[::-1]]:
        if side[unit] < 0:
            own = slice(begins[place_of[unit]], begins[place_of[unit] + 1])
            rows, theirs = rows_of[own], class_of[own]
            place(int(unit), int(np.argmin(((rows * (rows - 2 * need[:, theirs])) / totals[theirs]).sum(axis=1))))

    for label in range(classes):
        mine = singles[ends[label] : ends[label + 1]]
        mine = mine[side[mine] < 0]
        side[mine] = np.repeat(np.arange(3), _quotas(len(mine), np.maximum(need[:, label], 0), fractions))
    return side


def _quotas(count: int, need: npt.NDArray[np.float64], fractions: npt.NDArray[np.float64]) -> Ints:
    """Shares a count out in proportion to the need, by largest remainder."""
    weights = need if need.sum() > 0 else fractions
    exact = count * weights / weights.sum()
    quotas: Ints = np.floor(exact).astype(np.int64)
    quotas[np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]] += 1
    return quotas
