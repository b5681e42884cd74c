"""JSON lines: an object on each, its fields the columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data.columns import meant, told_names
from data.errors import InputError
from data.measured import Measured, Record

LOOKED_AT = 2**20
"""Characters of JSON lines in one of which a column has to stand; many writers leave out fields that hold nothing."""


def read_json_lines(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    """Yields a record for each line that is not blank; None stands for a field that an object lacks.

    Raises:
        InputError: A line is no JSON object, or none of the first ones has a column.
    """
    unseen, first, held = set(columns), list[tuple[str, dict[str, Any]]](), 0
    with Measured(path) as measured, io.TextIOWrapper(io.BufferedReader(measured), encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            measured.begin(number + 1)
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
                raise InputError(f"{path}, line {number}: not JSON ({why}); each line must be one JSON object.") from None
            if not isinstance(record, dict):
                raise InputError(f'{path}, line {number}: not a JSON object; each line must look like {{"text": ...}}.')
            unseen -= record.keys()
            first.append((f"line {number}", record))
            if unseen and (held := held + len(line)) > LOOKED_AT:
                break
            if not unseen:
                yield from ((place, tuple(record.get(column) for column in columns)) for place, record in first)
                first.clear()
    if first:
        place, record = first[0]
        lacking = next(column for column in columns if column in unseen)
        fields = list(dict.fromkeys(field for _, record in first for field in record))
        where = f"{path}, {place}" if len(first) == 1 else f"{path}, {place} and the {len(first) - 1} records after it"
        present = told_names(fields) or "none"
        raise InputError(f"{where}: no field {lacking!r}; the fields are {present}.{meant(lacking, fields)}")
