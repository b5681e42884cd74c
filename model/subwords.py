"""A word's vector as the mean of its own and of its parts' (Bojanowski et al., TACL 2017); one table holds both.

The table's first rows are those of the vocabulary, the others those of the buckets that parts are hashed to (`data.subwords`).
A word that has no row of its own, because it is rare, or new, is the mean of its parts. Parts depend on the word alone, so that
after training the mean of each word of the vocabulary can be taken once, and takes the place of its row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.subwords import MOST, Parts
from data.tokens import FIRST

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]
CHUNK = 4_096
"""Words whose means are taken at a time."""

COLUMNS = 1 + MOST
"""Rows of the table that a word is the mean of, at most: its own, and those of its parts."""


def batch_rows(ids: Ids, parts: Parts, size: int, *, composed: bool) -> tuple[Ids, Ids]:
    """Finds a batch's distinct words, and the rows of the embedding that each is the mean of.

    Args:
        ids: int32 (batch, time), `PAD` = 0, below len(parts).
        parts: Buckets of the words by their ids (`data.subwords`).
        size: Of the network's vocabulary: words whose ids are below it have rows of their own.
        composed: Whether those rows are means already (`with_means`).

    Returns:
        The ids as places among the distinct words, int32 (batch, time), padding 0. And their rows, int32 (distinct, COLUMNS):
        a word's own, then those of its parts; 0 where there is none.
    """
    distinct, places = np.unique(np.append(ids.ravel(), np.int32(0)), return_inverse=True)
    return places[:-1].reshape(ids.shape).astype(np.int32), _rows(distinct, parts, size, composed=composed)


def means(table: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the rows that each word has, of 0 those that have none: float32 (words, length).

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        rows: int32 (words, COLUMNS), 0 where there is none.
    """
    known = tf.cast(rows > 0, table.dtype)
    own = tf.gather(table, rows[:, 0]) * known[:, :1]
    of_parts = tf.where(tf.reduce_any(rows[:, 1:] > 0, axis=1))  # where means were taken, few have any
    parts, weights = (tf.gather(every[:, 1:], of_parts[:, 0]) for every in (rows, known))
    summed = tf.tensor_scatter_nd_add(own, of_parts, tf.reduce_sum(tf.gather(table, parts) * weights[:, :, None], axis=1))
    return summed / tf.maximum(tf.reduce_sum(known, axis=1, keepdims=True), 1.0)


def words_of(texts: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Narrows a batch's words to those of some of its texts: as `batch_rows` gives them, of these alone."""
    distinct, places = tf.unique(tf.concat([[0], tf.reshape(texts, [-1])], axis=0))  # in the order in which they appear
    return tf.reshape(places[1:], tf.shape(texts)), tf.gather(rows, distinct)


def with_means(table: Floats, parts: Parts, size: int) -> Floats:
    """Returns the table with each word's mean in the place of its row; padding's as it is, and those of parts.

    Args:
        table: float32 (vocabulary + `BUCKETS`, length).
        parts: Buckets of the words by their ids, of all of the vocabulary.
        size: Of the vocabulary.
    """
    vectors, whole = table.copy(), tf.constant(table)
    for first in range(1, size, CHUNK):
        words = np.arange(first, min(first + CHUNK, size), dtype=np.int32)
        vectors[words] = means(whole, _rows(words, parts, size, composed=False)).numpy()
    return vectors


def _rows(ids: Ids, parts: Parts, size: int, *, composed: bool) -> Ids:
    rows = np.zeros((len(ids), COLUMNS), np.int32)
    own = ids < size
    rows[own, 0] = ids[own]
    of_parts = ~own if composed else ids >= FIRST
    buckets = parts[ids[of_parts]]
    rows[of_parts, 1:] = np.where(buckets < 0, 0, buckets + size)
    return rows
