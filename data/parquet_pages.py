"""The pages of a Parquet file, measured by their own headers before any is unpacked; the file's footer may say anything."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.measured import Budget

DICTIONARY, DELTA_BYTE_ARRAY = 2, 7
"""A type of pages and an encoding, by Parquet's numbers: one value in them may come again in every row."""
ROWS, BYTES = 8192, 2**27
"""Of what is unpacked at once, at most."""
INTEGERS, LONG, DOUBLE, STRING, LISTS, STRUCT, DEEPEST = (4, 5, 6), 6, 7, 8, (9, 10), 12, 20
"""Types of Thrift's compact protocol, in which headers are written, and how deep they may stand in each other."""


class Page(NamedTuple):
    """What a page's header says of it: bytes when it is unpacked, and whether one value may come again in every row."""

    unpacked: int
    repeats: bool


class AtOnce(NamedTuple):
    """How many rows may be unpacked at once, and of these, read: an Arrow dictionary's values stand there once until then."""

    unpacked: int
    read: int


def rows_at_once(path: Path, file: IO[bytes], parquet: pq.ParquetFile, columns: Sequence[str], budget: Budget) -> AtOnce:
    """Returns how many rows may be unpacked and read at once.

    Raises:
        InputError: If far more than the file holds would come out of the columns' pages, or a column holds lists.
        pa.ArrowInvalid: If the pages are not where they should be.
    """
    unpacked, read, packed, size = 1, 1, 0, file.seek(0, io.SEEK_END)
    groups = _row_groups(file, size)
    for number in range(len(parquet.schema)):
        column = parquet.schema.column(number)
        root = column.path.split(".")[0]
        if root not in {name.split(".")[0] for name in columns}:
            continue
        largest = 1
        if column.max_repetition_level:
            raise InputError(f"{path}: column {root!r} holds lists; one value a row is needed.")
        largest = max(largest, column.length or 0)  # what is missing takes as much as what is there
        for chunks in groups:
            place, length = _where(chunks, number, size)
            packed += length
            for page in _pages(file, place, place + length):
                budget.take(page.unpacked)
                largest = max(largest, page.unpacked if page.repeats else 1)
            if packed > size:
                raise pa.ArrowInvalid("its columns are larger than it is.")
        read = max(read, largest)
        if not _is_dictionary(parquet.schema_arrow, column.path):
            unpacked = max(unpacked, largest)
    return AtOnce(*(max(1, min(ROWS, BYTES // largest)) for largest in (unpacked, read)))


def _is_dictionary(schema: pa.Schema, name: str) -> bool:
    """Tells whether a column, whose name is no part of another's, comes as an Arrow dictionary."""
    places = schema.get_all_field_indices(name)
    return len(places) == 1 and pa.types.is_dictionary(schema.field(places[0]).type)


def _row_groups(file: IO[bytes], size: int) -> list[Any]:
    """Reads the columns of all groups of rows from the footer: what pyarrow makes of a damaged one can end the process."""
    file.seek(size - 8)
    file.seek(size - 8 - int.from_bytes(file.read(4), "little"))
    groups = _struct(file, 0).get(4)
    if not (isinstance(groups, list) and all(isinstance(group, dict) for group in groups)):
        raise pa.ArrowInvalid("its footer is damaged.")
    return [group.get(1) for group in groups]


def _where(chunks: Any, number: int, size: int) -> tuple[int, int]:
    """Returns where a column's pages begin in one of the groups, and their bytes."""
    try:
        about = chunks[number][3]
        first, dictionary, length = about[9], about.get(11) or 0, about[7]
        if about.get(5) == 0:  # it holds no value, and Arrow looks at none of its pages; where they begin may be said wrongly
            return 0, 0
        place = dictionary if 0 < dictionary < first else first
        if 0 <= place <= place + length <= size and length >= 0:
            return place, length
    except (TypeError, AttributeError, LookupError):
        pass
    raise pa.ArrowInvalid("its columns do not stand in it.")


def _pages(file: IO[bytes], place: int, end: int) -> Iterator[Page]:
    while place < end:
        file.seek(place)
        header = _struct(file, 0)
        kind, unpacked, packed = (header.get(number) for number in (1, 2, 3))
        place = file.tell()
        if not (isinstance(unpacked, int) and isinstance(packed, int) and unpacked >= 0 <= packed and place <= end):
            raise pa.ArrowInvalid("one of its headers is damaged.")
        place += packed
        of_data = ((5, 2), (8, 4))  # where the encoding stands in headers of versions 1 and 2
        encodings = [inner.get(at) for number, at in of_data if isinstance(inner := header.get(number), dict)]
        yield Page(unpacked, kind == DICTIONARY or DELTA_BYTE_ARRAY in encodings)


def _struct(file: IO[bytes], depth: int) -> dict[int, Any]:
    """Reads integers, lists and structs by their numbers, and None for all else."""
    fields: dict[int, Any] = {}
    number = 0
    while byte := _byte(file):
        number = (number + (byte >> 4) if byte >> 4 else _integer(file, 16)) & 0xFFFF
        fields[number] = _value(file, byte & 15, depth) if byte & 15 > 2 else None  # the type is a boolean's value
    return fields


def _value(file: IO[bytes], kind: int, depth: int) -> Any:
    if depth > DEEPEST:
        raise pa.ArrowInvalid("one of its headers is nested too deeply.")
    if kind in INTEGERS:
        return _integer(file, 64 if kind == LONG else 32)
    if kind == STRUCT:
        return _struct(file, depth + 1)
    if kind in LISTS:
        byte = _byte(file)
        return [_value(file, byte & 15, depth + 1) for _ in range(byte >> 4 if byte >> 4 < 15 else _varint(file, 32))]
    if kind in {1, 2, 3, DOUBLE, STRING}:
        file.seek(_varint(file, 32) if kind == STRING else 8 if kind == DOUBLE else 1, io.SEEK_CUR)
    else:
        raise pa.ArrowInvalid("one of its headers is damaged.")
    return None


def _byte(file: IO[bytes]) -> int:
    if not (byte := file.read(1)):
        raise pa.ArrowInvalid("one of its headers does not end.")
    return byte[0]


def _varint(file: IO[bytes], bits: int) -> int:
    value = shift = 0
    while (byte := _byte(file)) & 128 and shift < 63:
        value, shift = value | (byte & 127) << shift, shift + 7
    return (value | byte << shift) & ((1 << bits) - 1)


def _integer(file: IO[bytes], bits: int) -> int:
    value = _varint(file, bits)
    return (value >> 1) ^ -(value & 1)
