"""The columns of a file of records, found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from data.errors import InputError

NAMED, LONGEST = 20, 40
"""Names that are told, and characters of each."""


def columns_at(path: Path, header: list[str], columns: Sequence[str]) -> list[int]:
    """Returns where the columns stand in the header, counted from 0.

    Raises:
        InputError: The header lacks one, or has it twice.
    """
    for column in columns:
        if column not in header:
            unnamed = not set(columns) & set(header) and ".parquet" not in path.name.lower()
            told = f"{path} has no column {column!r}; its columns are {told_names(header)}.{meant(column, header)}"
            raise InputError(f"{told}{' Does its first line name them?' if unnamed else ''}")
        if header.count(column) > 1:
            raise InputError(f"{path} has {header.count(column)} columns {column!r}; rename all but one.")
    return [header.index(column) for column in columns]


def told_names(names: Sequence[str]) -> str:
    """Names columns in a sentence: the first ones, cut, for what is taken for a name may be a text."""
    cut = (f"{name[:LONGEST]!r}" + ("..." if len(name) > LONGEST else "") for name in names[:NAMED])
    return ", ".join(cut) + (", ..." if len(names) > NAMED else "")


def meant(column: str, names: Sequence[str]) -> str:
    """Says which column may have been meant, if one is named much alike; nothing else."""
    alike = {name.strip().casefold(): name for name in names if len(name) <= LONGEST}
    found = get_close_matches(column.strip().casefold(), alike, 1, 0.75)
    return f" Was {alike[found[0]]!r} meant?" if found else ""
