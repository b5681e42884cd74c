"""The parts of words: runs of characters, hashed, by which rare words share what is learned of common ones, new ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt

from data.tokens import FIRST

SHORTEST, LONGEST = 3, 6
"""Characters of a part, the marks at a word's ends counted."""
BUCKETS = 20_000
"""What parts are hashed to; those that fall together share a vector."""
MOST = 16
"""Parts of a word that count; of longer words those whose hashes come first, so that like words keep like parts."""
LOOKED_AT = 64
"""Characters of a word that are looked at: marks above a character may be any number."""
NONE = -1

Buckets = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NamedParts:
    """The parts of words that are looked up when they are met.

    Attributes:
        words: By their ids, counted from `first`.
        first: The id of the first of them.
    """

    words: Sequence[str]
    first: int

    def __len__(self) -> int:
        return self.first + len(self.words)

    def __getitem__(self, ids: npt.NDArray[np.int32]) -> Buckets:
        return _table([self.words[number - self.first] for number in ids.tolist()], _cached)


Parts = Buckets | NamedParts
"""The buckets of words by their ids: int32 (ids, `MOST`), `NONE` where a word has fewer parts."""


def word_parts(words: Sequence[str]) -> Buckets:
    """Returns the buckets of each word's parts (Bojanowski et al., TACL 2017): runs of 3 to 6 characters of "<word>".

    Args:
        words: The token of id i + 2 is the i-th of them: those of a vocabulary, and behind them those of other texts
            (`Vocabulary.unseen`).

    Returns:
        int32 (len(words) + 2, `MOST`), each in [0, `BUCKETS`), once a word, `NONE` where there are fewer; none for padding and
        for a text without tokens.
    """
    return _table([""] * FIRST + [*words], _buckets)  # nothing between the marks has no run


def _table(words: Sequence[str], buckets: Callable[[str], Sequence[int]]) -> Buckets:
    table = np.full((len(words), MOST), NONE, dtype=np.int32)
    for row, word in zip(table, words, strict=True):
        parts = buckets(word[:LOOKED_AT])
        row[: len(parts)] = parts
    return table


def _buckets(word: str) -> tuple[int, ...]:
    marked = f"<{word}>"
    runs = {
        marked[start : start + length] for length in range(SHORTEST, LONGEST + 1) for start in range(len(marked) - length + 1)
    }
    hashes = sorted(crc32(run.encode("utf-8", "surrogatepass")) for run in runs)
    return tuple(dict.fromkeys(number % BUCKETS for number in hashes))[:MOST]


_cached = lru_cache(maxsize=2**14)(_buckets)
"""Texts that a classifier is asked about have new words in common."""
