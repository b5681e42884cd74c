"""Texts to classify, from a file, a column of a file, or stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from data.errors import InputError
from data.files import read_records

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
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [_decode(line, number, file) for number, line in enumerate(lines, start=1)]


def _decode(line: bytes, number: int, file: str) -> str:
    try:
        return line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError as error:
        source = "stdin" if file == "-" else file
        raise InputError(f"{source}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8; give UTF-8 text.") from None


def _text(value: object, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where} holds {type(value).__name__} {str(value)[:40]!r}; a text is needed.")
    return value
