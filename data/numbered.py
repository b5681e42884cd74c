"""Texts as numbers of what they consist of, before anything is known of a vocabulary."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from data.tokenizer import split_pieces, tokenize
from data.tokens import FIRST, UNKNOWN, Tokens


@dataclass(frozen=True, slots=True)
class NumberedTexts:
    """Texts tokenised once, for all that is computed from their tokens.

    Attributes:
        names: The distinct tokens by their numbers, in the order in which they appear; the first two are empty.
        tokens: Each text's tokens as numbers, from `FIRST` up; a text without any token holds one `UNKNOWN`.
        texts: As they were given.
        limit: Tokens of each that were looked at, at most.
    """

    names: tuple[str, ...]
    tokens: Tokens
    texts: Sequence[str]
    limit: int

    def pieces(self) -> NumberedTexts:
        """Returns the same with what stands between white space in place of the tokens, at most as many of each text."""
        return _number(self.texts, self.limit, split_pieces)


def number_texts(texts: Sequence[str], limit: int) -> NumberedTexts:
    """Tokenises texts, at most `limit` tokens of each."""
    return _number(texts, limit, tokenize)


def _number(texts: Sequence[str], limit: int, split: Callable[[str, int], list[str]]) -> NumberedTexts:
    numbers: defaultdict[str, int] = defaultdict(count(FIRST).__next__)
    flat, offsets = array("i"), array("q", [0])
    for text in texts:
        flat.extend(list(map(numbers.__getitem__, split(text, limit))) or [UNKNOWN])
        offsets.append(len(flat))
    tokens = Tokens(np.frombuffer(flat, dtype=np.int32), np.frombuffer(offsets, dtype=np.int64))
    return NumberedTexts(("",) * FIRST + tuple(numbers), tokens, texts, limit)
