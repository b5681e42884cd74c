"""The tokens that stood in the training texts, by frequency."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from data.tokenizer import tokenize
from data.tokens import FIRST, UNKNOWN, Ints, Tokens

CHUNK = 65_536
"""Rows or tokens handled at a time where a temporary copy of all would be large."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens by falling frequency in the training texts, equally frequent ones in the order of their code points.

    The id of tokens[i] is i + 2, so a smaller vocabulary is a view of a larger one: ids beyond it become `UNKNOWN`.

    Attributes:
        tokens: The distinct tokens.
        counts: int64, shape (len(tokens),): how often each stood in the training texts.
    """

    tokens: tuple[str, ...]
    counts: Ints

    @property
    def size(self) -> int:
        """One more than the largest id of a token that occurred at least twice.

        What occurred once is to a network the same as what it never saw; so that it learns what to make of unknown
        tokens, networks treat those as `UNKNOWN`.
        """
        return FIRST + int(np.count_nonzero(self.counts >= 2))

    def head(self, size: int) -> Vocabulary:
        """Returns the vocabulary of the ids below `size`."""
        return Vocabulary(self.tokens[: size - FIRST], self.counts[: size - FIRST])

    def encode(self, texts: Sequence[str], limit: int) -> Tokens:
        """Encodes texts, at most `limit` tokens of each; a text without any token becomes one `UNKNOWN`."""
        ids = {token: number for number, token in enumerate(self.tokens, start=FIRST)}
        return _ragged(([ids.get(token, UNKNOWN) for token in tokenize(text, limit)] or [UNKNOWN]) for text in texts)


def fit_vocabulary(texts: Sequence[str], train: Ints, limit: int) -> tuple[Vocabulary, Tokens]:
    """Fits a vocabulary on the training rows alone and encodes all texts with it, in one pass over them.

    Args:
        texts: All texts of a corpus.
        train: int64: the rows to fit on.
        limit: How many tokens of a text are looked at, at most.

    Returns:
        The vocabulary, and each text's tokens.
    """
    numbers: defaultdict[str, int] = defaultdict(count(FIRST).__next__)  # a token's number: its order of appearance
    seen = _ragged(list(map(numbers.__getitem__, tokenize(text, limit))) or [UNKNOWN] for text in texts)
    counts = _train_counts(seen, train, FIRST + len(numbers))
    names = ["", "", *numbers]
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-counts[number], names[number]))
    ids = np.full(len(names), UNKNOWN, dtype=np.int32)
    ids[ranked] = np.arange(FIRST, FIRST + len(ranked), dtype=np.int32)
    for flat in np.split(seen.flat, range(CHUNK, len(seen.flat), CHUNK)):
        flat[:] = ids[flat]
    return Vocabulary(tuple(names[number] for number in ranked), counts[ranked]), seen


def _ragged(encoded: Iterable[Sequence[int]]) -> Tokens:
    flat, offsets = array("i"), array("q", [0])
    for ids in encoded:
        flat.extend(ids)
        offsets.append(len(flat))
    return Tokens(np.frombuffer(flat, dtype=np.int32), np.frombuffer(offsets, dtype=np.int64))


def _train_counts(tokens: Tokens, train: Ints, size: int) -> Ints:
    """Counts each number in the training rows: int64, shape (size,); none for `UNKNOWN`."""
    is_train = np.zeros(len(tokens), dtype=bool)
    is_train[train] = True
    counts = np.zeros(size, dtype=np.int64)
    for first in range(0, len(tokens), CHUNK):
        offsets = tokens.offsets[first : first + CHUNK + 1]
        kept = np.repeat(is_train[first : first + CHUNK], np.diff(offsets))
        counts += np.bincount(tokens.flat[offsets[0] : offsets[-1]][kept], minlength=size)
    counts[:FIRST] = 0
    return counts
