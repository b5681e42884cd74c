"""Labelled rows: what of records may be used, and the names of their labels and groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.errors import InputError
from data.measured import Record
from data.tokenizer import in_form


class Labelled(NamedTuple):
    """A row that may be used.

    Attributes:
        number: Counted from 1, those that are left out counted.
        text: With something other than white space in it.
        label: Its name, not empty.
        group: The name of its group, not empty; None where no groups are asked for.
    """

    number: int
    text: str
    label: str
    group: str | None


def labelled_rows(
    records: Iterable[Record],
    source: str,
    columns: Sequence[str],
    drop_unlabelled: bool | None = None,
    drop_empty: bool | None = None,
    left_out: Counter[str] | None = None,
) -> Iterator[Labelled]:
    """Yields the rows that may be used.

    Args:
        records: A text, a label and perhaps a group each, with where they stand.
        source: What they are read from, as errors name it.
        columns: Their names there.
        drop_unlabelled, drop_empty: Leave out rows without a label, without a text, instead of refusing them; None where
            nobody can be told to ask for that.
        left_out: Takes how many were, by what they lacked.

    Raises:
        InputError: Naming the source, the row and the remedy; or if there are no rows.
    """
    number = used = 0
    for number, (place, (text, label, *group)) in enumerate(records, start=1):
        _check_single(source, place, label, *group)
        name, no_text = name_of(label), _is_empty(text)
        if (not name and drop_unlabelled) or (no_text and drop_empty):
            if left_out is not None:
                left_out["without a label" if not name and drop_unlabelled else "without a text"] += 1
            continue
        if not name:
            remedy = "" if drop_unlabelled is None else ", or pass --drop-unlabelled"
            raise InputError(f"{source}, {place}: the label is empty. Remove the row{remedy}.")
        if no_text:
            remedy = "" if drop_empty is None else ", or pass --drop-empty"
            raise InputError(f"{source}, {place}: the text is empty. Remove the row{remedy}.")
        if not isinstance(text, str):
            got = f"{type(text).__name__} {str(text)[:40]!r}"
            raise InputError(f"{source}, {place}: column {columns[0]!r} holds {got}; a text is needed.")
        _check_whole(source, place, text, name)
        group_name = name_of(group[0]) if group else None
        if group_name == "":
            raise InputError(f"{source}, {place}: the group is empty. Give the row a group of its own, or remove it.")
        used += 1
        yield Labelled(number, text, name, group_name)
    if not used:
        raise InputError(
            f"{source}: none of its {number} rows has both a text and a label." if number else f"{source} has no rows."
        )


def told_left_out(left_out: Mapping[str, int]) -> Iterator[str]:
    """Yields a sentence on how many rows were left out, by what they lacked, where some were."""
    if left_out:
        yield "Rows left out: " + ", ".join(f"{count:,} {what}" for what, count in left_out.items())


def name_of(value: Any) -> str:
    """Returns a label or group as a name without outer white space, in Unicode's composed form; empty where it is missing.

    A whole number is named alike as an integer and as a float: a column of them is of floats where one is missing.
    """
    if isinstance(value, str):
        return in_form("NFC", value.strip())
    if is_missing(value):
        return ""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value).strip()


def is_missing(value: Any) -> bool:
    """Tells whether a value says that there is none: None, NaN, or what pandas has for them."""
    return not isinstance(value, Collection) and bool(pd.isna(value))


def _check_single(source: str, place: str, *names: Any) -> None:
    """Refuses a label, and a group behind it, that is several values, or bytes, of which nobody knows what text they are."""
    for what, value in zip(("label", "group"), names, strict=False):
        if isinstance(value, Collection) and not isinstance(value, str):
            got = f"{type(value).__name__} {str(value)[:40]!r}"
            raise InputError(f"{source}, {place}: the {what} is {got}; a text or a number is needed.")


def _check_whole(source: str, place: str, text: str, name: str) -> None:
    """Refuses lone surrogates: JSON can escape them, but no file of UTF-8 can hold them, a classifier's neither."""
    for what, value in (("text", text), ("label", name)):
        if half := lone_surrogate(value):
            raise InputError(
                f"{source}, {place}: the {what} holds {half}, half of a character, "
                "as texts do that were cut in the middle of an emoji. Remove it."
            )


def lone_surrogate(value: str) -> str | None:
    """Returns the first half of a character that stands alone, as JSON escapes it; None where there is none."""
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(value[error.start]):04x}"
    return None


def is_text(value: Any) -> bool:
    """Tells whether a value is a text with something other than white space in it."""
    return isinstance(value, str) and not _is_empty(value)


def _is_empty(value: Any) -> bool:
    return not value or value.isspace() if isinstance(value, str) else is_missing(value)
