"""The parts of words: runs of characters, hashed, by which rare words share what is learned of common ones."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt

from data.tokens import FIRST
from data.vocabulary import Vocabulary

SHORTEST, LONGEST = 3, 6
"""Characters of a part, the marks at a word's ends counted."""
BUCKETS = 20_000
"""What parts are hashed to; those that fall together share a vector."""
MOST = 16
"""Parts of a word that count; of longer words those whose hashes come first, so that like words keep like parts."""
NONE = -1

Buckets = npt.NDArray[np.int32]


def word_parts(vocabulary: Vocabulary) -> Buckets:
    """Returns the buckets of each token's parts (Bojanowski et al., TACL 2017): runs of 3 to 6 characters of "<token>".

    Returns:
        int32 (vocabulary.size, `MOST`), each in [0, `BUCKETS`), once a token, `NONE` where there are fewer; none for padding
        and unknown tokens.
    """
    buckets = np.full((vocabulary.size, MOST), NONE, dtype=np.int32)
    for place, token in enumerate(vocabulary.tokens[: vocabulary.size - FIRST], start=FIRST):
        parts = _buckets(token)
        buckets[place, : len(parts)] = parts
    return buckets


def _buckets(token: str) -> list[int]:
    marked = f"<{token}>"
    runs = {
        marked[start : start + length] for length in range(SHORTEST, LONGEST + 1) for start in range(len(marked) - length + 1)
    }
    hashes = sorted(crc32(run.encode()) for run in runs)
    return list(dict.fromkeys(number % BUCKETS for number in hashes))[:MOST]
