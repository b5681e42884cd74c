"""Parquet, in batches that fit into memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.columns import columns_at
from data.errors import InputError
from data.measured import Budget, Measured, Record
from data.parquet_pages import rows_at_once


def read_parquet(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    """Yields the rows of a Parquet file, their values as Arrow gives them to Python; a gzipped file is unpacked in memory.

    Raises:
        InputError: A column is missing, a value cannot be read, or there is more than memory for.
    """
    budget, number = Budget(path), 0
    with Measured(path, longest=sys.maxsize) as measured, path.open("rb") as file:
        source = io.BytesIO(measured.read()) if path.suffix.lower() == ".gz" else file
        parquet = pq.ParquetFile(source)
        columns_at(path, parquet.schema_arrow.names, columns)
        at_once = rows_at_once(path, source, parquet, columns, budget)
        groups = range(parquet.num_row_groups)  # one by one: each may bring an Arrow dictionary of its own
        batches = (
            batch
            for group in groups
            for batch in parquet.iter_batches(batch_size=at_once.unpacked, row_groups=[group], columns=list(columns))
        )
        for batch in batches:
            for first in range(0, len(batch), at_once.read):
                part = batch.slice(first, at_once.read)
                values = [_values(path, part, column, number) for column in columns]
                budget.take(sum(map(sys.getsizeof, values[0])))
                for record in zip(*values, strict=True):
                    number += 1
                    yield f"row {number}", record


def _values(path: Path, batch: pa.RecordBatch, column: str, before: int) -> list[Any]:
    """Returns a column's values of a batch that so many rows stand before."""
    try:
        values: list[Any] = batch.column(batch.schema.get_field_index(column)).to_pylist()
    except UnicodeDecodeError:
        raise InputError(
            f"{path}, rows {before + 1} to {before + len(batch)}: column {column!r} holds a value that is not UTF-8; "
            "write the file again with texts in UTF-8."
        ) from None
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"{path}, rows {before + 1} to {before + len(batch)}: column {column!r} holds a value that cannot be read: {error}."
        ) from None
    return values
