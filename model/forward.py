"""The network as the training engine computes it: the function of `model.network.build`, lean and with seeded dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from model.hparams import HParams, Pooling, Precision
from model.kernel import lstm

NORM_EPSILON = 1e-3
"""Added to a variance before its root is taken: Keras's default."""
NOTHING = -1e9
"""What stands in the place of padding where a maximum is taken, or a softmax: below all that a network computes."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a compiled step depends on; all else may change from training to training without compiling anew.

    The precision is that of the LSTM layers, which do most of the work; weights, dense layers and loss are float32.
    """

    lstm_layers: int
    lstm_size: int
    bidirectional: bool
    pooling: Pooling
    dense_layers: int
    dense_size: int
    embedding_size: int
    vocabulary_size: int
    classes: int
    embedding_dropout: bool
    lstm_dropout: bool
    dense_dropout: bool
    output_dropout: bool = False
    weight_dropout: bool = False
    layer_norm: bool = False
    ema: bool = False
    precision: Precision = "float32"
    plain_loss: bool = True

    @classmethod
    def of(cls, hparams: HParams, vocabulary_size: int, classes: int, precision: Precision = "float32") -> Shape:
        """Returns the shape of a network for a corpus of so many ids and classes, computed in so many bits."""
        return cls(
            lstm_layers=hparams.lstm_layers,
            lstm_size=hparams.lstm_size,
            bidirectional=hparams.bidirectional,
            pooling=hparams.pooling,
            dense_layers=hparams.dense_layers,
            dense_size=hparams.dense_size if hparams.dense_layers else 0,
            embedding_size=hparams.embedding_size,
            vocabulary_size=min(hparams.vocabulary_size, vocabulary_size),
            classes=classes,
            embedding_dropout=hparams.embedding_dropout > 0,
            lstm_dropout=hparams.lstm_dropout > 0,
            dense_dropout=hparams.dense_dropout > 0,
            output_dropout=hparams.output_dropout > 0,
            weight_dropout=hparams.weight_dropout > 0,
            layer_norm=hparams.layer_norm,
            ema=hparams.ema_momentum > 0,
            precision=precision,
            plain_loss=hparams.plain_loss,
        )

    def weights(self) -> list[tuple[str, tuple[int, ...]]]:
        """Returns the kind and shape of each weight, in Keras's order (see `model.trained.Weights`)."""
        weights: list[tuple[str, tuple[int, ...]]] = [("embedding", (self.vocabulary_size, self.embedding_size))]
        directions = 2 if self.bidirectional else 1
        inputs, units = self.embedding_size, self.lstm_size
        for _ in range(self.lstm_layers):
            one = [("kernel", (inputs, 4 * units)), ("recurrent", (units, 4 * units)), ("lstm_bias", (4 * units,))]
            weights += one * directions
            inputs = units * directions
            if self.layer_norm:
                weights += [("scale", (inputs,)), ("bias", (inputs,))]
        if self.pooling == "attention":
            weights.append(("kernel", (inputs, 1)))
        for size in (*[self.dense_size] * self.dense_layers, self.classes):
            weights += [("kernel", (inputs, size)), ("bias", (size,))]
            inputs = size
        return weights


class Dropout(NamedTuple):
    """Rates, float32 scalars in [0, 1), and the seed, int64 (2,), of one training step's dropout."""

    embedding: tf.Tensor
    lstm: tf.Tensor
    output: tf.Tensor
    weight: tf.Tensor
    dense: tf.Tensor
    seed: tf.Tensor


def forward(shape: Shape, weights: list[tf.Tensor], tokens: tf.Tensor, dropout: Dropout | None = None) -> tf.Tensor:
    """Computes logits.

    Args:
        shape: The network's shape.
        weights: As `Shape.weights` lists them.
        tokens: int32 (batch, time), `PAD` = 0 to the right of each text, at least one real token a text.
        dropout: None to infer.

    Returns:
        float32 (batch, classes).
    """
    rest = iter(weights)
    by_time = tf.transpose(tokens)
    lengths = tf.reduce_sum(tf.cast(tf.not_equal(tokens, 0), tf.int32), axis=1)
    x = tf.cast(tf.gather(next(rest), by_time), shape.precision)  # (time, batch, embedding)
    if dropout and shape.embedding_dropout:
        x = _drop(x, dropout.embedding, tf.stack([*tf.unstack(tf.shape(by_time)), 1]), dropout.seed, 0)
    x = _read(shape, rest, x, lengths, dropout)
    if dropout and shape.output_dropout:
        x = _drop_alike(x, dropout.output, dropout.seed, 300)
    x = _pool(shape, tf.cast(x, tf.float32), lengths, rest)
    for layer in range(shape.dense_layers + 1):
        if dropout and shape.dense_dropout:
            x = _drop(x, dropout.dense, tf.shape(x), dropout.seed, 100 + layer)
        x = tf.matmul(x, next(rest)) + next(rest)
        if layer < shape.dense_layers:
            x = tf.nn.relu(x)
    return x


def _read(shape: Shape, rest: Iterator[tf.Tensor], x: tf.Tensor, lengths: tf.Tensor, dropout: Dropout | None) -> tf.Tensor:
    """Runs the LSTM layers: (time, batch, inputs) to (time, batch, units), for 'last' the backwards half in its own order."""
    for layer in range(shape.lstm_layers):
        if dropout and shape.lstm_dropout:
            x = _drop_alike(x, dropout.lstm, dropout.seed, 1 + layer)
        ends = [lstm(x, *_next_lstm(shape, rest, x.dtype, dropout, 2 * layer))]
        if shape.bidirectional:
            backwards = tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)
            ends.append(lstm(backwards, *_next_lstm(shape, rest, x.dtype, dropout, 2 * layer + 1)))
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


def _normalise(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Normalises (..., units) over its units, as Keras's LayerNormalization does; in float32, whatever x is."""
    full = tf.cast(x, tf.float32)
    mean, variance = tf.nn.moments(full, axes=[-1], keepdims=True)
    return tf.cast((full - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * scale + bias, x.dtype)


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
