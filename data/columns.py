"""The columns of a file of records, found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.errors import InputError


def columns_at(path: Path, header: list[str], columns: Sequence[str]) -> list[int]:
    """Returns where the columns stand in the header, counted from 0.

    Raises:
        InputError: The header lacks one, or has it twice.
    """
    for column in columns:
        if column not in header:
            present = ", ".join(repr(name) for name in header[:20]) + (", ..." if len(header) > 20 else "")
            raise InputError(f"{path} has no column {column!r}; its columns are {present}.")
        if header.count(column) > 1:
            raise InputError(f"{path} has {header.count(column)} columns {column!r}; rename all but one.")
    return [header.index(column) for column in columns]
