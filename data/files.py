"""Files of records: CSV, TSV, JSON lines and Parquet, gzipped or not, read row by row in bounded memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.measured import Budget, Measured, Record, within_memory
from data.parquet_pages import rows_at_once

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SEPARATOR = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
"""The line that Excel begins a CSV with, and follows, whatever the country."""
MOST_HEAD_LINES = 1_000
NOT_WHOLE = (EOFError, gzip.BadGzipFile, zlib.error)
LOOKED_AT = 2**20
"""Characters of JSON lines in one of which a column has to stand; many writers leave out fields that hold nothing."""
FORMATS = ".csv, .tsv, .jsonl, .ndjson or .parquet, each also with .gz"


def read_records(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    """Yields the records of a file in their order.

    Args:
        path: A file whose suffix names its format (see `FORMATS`).
        columns: The names of the columns to read; the values come in this order. The first one's may be kept.

    Raises:
        InputError: The file or a column is missing, a row is malformed, bytes are not UTF-8, or there is more than memory for.
    """
    yield from within_memory(path, _read(path, columns))


def _read(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    with _readable(path):
        if path.is_dir():
            raise InputError(f"{path} is a folder; a file is needed.")
        if kind in DELIMITERS:
            yield from _read_csv(path, columns, DELIMITERS[kind])
        elif kind in {".jsonl", ".ndjson"}:
            yield from _read_json_lines(path, columns)
        elif kind == ".parquet":
            yield from _read_parquet(path, columns)
        else:
            raise InputError(f"{path}: the name does not say what the file holds; it must end in {FORMATS}.")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what opening and reading a file can raise into an InputError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except UnicodeDecodeError:
        try:
            message = _undecodable(path)
        except NOT_WHOLE as error:  # what was read before its end
            message = f"{path} is not a whole gzip file: {error}."
        raise InputError(message) from None
    except pa.ArrowException as error:
        raise InputError(f"{path} is not a Parquet file that can be read: {_first_line(error)}") from None
    except NOT_WHOLE as error:
        raise InputError(f"{path} is not a whole gzip file: {error}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _undecodable(path: Path) -> str:
    """Finds the line whose bytes are not UTF-8, which the decoder's own error does not tell."""
    with Measured(path) as measured, io.BufferedReader(measured) as file:
        for number, line in enumerate(file, start=1):
            measured.begin(number + 1)
            if number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return f"{path} is UTF-16; save it as UTF-8."
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
                return f"{path}, line {number}: {byte} is not UTF-8; save the file as UTF-8."
    return f"{path} is not UTF-8; save it as UTF-8."


def _columns_at(path: Path, header: list[str], columns: Sequence[str]) -> list[int]:
    """Returns where the columns stand in the header."""
    for column in columns:
        if column not in header:
            present = ", ".join(repr(name) for name in header[:20]) + (", ..." if len(header) > 20 else "")
            raise InputError(f"{path} has no column {column!r}; its columns are {present}.")
        if header.count(column) > 1:
            raise InputError(f"{path} has {header.count(column)} columns {column!r}; rename all but one.")
    return [header.index(column) for column in columns]


def _read_csv(path: Path, columns: Sequence[str], delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # a 50 MB text is a text; it is cut when it is encoded
    with Measured(path) as measured, io.TextIOWrapper(io.BufferedReader(measured), encoding="utf-8-sig", newline="") as file:
        head = _Head(file)
        if not head.lines:
            raise InputError(f"{path} is empty; its first line must name the columns, among them {_names(columns)}.")
        # Spreadsheets save "CSV" with semicolons or tabs too; the header shows it, or a line before it that says so.
        fits = (d for d in (*head.said, delimiter, ",", ";", "\t") if set(columns) <= set(head.names(d)))
        delimiter = next(fits, delimiter)
        reader = csv.reader(chain(["\n"] * head.before, head.lines, file), delimiter=delimiter, strict=True)
        number, line = 0, 0
        try:
            header = next(fields for fields in reader if fields)
            at = _columns_at(path, header, columns)
            line = reader.line_num
            for fields in reader:
                measured.begin(number + 2)
                if fields:  # a blank line is no row
                    number += 1
                    if len(fields) != len(header):
                        raise InputError(
                            f"{path}, row {number} (line {line + 1}): {len(fields)} fields where the header has "
                            f'{len(header)}. A field that holds the delimiter must stand in "quotes", no space before them.'
                        )
                    yield f"row {number} (line {line + 1})", tuple(fields[i] for i in at)
                line = reader.line_num
        except csv.Error as error:
            raise InputError(
                f"{path}, row {number + 1} (line {line + 1}): {error}. "
                'A field that holds a quote must stand in "quotes", with each inner quote doubled.'
            ) from None


class _Head:
    """The beginning of a CSV, as much of it as was needed to find its delimiter.

    Attributes:
        before: How many lines stand before the header, which are blank or name the delimiter.
        said: The delimiters that they name.
        lines: The header's, with what was read behind them.
    """

    def __init__(self, file: TextIO) -> None:
        self._file, self.before, self.said = file, 0, list[str]()
        while line := file.readline():
            named = SEPARATOR.fullmatch(line.rstrip("\r\n"))
            if self.before == MOST_HEAD_LINES or (line.strip() and not named):
                break
            self.before += 1
            self.said += [named[1]] if named else []
        self.lines = [line] if line.strip() else []

    def names(self, delimiter: str) -> list[str]:
        """Returns the names of the columns, were that the delimiter; names may hold line ends."""
        return next(csv.reader(self._read(), delimiter=delimiter), [])

    def _read(self) -> Iterator[str]:
        for place in range(MOST_HEAD_LINES):
            if place == len(self.lines):
                if not (line := self._file.readline()):
                    return
                self.lines.append(line)
            yield self.lines[place]


def _read_json_lines(path: Path, columns: Sequence[str]) -> Iterator[Record]:
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
        present = ", ".join(map(repr, dict.fromkeys(field for _, record in first for field in record))) or "none"
        where = f"{path}, {place}" if len(first) == 1 else f"{path}, {place} and the {len(first) - 1} records after it"
        raise InputError(f"{where}: no field {lacking!r}; the fields are {present}.")


def _read_parquet(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    budget, number = Budget(path), 0
    with Measured(path, longest=sys.maxsize) as measured, path.open("rb") as file:
        source = io.BytesIO(measured.read()) if path.suffix.lower() == ".gz" else file
        parquet = pq.ParquetFile(source)
        _columns_at(path, parquet.schema_arrow.names, columns)
        at_once = rows_at_once(source, parquet, columns, budget)
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


def _names(columns: Sequence[str]) -> str:
    return " and ".join(repr(column) for column in columns)
