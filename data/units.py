"""Units: rows that no split may part, because a group or an equal text links them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from data.corpus import Corpus
from data.tokenizer import normalise

LONG_TEXT = 1_000_000
"""Characters from which on a text is folded word by word."""

Ints = npt.NDArray[np.int64]


def number_units(corpus: Corpus) -> Ints:
    """Numbers the rows' units: connected components of rows linked by a group or an equal text."""
    texts = _text_ids(corpus.texts)
    if corpus.groups is None:
        return texts
    groups = np.unique(corpus.groups, return_inverse=True)[1]
    nodes = int(groups.max()) + 1
    size = nodes + int(texts.max()) + 1
    links = coo_array((np.ones(len(groups), dtype=np.int32), (groups, nodes + texts)), shape=(size, size))
    components = connected_components(links, directed=False)[1]
    return np.unique(components[groups], return_inverse=True)[1].astype(np.int64)


def _text_ids(texts: Sequence[str]) -> Ints:
    ids: dict[bytes, int] = {}
    digests = map(_digest, texts)
    return np.fromiter((ids.setdefault(digest, len(ids)) for digest in digests), dtype=np.int64, count=len(texts))


def fold_text(text: str) -> str:
    """Returns the text as equality sees it: as it is read (`data.tokenizer.normalise`), and without regard to white space."""
    return " ".join(normalise(text).split())


def _digest(text: str) -> bytes:
    """Returns 16 bytes that are equal where `fold_text` is; in bounded memory, also for a text of 50 MB."""
    if len(text) < LONG_TEXT:
        return hashlib.blake2b(fold_text(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    digest, first = hashlib.blake2b(digest_size=16), True
    for word in re.finditer(r"\S+", normalise(text)):
        digest.update(
            word.group().encode("utf-8", "surrogatepass") if first else b" " + word.group().encode("utf-8", "surrogatepass")
        )
        first = False
    return digest.digest()
