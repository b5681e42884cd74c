from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.compiled import CompiledNetwork
from model.forward import Dropout, forward
from model.hparams import HParams, Precision
from model.knobs import Knobs
from model.losses import TopKLoss, cross_entropies
from model.network import build, initial_weights
from model.shape import Shape
from model.size import count_parameters

VOCABULARY, CLASSES = 30, 5
KINDS = [
    HParams(
        lstm_size=4, embedding_size=6, pooling=pooling, bidirectional=both, lstm_layers=layers, dense_layers=dense, dense_size=7
    )
    for pooling, both, (layers, dense) in product(("last", "max", "mean", "attention"), (False, True), ((1, 0), (2, 2)))
]
NORMALISED = HParams(
    lstm_size=4,
    embedding_size=6,
    train_embedding=False,
    dense_layers=3,
    dense_size=7,
    dense_taper=True,
    dense_activation="sigmoid",
    batch_norm=True,
)
KINDS += [replace(hparams, layer_norm=True) for hparams in KINDS if hparams.bidirectional == (hparams.lstm_layers == 2)]
KINDS += [NORMALISED, replace(NORMALISED, recurrent_dropout=0.5, bidirectional=True, train_embedding=True)]


def kind(hparams: HParams) -> str:
    read = f"{hparams.lstm_layers}{'bi' if hparams.bidirectional else ''}{'norm' if hparams.layer_norm else ''}"
    return f"{read}-{hparams.pooling}-{hparams.dense_layers}{'norm' if hparams.batch_norm else ''}"


def token_batch(rows: int = 6, longest: int = 9) -> np.ndarray:
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, VOCABULARY, (rows, longest)).astype(np.int32)
    for row, length in enumerate([longest, *rng.integers(1, longest, rows - 1)]):
        tokens[row, length:] = 0
    return tokens


def weights_of(hparams: HParams) -> list[np.ndarray]:
    weights = initial_weights(Shape.of(hparams, VOCABULARY, CLASSES).weights(), seed=1)
    weights = [3 * weight for weight in weights]  # far from zero, so that nothing agrees by being small
    if hparams.batch_norm:  # whose shifts and moving means are zero at first
        rng = np.random.default_rng(2)
        weights = [weight + rng.uniform(0, 0.3, weight.shape).astype(np.float32) for weight in weights]
    return weights


def trained(hparams: HParams, weights: list) -> list:
    """Returns the weights that are trained, in Keras's order."""
    kinds = [kind for kind, _ in Shape.of(hparams, VOCABULARY, CLASSES).weights()]
    frozen = {"moving_mean", "moving_variance"} | (set() if hparams.train_embedding else {"embedding"})
    return [weight for kind, weight in zip(kinds, weights, strict=True) if kind not in frozen]


@pytest.mark.parametrize("hparams", KINDS, ids=kind)
def test_the_engine_computes_the_function_and_gradients_of_the_keras_network(hparams: HParams) -> None:
    model = build(hparams, vocabulary_size=VOCABULARY, classes=CLASSES)
    weights = weights_of(hparams)
    model.set_weights(weights)
    variables = [tf.Variable(weight) for weight in weights]
    tokens, labels = token_batch(), np.arange(6, dtype=np.int32) % CLASSES
    results = []
    for variant, compute in (
        (trained(hparams, variables), lambda: forward(Shape.of(hparams, VOCABULARY, CLASSES), variables, tokens)),
        ([weight.value for weight in model.trainable_weights], lambda: model(tokens)),
    ):
        with tf.GradientTape() as tape:
            logits = compute()
            loss = tf.reduce_mean(cross_entropies(labels, logits))
        results.append((logits, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variant)]))
    (ours, our_gradients), (theirs, their_gradients) = results
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)
    for mine, other in zip(our_gradients, their_gradients, strict=True):
        # Single precision loses digits where large terms cancel, by the CPU's own order of sums.
        size = float(np.max(np.abs(other)))
        np.testing.assert_allclose(mine, other, atol=1e-5 * max(1.0, size), rtol=1e-4)


@pytest.mark.parametrize("hparams", KINDS, ids=kind)
def test_padding_more_changes_no_logit(hparams: HParams) -> None:
    shape, weights, tokens = Shape.of(hparams, VOCABULARY, CLASSES), weights_of(hparams), token_batch()
    padded = np.pad(tokens, ((0, 0), (0, 7)))
    np.testing.assert_allclose(forward(shape, weights, tokens), forward(shape, weights, padded), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "hparams",
    [KINDS[3], NORMALISED, replace(NORMALISED, train_embedding=True, batch_norm=False)],
    ids=["plain", "all", "taper"],
)
def test_training_steps_are_those_of_the_keras_network_with_keras_adam(hparams: HParams) -> None:
    hparams = replace(hparams, top_k=0.5, lstm_dropout=0.0, dense_dropout=0.0, clip_norm=1e9, learning_rate=1e-3)
    weights, labels = weights_of(hparams), np.arange(6, dtype=np.int32) % CLASSES
    tokens = np.arange(1, 25, dtype=np.int32).reshape(6, 4)  # each once: Keras squares the gradients of a token's places singly
    tokens[:3, 3] = 0
    model = build(hparams, vocabulary_size=VOCABULARY, classes=CLASSES)
    model.set_weights(weights)
    model.compile(keras.optimizers.Adam(1e-3), TopKLoss(k=3), run_eagerly=True)
    network = CompiledNetwork(Shape.of(hparams, VOCABULARY, CLASSES))
    network.reset(weights)
    for step in (1, 2):  # so small that the hardest rows stay the same; Keras moves vectors on of which a step has no token
        model.train_on_batch(tokens, labels)
        network.train(tokens, labels, fraction=0.5, step=step, knobs=Knobs.of(hparams), seed=0)
    after = network.weights()
    for mine, theirs in zip(after, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    moved = [np.abs(new - old).max() > 5e-4 for new, old in zip(after, weights, strict=True)]
    assert all(moved) if hparams.train_embedding else moved == [False] + [True] * (len(moved) - 1)


def test_a_graph_of_it_runs_where_there_is_no_gpu_though_one_traced_it() -> None:
    network = build(HParams(bidirectional=True, lstm_layers=2), vocabulary_size=VOCABULARY, classes=CLASSES)
    lstms = [
        getattr(network.get_layer(f"bilstm_{index}"), way) for index in (0, 1) for way in ("forward_layer", "backward_layer")
    ]
    assert [lstm.use_cudnn for lstm in lstms] == [False] * 4


def test_the_order_of_words_matters_and_reading_backwards_sees_it_too() -> None:
    for both in (False, True):
        hparams = HParams(lstm_size=4, embedding_size=6, bidirectional=both)
        tokens = np.array([[5, 6, 7, 0], [7, 6, 5, 0]], np.int32)
        first, second = forward(Shape.of(hparams, VOCABULARY, CLASSES), weights_of(hparams), tokens).numpy()
        assert np.abs(first - second).max() > 1e-3


def test_dropout_is_seeded_and_keeps_the_mean() -> None:
    rates = {"embedding": 0.5, "lstm": 0.4, "output": 0.2, "recurrent": 0.2, "weight": 0.3, "dense": 0.3}
    assert tuple(rates) == Dropout._fields[:-1]
    hparams = HParams(lstm_size=4, embedding_size=6, pooling="max", **{f"{name}_dropout": rate for name, rate in rates.items()})
    shape, weights, tokens = Shape.of(hparams, VOCABULARY, CLASSES), weights_of(hparams), token_batch()

    def logits(step: int) -> np.ndarray:
        chosen = (tf.constant(rate) for rate in rates.values())
        return forward(shape, weights, tokens, Dropout(*chosen, tf.constant([step, 7], tf.int64))).numpy()

    np.testing.assert_array_equal(logits(1), logits(1))
    assert np.abs(logits(1) - logits(2)).max() > 1e-3
    zero = Dropout(*(tf.constant(0.0) for _ in rates), tf.constant([1, 1], tf.int64))
    np.testing.assert_allclose(forward(shape, weights, tokens, zero), forward(shape, weights, tokens), atol=1e-6)


def test_weights_are_drawn_as_keras_draws_them_and_by_the_seed() -> None:
    shape = Shape.of(HParams(lstm_size=8, embedding_size=16, dense_layers=1, dense_size=9), VOCABULARY, CLASSES)
    first, again, other = (initial_weights(shape.weights(), seed) for seed in (3, 3, 4))
    for mine, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(mine, same)
        assert mine.ndim == 1 or np.abs(mine - different).max() > 1e-3
    embedding, kernel, recurrent, bias, *_ = first
    assert np.abs(embedding).max() <= 0.05
    assert np.abs(kernel).max() <= np.sqrt(6 / (16 + 32)) + 1e-6
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(8), atol=1e-5)
    assert bias.tolist() == [0] * 8 + [1] * 8 + [0] * 16


@pytest.mark.parametrize("name", ["embedding", "lstm", "output", "recurrent", "weight", "dense"])
def test_each_kind_of_dropout_does_something(name: str) -> None:
    hparams = HParams(lstm_size=4, embedding_size=6, **({"lstm_dropout": 0.0, "dense_dropout": 0.0} | {f"{name}_dropout": 0.5}))
    shape, tokens = Shape.of(hparams, VOCABULARY, CLASSES), token_batch()
    rates = (tf.constant(0.5 if field == name else 0.0) for field in Dropout._fields[:-1])
    dropped = forward(shape, weights_of(hparams), tokens, Dropout(*rates, tf.constant([1, 1], tf.int64)))
    assert np.abs(dropped - forward(shape, weights_of(hparams), tokens)).max() > 1e-3


def dropped_at_half(hparams: HParams, weights: list[np.ndarray], tokens: np.ndarray, name: str) -> Iterator[np.ndarray]:
    """Logits of one text with one kind of dropout at a rate of a half, in forty steps."""
    shape = Shape.of(hparams, VOCABULARY, CLASSES)
    for step in range(40):
        rates = (tf.constant(0.5 if field == name else 0.0) for field in Dropout._fields[:-1])
        yield forward(shape, weights, tokens, Dropout(*rates, tf.constant([step, 1], tf.int64))).numpy()


def by_hand(hparams: HParams, tokens: np.ndarray, places: Sequence[tuple[int, Any]]) -> tuple[list[np.ndarray], np.ndarray]:
    """Weights; and logits, without dropout, for each way to halve parts of them: taken to 0, or doubled."""
    shape, weights = Shape.of(hparams, VOCABULARY, CLASSES), weights_of(hparams)
    logits = []
    for kept in product((0.0, 2.0), repeat=len(places)):
        changed = [weight.copy() for weight in weights]
        for (place, part), factor in zip(places, kept, strict=True):
            changed[place][part] *= factor
        logits.append(forward(shape, changed, tokens).numpy())
    return weights, np.stack(logits)


EMBEDDING, FORWARDS, BACKWARDS = 0, 2, 5
"""Places of the vectors and of the recurrent kernels among the weights."""


@pytest.mark.parametrize(
    ("name", "places"),
    [
        pytest.param("embedding", [(EMBEDDING, 7), (EMBEDDING, 8), (EMBEDDING, 9)], id="a word's whole vector"),
        pytest.param("lstm", [(EMBEDDING, np.s_[:, 0]), (EMBEDDING, np.s_[:, 1])], id="an input at all steps"),
        pytest.param(
            "weight",
            [(place, np.s_[0, gate]) for place in (FORWARDS, BACKWARDS) for gate in range(4)],
            id="an entry of a recurrent kernel, in either direction by itself",
        ),
    ],
)
def test_what_dropout_takes_is_gone_and_the_rest_is_doubled_at_a_half(name: str, places: list[tuple[int, Any]]) -> None:
    hparams = HParams(lstm_size=1, embedding_size=2, bidirectional=True, lstm_dropout=0.0, dense_dropout=0.0)
    hparams = replace(hparams, **{f"{name}_dropout": 0.5})
    tokens = np.array([[7, 8, 9]], np.int32)
    weights, all_ways = by_hand(hparams, tokens, places)
    seen = set()
    for logits in dropped_at_half(hparams, weights, tokens, name):
        apart = np.abs(all_ways - logits).max(axis=(1, 2))
        assert apart.min() < 1e-5
        seen.add(int(apart.argmin()))
    assert len(seen) > min(len(all_ways), 40) / 2  # were a mask that of both directions, 16 ways would be all


def test_one_word_alone_has_no_step_before_it_whose_weights_could_be_dropped() -> None:
    hparams = HParams(lstm_size=1, embedding_size=2, lstm_dropout=0.0, dense_dropout=0.0, weight_dropout=0.5)
    weights, tokens = weights_of(hparams), np.array([[7]], np.int32)
    plain = forward(Shape.of(hparams, VOCABULARY, CLASSES), weights, tokens)
    for logits in dropped_at_half(hparams, weights, tokens, "weight"):
        np.testing.assert_allclose(logits, plain, atol=1e-6)


def test_dense_kernels_are_drawn_as_their_name_says() -> None:
    shapes = Shape.of(HParams(lstm_size=100, dense_layers=2, dense_size=200), VOCABULARY, CLASSES).weights()
    glorot, he, normal = (initial_weights(shapes, 3, init) for init in ("glorot_uniform", "he_uniform", "normal"))
    for layer, (place, inputs, deviation) in enumerate(((4, 100, 0.039), (6, 200, 0.55))):
        assert shapes[place][0] == "dense_kernel"
        assert np.abs(glorot[place]).max() == pytest.approx(np.sqrt(6 / (inputs + 200)), rel=0.01)
        assert np.abs(he[place]).max() == pytest.approx(np.sqrt(6 / inputs), rel=0.01), layer
        assert normal[place].std() == pytest.approx(deviation, rel=0.03)
    for place in (0, 1, 2, 3, 5, 7, 8, 9):
        np.testing.assert_array_equal(glorot[place], normal[place], err_msg="only dense kernels differ")


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_in_16_bits_logits_are_about_the_same_and_float32(precision: Precision) -> None:
    hparams = HParams(lstm_size=4, embedding_size=6, bidirectional=True, pooling="max")
    tokens, weights = token_batch(), weights_of(hparams)
    full = forward(Shape.of(hparams, VOCABULARY, CLASSES), weights, tokens)
    half = forward(Shape.of(hparams, VOCABULARY, CLASSES, precision), weights, tokens)
    assert half.dtype == tf.float32
    np.testing.assert_allclose(half, full, atol=0.02)


@pytest.mark.parametrize("hparams", KINDS, ids=kind)
def test_parameters_are_counted_without_building_anything(hparams: HParams) -> None:
    model = build(hparams, vocabulary_size=VOCABULARY, classes=CLASSES)
    assert count_parameters(hparams, VOCABULARY, CLASSES) == model.count_params()
