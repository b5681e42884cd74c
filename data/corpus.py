"""Labelled texts, as they stand in a file, a frame or a list."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.columns import meant, told_names
from data.doubtful_classes import doubts
from data.errors import InputError
from data.files import read_records
from data.labelled import labelled_rows, told_left_out
from data.measured import Record


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled texts.

    Attributes:
        texts: The n documents, in file order.
        labels: int32, shape (n,); labels[i] indexes classes.
        classes: The k distinct label names, sorted; at least two.
        groups: int64, shape (n,), or None. Rows of one group belong together: no split parts them.
        rows: int64, shape (n,), rising, or None for 1 to n: the numbers of the rows where they were read, which count those
            that were left out.
        notes: What a person should know of how the rows became these, a sentence each.
    """

    texts: Sequence[str]
    labels: npt.NDArray[np.int32]
    classes: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None
    rows: npt.NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def told(self) -> Iterator[str]:
        """Yields what a person should know of it: its notes, and which names of classes are in doubt."""
        yield from self.notes
        yield from doubts(self.classes, self.labels)

    def row_number(self, row: int) -> int:
        """Returns the number of a row where it was read, counted from 1."""
        return row + 1 if self.rows is None else int(self.rows[row])

    def fingerprint(self) -> str:
        """Returns 32 hexadecimal digits that change with any text, label, class name, group or their order."""
        digest = hashlib.blake2b(digest_size=16)
        for text in (*self.classes, *self.texts):
            digest_text(digest, text)
        digest.update(self.labels.tobytes())
        digest.update(b"" if self.groups is None else self.groups.tobytes())
        return digest.hexdigest()


def digest_text(digest: hashlib.blake2b, text: str) -> None:
    """Takes a text in so that no other texts, run together, come to the same."""
    encoded = text.encode("utf-8", "surrogatepass")
    digest.update(len(encoded).to_bytes(8, "little"))
    digest.update(encoded)


def read_corpus(
    path: str | Path,
    *,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    drop_unlabelled: bool = False,
    drop_empty: bool = False,
) -> Corpus:
    """Reads a corpus from CSV, TSV, JSON lines or Parquet, gzipped or not, in UTF-8.

    Args:
        path: The file; its suffix names its format.
        text, label, group: Names of the columns.
        drop_unlabelled: Leave out rows without a label, instead of refusing them.
        drop_empty: Leave out rows without a text, instead of refusing them.

    Raises:
        InputError: Naming the file, the row and the remedy.
    """
    columns = _columns(text, label, group)
    records = read_records(Path(path), columns)
    return _corpus(records, str(path), columns, drop_unlabelled, drop_empty)


def corpus_from_frame(frame: pd.DataFrame, *, text: str = "text", label: str = "label", group: str | None = None) -> Corpus:
    """Makes a corpus of a DataFrame's columns; arguments and errors as in `read_corpus`."""
    columns = _columns(text, label, group)
    for column in columns:
        if list(frame.columns).count(column) != 1:
            names = [str(name) for name in frame.columns]
            there = f"its columns are {told_names(names)}.{meant(column, names)}"
            raise InputError(f"The frame needs one column {column!r}; {there}")
    values = zip(*(frame[column].tolist() for column in columns), strict=True)
    records = ((f"row {number}", record) for number, record in enumerate(values))
    return _corpus(records, "The frame", columns)


def corpus_from_lists(texts: Sequence[str], labels: Sequence[Any], groups: Sequence[Any] | None = None) -> Corpus:
    """Makes a corpus of texts with their labels and, where given, groups, all of one length."""
    lists: dict[str, Sequence[Any]] = {"text": texts, "label": labels} | ({} if groups is None else {"group": groups})
    if len({len(values) for values in lists.values()}) > 1:
        raise InputError("Not of one length: " + ", ".join(f"{len(v)} {name}s" for name, v in lists.items()) + ".")
    records = ((f"row {number}", record) for number, record in enumerate(zip(*lists.values(), strict=True)))
    return _corpus(records, "The data", list(lists))


def _columns(text: str, label: str, group: str | None) -> list[str]:
    columns = [text, label] if group is None else [text, label, group]
    if len(set(columns)) < len(columns):
        raise InputError(f"Text, label and group must be different columns; got {', '.join(map(repr, columns))}.")
    return columns


def _corpus(
    records: Iterable[Record],
    source: str,
    columns: list[str],
    drop_unlabelled: bool | None = None,
    drop_empty: bool | None = None,
) -> Corpus:
    texts: list[str] = []
    labels, groups, rows = array("i"), array("q"), array("q")
    label_ids: dict[str, int] = {}
    group_ids: dict[str, int] = {}
    left_out: Counter[str] = Counter()
    for row in labelled_rows(records, source, columns, drop_unlabelled, drop_empty, left_out):
        texts.append(row.text)
        rows.append(row.number)
        labels.append(label_ids.setdefault(row.label, len(label_ids)))
        if row.group is not None:
            groups.append(group_ids.setdefault(row.group, len(group_ids)))
    classes = tuple(sorted(label_ids))
    if len(classes) < 2:
        raise InputError(f"{source}: every label in column {columns[1]!r} is {classes[0]!r}; a classifier needs two or more.")
    return Corpus(
        texts=texts,
        labels=_ranks(label_ids, classes)[np.frombuffer(labels, dtype=np.int32)],
        classes=classes,
        groups=np.array(groups, dtype=np.int64) if len(columns) == 3 else None,
        rows=np.frombuffer(rows, dtype=np.int64),
        notes=tuple(told_left_out(left_out)),
    )


def _ranks(label_ids: dict[str, int], classes: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """Maps a label's number in order of appearance to its place among the sorted classes."""
    ranks = np.empty(len(classes), dtype=np.int32)
    for rank, name in enumerate(classes):
        ranks[label_ids[name]] = rank
    return ranks
