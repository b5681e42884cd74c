"""Batches of rows of like length, right-padded: the only place that pads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from data.tokens import PAD, UNKNOWN, Ints, Tokens

WINDOW = 128
"""Batches in a window of the shuffled epoch that is sorted by length: .9 of a padded batch is real then, and validation losses
are no higher than with none (benchmarks/windows.py, benchmarks/window_quality.py)."""

EVALUATION_TOKENS = 65_536
"""Padded tokens in an evaluation batch, at most; a single longer text makes a batch of its own."""


def pad(tokens: Tokens, rows: Ints, *, max_length: int, vocabulary_size: int) -> npt.NDArray[np.int32]:
    """Lays the rows' tokens side by side.

    Args:
        tokens: Encoded texts.
        rows: int64, shape (b,).
        max_length: Texts are cut behind this many tokens.
        vocabulary_size: Ids from here up become `UNKNOWN`.

    Returns:
        int32, shape (b, t), t the longest of the rows' cut lengths; `PAD` to the right of each text.
    """
    lengths = np.minimum(tokens.lengths(rows), max_length)
    columns = np.arange(lengths.max(initial=0))
    inside = columns < lengths[:, None]
    at = np.where(inside, tokens.offsets[rows][:, None] + columns, 0)
    ids = tokens.flat[at]
    ids[ids >= vocabulary_size] = UNKNOWN
    ids[~inside] = PAD
    return ids


def shuffled_batches(tokens: Tokens, rows: Ints, batch_size: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Yields the rows of one epoch in batches of like length, every row once.

    The rows are shuffled; windows of `WINDOW` batches are sorted by length, cut into batches, and their batches
    shuffled. Rows of equal length stay in random order. Windows, and so batches, are of equal size but for a row: the rest of
    a division would else be a small batch, of a window's longest texts, each of which weighs more. Lengths are those of whole
    texts, also where readers cut them: drawing those anew in each epoch made LSTMs no better (docs/profile.md).
    """
    shuffled = rng.permutation(rows)
    for window in np.array_split(shuffled, max(1, -(-len(shuffled) // (WINDOW * batch_size)))):
        by_length = window[np.argsort(tokens.lengths(window), kind="stable")]
        batches = np.array_split(by_length, -(-len(by_length) // batch_size))
        for index in rng.permutation(len(batches)):
            yield batches[index]


def sorted_batches(lengths: Ints, max_length: int) -> Iterator[Ints]:
    """Yields the places of texts of these lengths in large batches of like length, every place once, for evaluation.

    Padded, a batch holds at most `EVALUATION_TOKENS` tokens, or one text.
    """
    cut = np.minimum(lengths, max_length)
    order = np.argsort(cut, kind="stable")
    first = 0
    while first < len(order):
        # As lengths rise, n texts from here on take n times the length of the last of them; each has one token or more.
        after = order[first : first + EVALUATION_TOKENS]
        padded = cut[after] * np.arange(1, len(after) + 1)
        fit = max(1, int(np.searchsorted(padded, EVALUATION_TOKENS, side="right")))
        yield order[first : first + fit]
        first += fit
