"""The parts of words: runs of characters, hashed, by which rare words share what is learned of common ones, new ones too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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
WORDS = 2**19
"""Words of a corpus that have parts, at most, the commonest first: 32 MiB; those beyond are unknown."""

Buckets = npt.NDArray[np.int32]


def word_parts(vocabulary: Vocabulary, unseen: Sequence[str] = (), first: int = FIRST) -> Buckets:
    """Returns the buckets of each token's parts (Bojanowski et al., TACL 2017): runs of 3 to 6 characters of "<token>".

    Args:
        vocabulary: Of the training texts; tokens that occurred once have parts as well.
        unseen: Tokens of other texts, whose ids stand behind it (`Vocabulary.unseen`).
        first: The first id whose parts are asked for.

    Returns:
        int32 (ids, `MOST`), each in [0, `BUCKETS`), once a token, `NONE` where there are fewer; none for padding, for a text
        without tokens, and below `first`. `WORDS` rows at most.
    """
    tokens = (*vocabulary.tokens, *unseen)[: WORDS - FIRST]
    buckets = np.full((FIRST + len(tokens), MOST), NONE, dtype=np.int32)
    for place, token in enumerate(tokens[first - FIRST :], start=first):
        parts = _buckets(token)
        buckets[place, : len(parts)] = parts
    return buckets


@lru_cache(maxsize=2**16)
def _buckets(token: str) -> tuple[int, ...]:
    marked = f"<{token}>"
    runs = {
        marked[start : start + length] for length in range(SHORTEST, LONGEST + 1) for start in range(len(marked) - length + 1)
    }
    hashes = sorted(crc32(run.encode("utf-8", "surrogatepass")) for run in runs)
    return tuple(dict.fromkeys(number % BUCKETS for number in hashes))[:MOST]
