"""The network as the training engine computes it: the function of `model.network.build`, lean and with seeded dropout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from model.kernel import lstm, masked_lstm
from model.shape import Shape

MOMENTUM = 0.99
"""What of batch norm's moving statistics stays at each step: Keras's default."""

NORM_EPSILON = 1e-3
"""Added to a variance before its root is taken: Keras's default."""
NOTHING = -1e9
"""What stands in the place of padding where a maximum is taken, or a softmax: below all that a network computes."""


class Dropout(NamedTuple):
    """Rates, float32 scalars in [0, 1), and the seed, int64 (2,), of one training step's dropout."""

    embedding: tf.Tensor
    lstm: tf.Tensor
    output: tf.Tensor
    recurrent: tf.Tensor
    weight: tf.Tensor
    dense: tf.Tensor
    seed: tf.Tensor


def forward(shape: Shape, weights: list[tf.Tensor], tokens: tf.Tensor, dropout: Dropout | None = None) -> tf.Tensor:
    """Computes logits: the first of what `forward_with_statistics` returns."""
    return forward_with_statistics(shape, weights, tokens, dropout)[0]


def forward_with_statistics(
    shape: Shape, weights: list[tf.Tensor], tokens: tf.Tensor, dropout: Dropout | None = None
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Computes logits, and what becomes of batch norm's moving statistics.

    Args:
        shape: The network's shape.
        weights: As `Shape.weights` lists them.
        tokens: int32 (batch, time), `PAD` = 0 to the right of each text, at least one real token a text.
        dropout: None to infer.

    Returns:
        Logits, float32 (batch, classes); and in training, for each batch norm, its new moving mean and variance, float32
        (units,) each.
    """
    rest, statistics = iter(weights), list[tf.Tensor]()
    by_time = tf.transpose(tokens)
    lengths = tf.reduce_sum(tf.cast(tf.not_equal(tokens, 0), tf.int32), axis=1)
    x = tf.cast(tf.gather(next(rest), by_time), shape.precision)  # (time, batch, embedding)
    if dropout and shape.embedding_dropout:
        x = _drop(x, dropout.embedding, tf.stack([*tf.unstack(tf.shape(by_time)), 1]), dropout.seed, 0)
    x = _read(shape, rest, x, lengths, dropout)
    if dropout and shape.output_dropout:
        x = _drop_alike(x, dropout.output, dropout.seed, 300)
    x = _pool(shape, tf.cast(x, tf.float32), lengths, rest)
    for layer in range(len(shape.dense_sizes) + 1):
        if dropout and shape.dense_dropout:
            x = _drop(x, dropout.dense, tf.shape(x), dropout.seed, 100 + layer)
        x = tf.matmul(x, next(rest)) + next(rest)
        if layer < len(shape.dense_sizes):
            x = tf.nn.relu(x) if shape.dense_activation == "relu" else tf.sigmoid(x)
            if shape.batch_norm:
                x, *moved = _normalise_batch(x, *(next(rest) for _ in range(4)), training=dropout is not None)
                statistics += moved
    return x, statistics


def _read(shape: Shape, rest: Iterator[tf.Tensor], x: tf.Tensor, lengths: tf.Tensor, dropout: Dropout | None) -> tf.Tensor:
    """Runs the LSTM layers: (time, batch, inputs) to (time, batch, units), for 'last' the backwards half in its own order."""
    for layer in range(shape.lstm_layers):
        if dropout and shape.lstm_dropout:
            x = _drop_alike(x, dropout.lstm, dropout.seed, 1 + layer)
        ends = [_run(shape, x, _next_lstm(shape, rest, x.dtype, dropout, 2 * layer), dropout, 2 * layer)]
        if shape.bidirectional:
            backwards = tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)
            weights = _next_lstm(shape, rest, x.dtype, dropout, 2 * layer + 1)
            ends.append(_run(shape, backwards, weights, dropout, 2 * layer + 1))
        if layer < shape.lstm_layers - 1 or shape.pooling != "last":
            ends[1:] = [tf.reverse_sequence(end, lengths, seq_axis=0, batch_axis=1) for end in ends[1:]]
        x = tf.concat(ends, axis=2) if shape.bidirectional else ends[0]
        if shape.layer_norm:
            x = _normalise(x, next(rest), next(rest))
    return x


def _next_lstm(
    shape: Shape, weights: Iterator[tf.Tensor], dtype: tf.DType, dropout: Dropout | None, place: int
) -> list[tf.Tensor]:
    """Takes an LSTM's kernel, recurrent kernel and bias from the weights, in the type that is computed in."""
    kernel, recurrent, bias = (tf.cast(next(weights), dtype) for _ in range(3))
    if dropout and shape.weight_dropout:
        recurrent = _drop(recurrent, dropout.weight, tf.shape(recurrent), dropout.seed, 200 + place)
    return [kernel, recurrent, bias]


def _run(shape: Shape, x: tf.Tensor, weights: list[tf.Tensor], dropout: Dropout | None, place: int) -> tf.Tensor:
    """Runs an LSTM layer in one direction."""
    if not (dropout and shape.recurrent_dropout):
        return lstm(x, *weights)
    kernel, recurrent, bias = weights
    ones = tf.ones((4, tf.shape(x)[1], shape.lstm_size), x.dtype)
    masks = _drop(ones, dropout.recurrent, tf.shape(ones), dropout.seed, 400 + place)
    return masked_lstm(x, kernel, recurrent, bias, masks)


def _normalise(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Normalises (..., units) over its units, as Keras's LayerNormalization does; in float32, whatever x is."""
    full = tf.cast(x, tf.float32)
    mean, variance = tf.nn.moments(full, axes=[-1], keepdims=True)
    return tf.cast((full - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * scale + bias, x.dtype)


def _normalise_batch(
    x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor, *, training: bool
) -> tuple[tf.Tensor, ...]:
    """Normalises (batch, units) as Keras's BatchNormalization does: in training over the batch, and the new moving mean and
    variance follow; else by those.
    """
    if not training:
        return (tf.nn.batch_normalization(x, mean, variance, bias, scale, NORM_EPSILON),)
    moments = tf.nn.moments(x, axes=[0])
    moved = [old * MOMENTUM + new * (1 - MOMENTUM) for old, new in zip((mean, variance), moments, strict=True)]
    return tf.nn.batch_normalization(x, *moments, bias, scale, NORM_EPSILON), *moved


def _pool(shape: Shape, x: tf.Tensor, lengths: tf.Tensor, weights: Iterator[tf.Tensor]) -> tf.Tensor:
    """Reads (time, batch, units) out over real tokens: (batch, units)."""
    if shape.pooling == "last":
        return tf.gather_nd(x, tf.stack([lengths - 1, tf.range(tf.size(lengths))], axis=1))
    real = tf.transpose(tf.sequence_mask(lengths, tf.shape(x)[0]))[:, :, None]
    if shape.pooling == "max":
        return tf.reduce_max(tf.where(real, x, NOTHING), axis=0)
    if shape.pooling == "attention":
        scores = tf.tensordot(x, next(weights), 1)
        return tf.reduce_sum(x * tf.nn.softmax(tf.where(real, scores, NOTHING), axis=0), axis=0)
    total = tf.reduce_sum(tf.where(real, x, 0.0), axis=0)
    return total / tf.cast(lengths, tf.float32)[:, None]


def _drop_alike(x: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor, salt: int) -> tf.Tensor:
    """Drops parts of (time, batch, units), the same at each step of a text (Gal & Ghahramani, 2016)."""
    return _drop(x, rate, tf.stack([1, tf.shape(x)[1], x.shape[2]]), seed, salt)


def _drop(x: tf.Tensor, rate: tf.Tensor, noise_shape: tf.Tensor, seed: tf.Tensor, salt: int) -> tf.Tensor:
    noise = tf.random.stateless_uniform(noise_shape, seed + tf.constant([salt, 0], tf.int64))
    return x * tf.cast(tf.cast(noise >= rate, tf.float32) / (1 - rate), x.dtype)
