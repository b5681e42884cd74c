"""How much of a file is read: what comes out is counted as it comes, so that no file fills the memory."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from data.errors import InputError
from data.memory import all_memory

MIB = 2**20
LONGEST_ROW = 128 * MIB
"""Bytes of one row. A text of 50 MB is a text; a row of 128 MiB is a missing newline or quote."""
MOST_SQUEEZED, SMALL, ROW = 50, 256 * MIB, 50
"""What may come out of a file that is packed: so many times its size, and bytes besides. Texts are squeezed by 3 to 10 times,
a million equal ones by a thousand. Each row counts as so many bytes more, which Python takes for a text."""
Record = tuple[str, tuple[Any, ...]]
"""A place such as 'row 7 (line 8)' and the values of the columns asked for."""


class Measured(io.RawIOBase):
    """The bytes of a file, unpacked where its name ends in .gz.

    Args:
        path: The file; what errors name.
        file: What to read instead of opening it; not closed.
        longest: Bytes of a row, at most; see `begin`.

    Raises:
        InputError: From reading, where more comes out of an archive or stands in a row than in any that is meant.
    """

    def __init__(self, path: Path, file: IO[bytes] | None = None, longest: int | None = None) -> None:
        self._path, self._longest = path, LONGEST_ROW if longest is None else longest
        self._given, self._zipped = file is not None, file is None and path.suffix.lower() == ".gz"
        self._budget = Budget(path)
        self._file: Any = file or (gzip.GzipFile(path) if self._zipped else io.FileIO(path))
        self._row, self._rows, self._size = 1, 0, 0

    def begin(self, row: int) -> None:
        """Says that a row has been read, and which comes next."""
        self._row, self._size = row, 0
        self._rows += 1

    def readable(self) -> bool:
        """Tells that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads what fits into a buffer."""
        count: int = self._file.readinto(buffer)
        self._size += count
        if self._zipped:
            self._budget.take(count, self._rows)
            self._rows = 0
        if self._size > self._longest:
            raise InputError(
                f"{self._path}, row {self._row}: it does not end within {self._longest // MIB} MiB, "
                "the most that a row may have. Is the end of its line or of a quote missing?"
            )
        return count

    def close(self) -> None:
        """Closes the file, if it is ours."""
        if not (self.closed or self._given):
            self._file.close()
        super().close()


class Budget:
    """What may come out of a file that is packed: so many times its size."""

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, path.stat().st_size if path.exists() else 0
        self._left = self._most = SMALL + MOST_SQUEEZED * self._size

    def take(self, count: int, rows: int = 0) -> None:
        """Counts bytes and rows that come out.

        Raises:
            InputError: If they are too many.
        """
        self._left -= count + ROW * rows
        if self._left < 0:
            raise InputError(
                f"{self._path}: more than {self._most // MIB:,} MiB come out of its {self._size:,} bytes, {MOST_SQUEEZED} "
                f"times as many and {SMALL // MIB} MiB more, as of no texts. If it is meant, write plain CSV."
            )


def read_document(path: Path, most: int = LONGEST_ROW) -> str:
    """Reads a file of UTF-8 that is parsed as a whole.

    Raises:
        ValueError: If it has more than `most` bytes, or is not UTF-8.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most // 1024:,} KiB, the most that such a file may have")
    return content.decode("utf-8")


def within_memory(path: Path, records: Iterator[Record]) -> Iterator[Record]:
    """Yields records whose first values are kept, as long as half of the memory holds them.

    Raises:
        InputError: When it does not any more.
    """
    most, kept = all_memory() // 2, 0
    for place, values in records:
        kept += sys.getsizeof(values[0])
        if kept > most:
            raise InputError(
                f"{path}, {place}: the texts up to there take more than half of the memory here ({most / 2**30:.1f} GiB). "
                "Take a part of them, or a machine with more."
            )
        yield place, values
