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
            line = reader.line_num
            for fields in reader:
                measured.begin(number + 2)
                blank = not fields or (len(header) > 1 and len(fields) == 1 and not fields[0].strip())
                if not blank:
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
