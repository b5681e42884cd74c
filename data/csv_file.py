"""CSV and TSV, as spreadsheets and programs write them."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

from data.columns import columns_at
from data.errors import InputError
from data.measured import Measured, Record

SEPARATOR = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
"""The line that Excel begins a CSV with, and follows, whatever the country."""
MOST_HEAD_LINES = 1_000
MOST_LABELS = 10_000
"""That are remembered to know rows by within a field."""


def read_csv(path: Path, columns: Sequence[str], delimiter: str) -> Iterator[Record]:
    """Yields the rows of a CSV, texts all of them; blank lines are none.

    Args:
        path: The file, gzipped if its name says so.
        columns: The names of the columns to read.
        delimiter: What its name says; another is taken where the header has the columns with that one, or a line before it
            names it.

    Raises:
        InputError: A column is missing, or a row is malformed.
    """
    csv.field_size_limit(sys.maxsize)  # a 50 MB text is a text; it is cut when it is encoded
    with Measured(path) as measured, io.TextIOWrapper(io.BufferedReader(measured), encoding="utf-8-sig", newline="") as file:
        head = _Head(file)
        if not head.lines:
            raise InputError(
                f"{path} is empty; its first line must name the columns, among them {' and '.join(map(repr, columns))}."
            )
        # Spreadsheets save "CSV" with semicolons or tabs too; the header shows it, or a line before it that says so.
        candidates = dict.fromkeys([*head.said, delimiter, ",", ";", "\t"])
        fits = (d for d in candidates if set(columns) <= set(head.names(d)))
        delimiter = next(fits, None) or max(candidates, key=lambda d: len(head.names(d)))
        reader = csv.reader(chain(["\n"] * head.before, head.lines, file), delimiter=delimiter, strict=True)
        number, line = 0, 0
        try:
            header = next(fields for fields in reader if fields)
            at = columns_at(path, header, columns)
            swallowed = _Swallowed(delimiter, len(header), at)
            line = reader.line_num
            for fields in reader:
                measured.begin(number + 2)
                blank = not fields or (len(header) > 1 and len(fields) == 1 and not fields[0].strip())
                if not blank:
                    number += 1
                    if len(fields) != len(header):
                        what = "a line end" if len(fields) < len(header) else "the delimiter"
                        raise InputError(
                            f"{path}, row {number} (line {line + 1}): {len(fields)} fields where the header has "
                            f'{len(header)}. A field that holds {what} must stand in "quotes", no space before them.'
                        )
                    if rows := swallowed.rows(fields):
                        raise InputError(
                            f"{path}, row {number} (lines {line + 1} to {reader.line_num}): a quote that nothing closes makes "
                            f'one field of {rows + 1} rows. A quote that is a sign must stand in "quotes", doubled. Where all '
                            "quotes are signs, or this is one text after all, save the file as JSON lines or Parquet."
                        )
                    yield f"row {number} (line {line + 1})", tuple(fields[i] for i in at)
                line = reader.line_num
        except csv.Error as error:
            raise InputError(
                f"{path}, row {number + 1} (line {line + 1}): {error}. "
                'A field that holds a quote must stand in "quotes", with each inner quote doubled.'
            ) from None


class _Swallowed:
    """Finds rows that stand within a field: a quote has opened it in one row that was to be a sign, and another closed it.

    Args:
        delimiter: Of the fields.
        width: How many columns there are.
        at: Where those that are read stand: the label's is the second, if there is one.
    """

    def __init__(self, delimiter: str, width: int, at: Sequence[int]) -> None:
        self._delimiter, self._width, self._label = delimiter, width, at[1] if len(at) > 1 else -1
        self._known = set[str]()

    def rows(self, fields: Sequence[str]) -> int:
        """Returns how many rows a row's fields hold beside its own."""
        if self._label < 0:
            return 0
        for place, field in enumerate(fields):
            if "\n" in field and (rows := self._within(place, field)):
                return rows
        if len(self._known) < MOST_LABELS:
            self._known.add(fields[self._label])
        return 0

    def _within(self, place: int, field: str) -> int:
        """Counts rows in a field: it holds the end of one, whole ones, and the beginning of another, with labels seen before.

        A text of two lines may look like that by chance where commas part columns; one of three hardly does.
        """
        first, last = field.find("\n"), field.rfind("\n")
        if not (self._is_part(field[:first], place, self._width) and self._is_part(field[last + 1 :], 0, place + 1)):
            return 0
        rows, begin = 1, first + 1
        while begin <= last:  # one by one: a field may be a hundred million line ends
            end = field.find("\n", begin)
            if not self._is_part(field[begin:end], 0, self._width):
                return 0
            rows, begin = rows + 1, end + 1
        return rows if rows > 1 or self._delimiter == "\t" else 0

    def _is_part(self, line: str, first: int, behind: int) -> bool:
        """Tells whether a line may be the fields of a row from one column to before another."""
        if line.count(self._delimiter) != behind - first - 1:
            return False
        return not first <= self._label < behind or line.rstrip("\r").split(self._delimiter)[self._label - first] in self._known


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
