"""Texts to classify, from a file, a column of a file, or stdin."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError
from data.files import NOT_WHOLE, read_records
from data.labelled import is_missing
from data.measured import Measured, Record, within_memory

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def read_texts(file: str, column: str | None) -> list[str]:
    """Reads texts.

    Args:
        file: A file, or '-' for stdin.
        column: The column of a CSV, TSV, JSON lines or Parquet file; None for plain text, a text a line.

    Raises:
        InputError: Naming the file, the line and what is wrong.
    """
    if column is not None:
        if file == "-":
            raise InputError("--text names a column of a file; stdin is plain text, a text a line.")
        return [_text(value, f"{file}, {place}: column {column!r}") for place, (value,) in read_records(Path(file), [column])]
    if file != "-" and (file.lower().removesuffix(".gz").endswith(TABLES)):
        raise InputError(f"{file} has columns; name that of the texts with --text.")
    if file != "-" and (file.lower().removesuffix(".gz").endswith(".json")):
        raise InputError(f"{file} is JSON; write a file that ends in .jsonl, an object a line, and name the field with --text.")
    path = Path("stdin" if file == "-" else file)
    try:
        with Measured(path, sys.stdin.buffer if file == "-" else None) as measured:
            return [text for _, (text,) in within_memory(path, _lines(path, measured))]
    except NOT_WHOLE as error:
        raise InputError(f"{path} is not a whole gzip file: {error}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def _lines(path: Path, measured: Measured) -> Iterator[Record]:
    for number, line in enumerate(io.BufferedReader(measured), start=1):
        measured.begin(number + 1)
        try:
            text = line.removesuffix(b"\n").decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\r")
        except UnicodeDecodeError as error:
            place = f"{path}, line {number}: byte 0x{error.object[error.start]:02x}"
            raise InputError(f"{place} is not UTF-8; give UTF-8 text.") from None
        yield f"line {number}", (text,)


def _text(value: object, where: str) -> str:
    if is_missing(value):
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where} holds {type(value).__name__} {str(value)[:40]!r}; a text is needed.")
    return value
