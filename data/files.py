"""Files of records: CSV, TSV, JSON lines and Parquet, gzipped or not, read row by row in bounded memory."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from data.csv_file import read_csv
from data.errors import InputError, first_line
from data.json_lines import read_json_lines
from data.measured import Measured, Record, within_memory
from data.parquet_file import read_parquet

DELIMITERS = {".csv": ",", ".tsv": "\t"}
NOT_WHOLE = (EOFError, gzip.BadGzipFile, zlib.error)
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
            yield from read_csv(path, columns, DELIMITERS[kind])
        elif kind in {".jsonl", ".ndjson"}:
            yield from read_json_lines(path, columns)
        elif kind == ".parquet":
            yield from read_parquet(path, columns)
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
        raise InputError(f"{path} is not a Parquet file that can be read: {first_line(error)}") from None
    except NOT_WHOLE as error:
        raise InputError(f"{path} is not a whole gzip file: {error}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


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
