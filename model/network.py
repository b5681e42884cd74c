"""The network as Keras knows it: stock layers only, so that its file needs nothing of ours to load."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from data.subwords import BUCKETS, MOST
from model.forward import MOMENTUM, NORM_EPSILON, NOTHING
from model.hparams import DenseInit, HParams
from model.mixture import Mixture
from model.trained import Weights

WIDE, WIDE_SCALE, DEEP_SCALE, TEMPERATURE = "wide", "wide_scale", "deep_scale", "temperature"
"""The names of the layers that hold the wide branch's kernel, the weights of the two branches, and the last, which divides."""
PLACES, PARTS = "new_words", "word_parts"
"""The names of the inputs that a network of parts of words has."""

NORMAL = (0.039, 0.55)
"""Standard deviations of `dense_init: normal`, those of the original question's third model: of the first dense layer's
kernel, and of those behind it."""


def build(
    hparams: HParams,
    *,
    vocabulary_size: int,
    classes: int,
    ngrams: int = 0,
    mixture: Mixture | None = None,
    temperature: float = 1.0,
) -> keras.Model:
    """Builds a network: embedding, LSTM layers, pooling, dense layers, logits; and the wide branch, if it has one.

    The LSTM's state is read at the last real token, or pooled over real tokens only; `PAD` is masked everywhere, so
    that padding more changes no logit.

    Args:
        hparams: Sizes and dropout rates.
        vocabulary_size: Ids lie below it; what the corpus has, at most `hparams.vocabulary_size`.
        classes: Number of logits.
        ngrams: N-grams that the wide branch knows.
        mixture: Of the two branches; None where there is no wide one.
        temperature: What the logits are divided by.

    Returns:
        Token ids, int32 (batch, time), `PAD` = 0 to the right -> logits, float32 (batch, classes).

        With subwords, two inputs more: the parts of words that the network has no vector for, int32 (words, `MOST`), counted
        from 1, 0 where there are fewer, at least one row; and which of them stands where in a text, int32 (batch, time),
        counted from 1, 0 for all other tokens. The embedding has a row for each part behind those of the vocabulary.

        With a wide branch, two more: each text's n-grams, int32 (batch, most), counted from 1, 0 to the right; and their
        weights, float32 (batch, most). The layer of their kernel is called 'wide', its first row zero.
    """
    inputs = [keras.Input((None,), dtype="int32", name="tokens")]
    (tokens,) = inputs
    real = ops.expand_dims(ops.not_equal(tokens, 0), -1)
    rows = vocabulary_size + (BUCKETS if hparams.subwords else 0)
    embedding = layers.Embedding(
        rows, hparams.embedding_size, mask_zero=True, trainable=hparams.train_embedding, name="embedding"
    )
    x = embedding(tokens)
    if hparams.subwords:
        inputs += [keras.Input((None,), dtype="int32", name=PLACES), keras.Input((MOST,), dtype="int32", name=PARTS)]
        x = _with_new_words(embedding, x, inputs[1], inputs[2], vocabulary_size)
        x = layers.Masking(name="real_tokens")(x * ops.cast(real, x.dtype))
    x = layers.Dropout(hparams.embedding_dropout, noise_shape=(None, None, 1), name="embedding_dropout")(x)
    for index in range(hparams.lstm_layers):
        sequences = index < hparams.lstm_layers - 1 or hparams.pooling != "last"
        x = layers.SpatialDropout1D(hparams.lstm_dropout, name=f"lstm_dropout_{index}")(x)
        lstm = layers.LSTM(
            hparams.lstm_size,
            recurrent_dropout=hparams.recurrent_dropout,
            return_sequences=sequences,
            use_cudnn=False,  # a graph that a GPU has traced with cuDNN runs nowhere else
            name=f"lstm_{index}",
        )
        x = layers.Bidirectional(lstm, name=f"bilstm_{index}")(x) if hparams.bidirectional else lstm(x)
        if hparams.layer_norm:
            x = layers.LayerNormalization(epsilon=NORM_EPSILON, name=f"norm_{index}")(x)
    x = layers.Dropout(hparams.output_dropout, noise_shape=(None, 1, None) if sequences else None, name="output_dropout")(x)
    if hparams.pooling == "max":
        x = ops.max(ops.where(real, x, NOTHING), axis=1)
    elif hparams.pooling == "attention":
        scores = layers.Dense(1, use_bias=False, name="attention")(x)
        x = ops.sum(x * ops.softmax(ops.where(real, scores, NOTHING), axis=1), axis=1)
    elif hparams.pooling == "mean":
        x = layers.GlobalAveragePooling1D(name="mean")(x)
    for index, size in enumerate(hparams.dense_sizes):
        x = layers.Dropout(hparams.dense_dropout, name=f"dense_dropout_{index}")(x)
        x = layers.Dense(size, activation=hparams.dense_activation, name=f"dense_{index}")(x)
        if hparams.batch_norm:
            x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=NORM_EPSILON, name=f"batch_norm_{index}")(x)
    x = layers.Dropout(hparams.dense_dropout, name="logits_dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    cooled = layers.Rescaling(1 / temperature, name=TEMPERATURE)
    if mixture is None:
        return keras.Model(inputs if len(inputs) > 1 else tokens, cooled(logits), name="topknot")
    present = keras.Input((None,), dtype="int32", name="ngrams")
    weights = keras.Input((None,), dtype="float32", name="ngram_weights")
    kernel = layers.Embedding(ngrams + 1, classes, name=WIDE)(present)
    linear = layers.Rescaling(mixture.wide, name=WIDE_SCALE)(ops.sum(kernel * ops.expand_dims(weights, -1), axis=1))
    mixed = layers.Add(name="mixture")([linear, layers.Rescaling(mixture.deep, name=DEEP_SCALE)(logits)])
    return keras.Model([*inputs, present, weights], cooled(mixed), name="topknot")


def _with_new_words(
    embedding: layers.Embedding, vectors: keras.KerasTensor, places: keras.KerasTensor, parts: keras.KerasTensor, size: int
) -> keras.KerasTensor:
    """Puts the means of their parts, behind the embedding's first `size` rows, in the place of words that have no vector."""
    known = ops.greater(parts, 0)
    summed = ops.sum(embedding(ops.where(known, parts + (size - 1), 0)) * ops.cast(known, vectors.dtype)[:, :, None], axis=1)
    means = summed / ops.maximum(ops.sum(ops.cast(known, vectors.dtype), axis=1, keepdims=True), 1.0)
    new = ops.take(means, ops.maximum(places - 1, 0), axis=0)
    return ops.where(ops.expand_dims(ops.greater(places, 0), -1), new, vectors)


def initial_weights(shapes: list[tuple[str, tuple[int, ...]]], seed: int, dense_init: DenseInit = "glorot_uniform") -> Weights:
    """Draws weights as Keras's layers do: embedding uniform in +-0.05, kernels Glorot uniform, recurrent kernels
    orthogonal, scales and moving variances one, biases zero but the LSTM's forget gate's one.

    Args:
        shapes: The kind (see `model.shape.Shape.weights`) and shape of each weight.
        seed: The same seed gives the same weights.
        dense_init: How kernels of dense layers are drawn; `normal` with the standard deviations of `NORMAL`.
    """
    seeds = np.random.SeedSequence(seed).generate_state(len(shapes)) % 2**31
    weights, dense = [], 0
    for (kind, shape), draw in zip(shapes, seeds, strict=True):
        if kind == "dense_kernel":
            weights.append(_dense_kernel(dense_init, dense, shape, int(draw)))
            dense += 1
        else:
            weights.append(_initial(kind, shape, int(draw)))
    return weights


def with_vectors(embedding: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Puts vectors that others have trained in the place of those that were drawn; the others are drawn as widely as they lie.

    Args:
        embedding: float32 (vocabulary, length), as drawn.
        vectors: float32 (vocabulary or more, length), NaN where there is none.

    Raises:
        ValueError: If they are of another length.
    """
    if vectors.shape[1] != embedding.shape[1]:
        raise ValueError(f"`embedding_size` must be {vectors.shape[1]}, as long as the vectors, got {embedding.shape[1]}.")
    ours = vectors[: len(embedding)]
    scale = np.nanstd(vectors) / max(float(np.std(embedding)), 1e-9)
    return np.where(np.isnan(ours), embedding * np.float32(scale), ours)


def _dense_kernel(init: DenseInit, layer: int, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    if init == "he_uniform":
        return np.asarray(keras.initializers.HeUniform(seed)(shape))
    if init == "normal":
        return np.asarray(keras.initializers.RandomNormal(0.0, NORMAL[min(layer, 1)], seed)(shape))
    return _initial("kernel", shape, seed)


def _initial(kind: str, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    if kind == "embedding":
        return np.asarray(keras.initializers.RandomUniform(-0.05, 0.05, seed)(shape))
    if kind == "kernel":
        return np.asarray(keras.initializers.GlorotUniform(seed)(shape))
    if kind == "recurrent":
        return np.asarray(keras.initializers.Orthogonal(seed=seed)(shape))
    if kind in {"scale", "moving_variance"}:
        return np.ones(shape, dtype=np.float32)
    bias = np.zeros(shape, dtype=np.float32)
    if kind == "lstm_bias":  # gates in the order input, forget, cell, output
        bias[shape[0] // 4 : shape[0] // 2] = 1
    return bias
