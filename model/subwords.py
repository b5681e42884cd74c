"""A word's vector as the mean of its own and of its parts' (Bojanowski et al., TACL 2017); one table holds both.

The table's first rows are those of the vocabulary, the others those of the buckets that parts are hashed to (`data.subwords`).
Parts depend on the word alone, so that after training each word's mean can be taken once: what is saved is a network with an
embedding like any other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.subwords import MOST, Buckets

Floats = npt.NDArray[np.float32]
CHUNK = 4_096
"""Words whose means are taken at a time."""

COLUMNS = 1 + MOST
"""Rows of the table that a word is the mean of, at most: its own, and those of its parts."""


def table_rows(parts: Buckets, size: int) -> npt.NDArray[np.int32]:
    """Returns the rows of the table that each word is the mean of.

    Args:
        parts: int32 (size or more, MOST): buckets of words, below 0 where there is none (`data.subwords.word_parts`).
        size: Of the network's vocabulary.

    Returns:
        int32 (size, COLUMNS): the word's own row, then those of its parts; 0, the row of padding, where there is none.
    """
    known = parts[:size]
    return np.column_stack([np.arange(size, dtype=np.int32), np.where(known < 0, 0, known + size)]).astype(np.int32)


def batch_table(table: tf.Tensor, rows: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Composes the vectors of a batch's distinct words.

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        rows: int32 (vocabulary, COLUMNS), by `table_rows`.
        tokens: int32 (batch, time), `PAD` = 0.

    Returns:
        A table of those words, float32 (distinct + 1, length), the first row zeros for padding; and the tokens as its rows.
    """
    distinct, places = tf.unique(tf.reshape(tokens, [-1]))
    parts = tf.gather(rows, distinct)
    known = tf.cast(parts > 0, table.dtype)[:, :, None]
    means = tf.reduce_sum(tf.gather(table, parts) * known, axis=1) / tf.maximum(tf.reduce_sum(known, axis=1), 1.0)
    composed = tf.concat([tf.zeros((1, table.shape[1]), table.dtype), means], axis=0)
    return composed, tf.where(tokens == 0, 0, tf.reshape(places, tf.shape(tokens)) + 1)


def word_vectors(table: Floats, rows: npt.NDArray[np.int32]) -> Floats:
    """Returns each word's vector, float32 (vocabulary, length): the means that `batch_table` takes; padding's as it is."""
    vectors = table[: len(rows)].copy()
    for first in range(0, len(rows), CHUNK):
        parts = rows[first : first + CHUNK]
        known = (parts > 0)[:, :, None]
        count = np.maximum(known.sum(axis=1), 1)
        vectors[first : first + CHUNK] = (table[parts] * known).sum(axis=1) / count
    vectors[0] = table[0]
    return vectors


def no_parts(size: int) -> npt.NDArray[np.int32]:
    """Returns the rows of words that have no parts, as a network begins with."""
    return table_rows(np.full((size, MOST), -1, dtype=np.int32), size)
