"""Classes whose names may be one, or none: told, never changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

NOTHING = {"nan", "none", "null", "n/a", "na", "<na>", "nil", "-", "?"}
"""What programs write where a value is missing, and people where they know none; without regard to case."""
NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
MOST = 5
"""How many are named."""


def doubts(classes: Sequence[str], labels: npt.NDArray[np.int32]) -> Iterator[str]:
    """Yields a sentence for each kind of doubt about the names of classes.

    Args:
        classes: Label names.
        labels: int32 (n,): the rows' classes.
    """
    alike: dict[str | Decimal, list[str]] = {}
    for name in classes:
        alike.setdefault(_core(name), []).append(name)
    if several := [names for names in alike.values() if len(names) > 1]:
        told = "; ".join(", ".join(map(repr, names)) for names in several[:MOST]) + ("; ..." if len(several) > MOST else "")
        yield f"Classes that differ in case, white space or a number's form alone are classes of their own: {told}"
    counts = np.bincount(labels, minlength=len(classes))
    if missing := [(name, int(rows)) for name, rows in zip(classes, counts, strict=True) if name.casefold() in NOTHING]:
        told = ", ".join(f"{name!r} ({rows:,} rows)" for name, rows in missing)
        yield f"Classes that may stand for missing labels: {told}; leave such rows empty, with --drop-unlabelled, if they do"


def _core(name: str) -> str | Decimal:
    if NUMBER.fullmatch(name):
        return Decimal(name).normalize()
    return "".join(name.casefold().split())
