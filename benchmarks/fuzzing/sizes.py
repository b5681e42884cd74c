"""Inputs that are large or have but one of something: few, fixed, the same each time."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzzing.readers import Case

from data.corpus import read_corpus
from data.dataset import encode_corpus
from data.errors import InputError
from data.split import split_corpus


def rows_of(kind: str) -> Iterator[tuple[str, str]]:
    """Yields texts and labels."""
    match kind:
        case "a text of 50 MB in one line":
            yield from ((f"text {row} " + ("word " * 10_000_000 if row == 3 else ""), "ab"[row % 2]) for row in range(20))
        case "a word of 50 MB":
            yield from ((f"text {row} " + ("x" * 50_000_000 if row == 3 else ""), "ab"[row % 2]) for row in range(20))
        case "a million rows of one word":
            yield from (("word", "ab"[row % 2]) for row in range(10**6))
        case "10,000 classes":
            yield from ((f"text {row}", f"class {row % 10_000}") for row in range(30_000))
        case "10,000 classes of one row":
            yield from ((f"text {row}", f"class {row}") for row in range(10_000))
        case "a million words that occur once":
            yield from ((" ".join(f"w{row}x{word}" for word in range(100)), "ab"[row % 2]) for row in range(10_000))
        case "one class":
            yield from ((f"text {row}", "a") for row in range(100_000))
        case "texts of marks alone":
            yield from (("\u0301" * (row + 1), "ab"[row % 2]) for row in range(1000))


LONGEST_ERROR = 1000
LARGE = (
    *(
        "a text of 50 MB in one line",
        "a word of 50 MB",
        "a million rows of one word",
        "10,000 classes",
        "10,000 classes of one row",
    ),
    *("a million words that occur once", "one class", "texts of marks alone"),
)


def read_large(kind: str) -> Callable[[random.Random, Path], None]:
    """Reads, splits and encodes a CSV file."""

    def case(_: random.Random, folder: Path) -> None:
        path = folder / "rows.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("text,label\n")
            file.writelines(f"{text},{label}\n" for text, label in rows_of(kind))
        corpus = read_corpus(path)
        try:
            split = split_corpus(corpus)
        except InputError as error:
            if len(str(error)) > LONGEST_ERROR:
                raise AssertionError(f"an error of {len(str(error))} characters") from None
            raise
        dataset, _vocabulary = encode_corpus(corpus, split, 400)
        assert len(dataset.tokens) == len(corpus)

    return case


def large_readers() -> dict[str, Case]:
    """Returns the cases by their names."""
    return {kind: read_large(kind) for kind in LARGE}
