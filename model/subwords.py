"""A word's vector as the mean of its own and of its parts' (Bojanowski et al., TACL 2017); one table holds both.

The table's first rows are those of the vocabulary, the others those of the buckets that parts are hashed to (`data.subwords`).
A word that has no row of its own, because it is rare, or new, is the mean of its parts. Parts depend on the word alone, so that
after training the mean of each word of the vocabulary can be taken once, and takes the place of its row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.subwords import MOST, Buckets

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
CHUNK = 4_096
"""Words whose means are taken at a time."""

COLUMNS = 1 + MOST
"""Rows of the table that a word is the mean of, at most: its own, and those of its parts."""


def table_rows(parts: Buckets, size: int) -> Ids:
    """Returns the rows of the table that each word is the mean of.

    Args:
        parts: int32 (ids, MOST): buckets of words, below 0 where there is none (`data.subwords.word_parts`).
        size: Of the network's vocabulary: words whose ids are below it have rows of their own.

    Returns:
        int32 (ids, COLUMNS): the word's own row, then those of its parts; 0, the row of padding, where there is none.
    """
    ids = np.arange(len(parts), dtype=np.int32)
    return np.column_stack([np.where(ids < size, ids, 0), np.where(parts < 0, 0, parts + size)]).astype(np.int32)


def batch_rows(ids: Ids, parts: Buckets | None, size: int) -> tuple[Ids, Ids]:
    """Finds a batch's distinct words, for a network whose vocabulary's means were taken (`with_means`).

    Args:
        ids: int32 (batch, time), `PAD` = 0, below len(parts), or below size if there are none.
        parts: int32 (ids, MOST), those of the vocabulary of any kind; or None.
        size: Of the network's vocabulary.

    Returns:
        The rows of the table that each is the mean of, int32 (distinct, COLUMNS), that of padding first; and the ids as places
        among them, int32 (batch, time).
    """
    distinct, places = np.unique(np.append(ids.ravel(), 0), return_inverse=True)
    rows = np.zeros((len(distinct), COLUMNS), np.int32)
    new = distinct >= size
    rows[~new, 0] = distinct[~new]
    if parts is not None:
        buckets = parts[distinct[new]]
        rows[new, 1:] = np.where(buckets < 0, 0, buckets + size)
    return rows, places[:-1].reshape(ids.shape).astype(np.int32)


def batch_table(table: tf.Tensor, rows: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Composes the vectors of a batch's distinct words.

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        rows: int32 (ids, COLUMNS), by `table_rows`.
        tokens: int32 (batch, time), `PAD` = 0.

    Returns:
        A table of those words, float32 (distinct + 1, length), the first row zeros for padding; and the tokens as its rows.
    """
    distinct, places = tf.unique(tf.reshape(tokens, [-1]))
    composed = tf.concat([tf.zeros((1, table.shape[1]), table.dtype), means(table, tf.gather(rows, distinct))], axis=0)
    return composed, tf.where(tokens == 0, 0, tf.reshape(places, tf.shape(tokens)) + 1)


def means(table: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the rows that each word has, of 0 those that have none: float32 (words, length).

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        rows: int32 (words, COLUMNS), 0 where there is none.
    """
    known = tf.cast(rows > 0, table.dtype)[:, :, None]
    return tf.reduce_sum(tf.gather(table, rows) * known, axis=1) / tf.maximum(tf.reduce_sum(known, axis=1), 1.0)


def with_means(table: Floats, rows: Ids, size: int) -> Floats:
    """Returns the table with each word's mean in the place of its row; padding's as it is, and those of parts.

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        rows: int32 (ids, COLUMNS), by `table_rows`.
        size: Of the vocabulary.
    """
    vectors = table.copy()
    for first in range(0, size, CHUNK):
        words = slice(first, min(first + CHUNK, size))
        known = (rows[words] > 0)[:, :, None]
        vectors[words] = (table[rows[words]] * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    vectors[0] = table[0]
    return vectors


def no_parts(size: int) -> Ids:
    """Returns the rows of words that have no parts, as a network begins with."""
    return table_rows(np.full((size, MOST), -1, dtype=np.int32), size)
