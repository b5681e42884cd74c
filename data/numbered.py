"""Texts as numbers of their tokens, before anything is known of a vocabulary."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from data.tokenizer import tokenize
from data.tokens import FIRST, UNKNOWN, Tokens


@dataclass(frozen=True, slots=True)
class NumberedTexts:
    """Texts tokenised once, for all that is computed from their tokens.

    Attributes:
        names: The distinct tokens by their numbers, in the order in which they appear; the first two are empty.
        tokens: Each text's tokens as numbers, from `FIRST` up; a text without any token holds one `UNKNOWN`.
    """

    names: tuple[str, ...]
    tokens: Tokens


def number_texts(texts: Sequence[str], limit: int) -> NumberedTexts:
    """Tokenises texts, at most `limit` tokens of each."""
    numbers: defaultdict[str, int] = defaultdict(count(FIRST).__next__)
    flat, offsets = array("i"), array("q", [0])
    for text in texts:
        flat.extend(list(map(numbers.__getitem__, tokenize(text, limit))) or [UNKNOWN])
        offsets.append(len(flat))
    tokens = Tokens(np.frombuffer(flat, dtype=np.int32), np.frombuffer(offsets, dtype=np.int64))
    return NumberedTexts(("",) * FIRST + tuple(numbers), tokens)
