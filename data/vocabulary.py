"""The tokens that stood in the training texts, by frequency."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from data.numbered import NumberedTexts
from data.tokens import FIRST, UNKNOWN, Ints, Tokens

CHUNK = 65_536
"""Rows or tokens handled at a time where a temporary copy of all would be large."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by falling frequency in the training texts, equally frequent ones in the order of their code points.

    The id of tokens[i] is i + 2, so a smaller vocabulary is a view of a larger one: to a network, ids beyond its own are
    `UNKNOWN`, unless it has vectors for parts of words (`data.subwords`).

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
        tokens, networks treat those as `UNKNOWN`, or as the mean of their parts, where they have vectors for parts.
        """
        return FIRST + int(np.count_nonzero(self.counts >= 2))

    def head(self, size: int) -> Vocabulary:
        """Returns the vocabulary of the ids below `size`."""
        return Vocabulary(self.tokens[: size - FIRST], self.counts[: size - FIRST])

    def to_json(self) -> str:
        """Returns the vocabulary as a classifier's folder holds it."""
        return json.dumps({"tokens": self.tokens, "counts": self.counts.tolist()}, ensure_ascii=False)

    @classmethod
    def of_json(cls, document: Any) -> Vocabulary:
        """Returns the vocabulary that `to_json` wrote, parsed.

        Raises:
            KeyError, TypeError, ValueError: If it is none.
        """
        tokens, counts = tuple(document["tokens"]), np.array(document["counts"], dtype=np.int64)
        if not all(isinstance(token, str) for token in tokens) or len(set(tokens)) < len(tokens):
            raise ValueError("its tokens are no distinct texts")
        if counts.shape != (len(tokens),):
            raise ValueError(f"it has {len(tokens)} tokens and counts of shape {counts.shape}")
        return cls(tokens, counts)

    def encode(self, numbered: NumberedTexts) -> Tokens:
        """Encodes texts; tokens that are not of the vocabulary get ids behind it, in the order of `unseen`."""
        behind = count(FIRST + len(self.tokens))
        of_name = [UNKNOWN] * FIRST + [self._ids.get(name) or next(behind) for name in numbered.names[FIRST:]]
        return Tokens(np.array(of_name, dtype=np.int32)[numbered.tokens.flat], numbered.tokens.offsets)

    def unseen(self, numbered: NumberedTexts) -> tuple[str, ...]:
        """Returns the distinct tokens of texts that are not of the vocabulary, in the order in which they appear."""
        return tuple(name for name in numbered.names[FIRST:] if name not in self._ids)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens, start=FIRST)}


def fit_vocabulary(numbered: NumberedTexts, train: Ints) -> tuple[Vocabulary, Tokens]:
    """Fits a vocabulary on the training rows alone and encodes all texts with it.

    Args:
        numbered: All texts of a corpus. Its numbers are overwritten with ids: a large corpus stands in memory once.
        train: int64: the rows to fit on.

    Returns:
        The vocabulary, and each text's tokens as `Vocabulary.encode` gives them.
    """
    names, tokens = numbered.names, numbered.tokens
    counts = _train_counts(tokens, train, len(names))
    ranked = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-counts[number], names[number]))
    ids = np.full(len(names), UNKNOWN, dtype=np.int32)
    ids[ranked] = np.arange(FIRST, FIRST + len(ranked), dtype=np.int32)
    ids[FIRST:][counts[FIRST:] == 0] = np.arange(FIRST + len(ranked), len(names), dtype=np.int32)
    for flat in np.split(tokens.flat, range(CHUNK, len(tokens.flat), CHUNK)):
        flat[:] = ids[flat]
    return Vocabulary(tuple(names[number] for number in ranked), counts[ranked]), tokens


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
