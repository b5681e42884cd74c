"""What search.json keeps of a corpus's classes, so that what has changed since can be told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from data.corpus import Corpus, digest_text

CLASS_RECORDS = "class_records"
"""Where search.json keeps it."""
TOLD = 3
"""Classes that a difference names, at most."""

ClassRecords = Mapping[str, tuple[int, str]]
"""Of each class, by its name: how many rows, and a digest of their texts in their order."""


def describe_classes(corpus: Corpus) -> dict[str, tuple[int, str]]:
    """Returns what is kept of a corpus's classes."""
    digests = [hashlib.blake2b(digest_size=8) for _ in corpus.classes]
    for text, label in zip(corpus.texts, corpus.labels.tolist(), strict=True):
        digest_text(digests[label], text)
    rows = np.bincount(corpus.labels, minlength=len(corpus.classes)).tolist()
    return {name: (count, digest.hexdigest()) for name, count, digest in zip(corpus.classes, rows, digests, strict=True)}


def difference(then: ClassRecords, now: ClassRecords) -> str:
    """Says how the classes of one corpus differ from those of another; if they don't, what else there is to differ."""
    changes = list(_changes(then, now)) or ["the same texts of each class, in another order or other groups"]
    more = f"; and {len(changes) - TOLD} more" if len(changes) > TOLD else ""
    return "; ".join(changes[:TOLD]) + more


def _changes(then: ClassRecords, now: ClassRecords) -> Iterator[str]:
    for name in dict.fromkeys([*then, *now]):
        if name not in then:
            yield f"class {name!r} is new, of {now[name][0]} rows"
        elif name not in now:
            yield f"class {name!r} is gone, of {then[name][0]} rows"
        elif then[name][0] != now[name][0]:
            yield f"class {name!r} had {then[name][0]} rows and has {now[name][0]}"
        elif tuple(then[name]) != tuple(now[name]):
            yield f"class {name!r} has other texts, or in another order"
