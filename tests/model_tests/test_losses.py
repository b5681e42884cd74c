from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from model.losses import TopKLoss, cross_entropies, shaped_cross_entropies, top_k

floats = st.floats(0, 50, width=32)
seeds, gammas, fractions = st.integers(0, 2**31), st.floats(0, 5, width=32), st.floats(0, 0.875, width=32)
ONES, ZEROS = np.ones(4, np.float32), np.zeros(4, np.float32)


def batch(rows: int = 9, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows)
    return rng.integers(0, classes, rows).astype(np.int32), rng.normal(0, 2, (rows, classes)).astype(np.float32)


@given(st.lists(floats, min_size=1, max_size=40), st.integers(1, 60))
def test_top_k_is_the_mean_of_the_k_largest(losses: list[float], k: int) -> None:
    expected = np.mean(sorted(losses, reverse=True)[:k])
    assert float(top_k(tf.constant(losses), tf.constant(k))) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("k", [1, 3, 9, 100], ids=["one", "some", "all", "more than all"])
@pytest.mark.parametrize("form", ["indices", "column", "one-hot"])
def test_the_keras_loss_is_the_same_function(k: int, form: str) -> None:
    labels, logits = batch()
    y_true = {"indices": labels, "column": labels[:, None], "one-hot": np.eye(4, dtype=np.float32)[labels]}[form]
    expected = float(top_k(cross_entropies(labels, logits), k))
    assert float(TopKLoss(k)(y_true, logits)) == pytest.approx(expected, rel=1e-5)


def test_with_k_the_batch_it_is_plain_cross_entropy() -> None:
    labels, logits = batch()
    plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    assert float(TopKLoss(9)(labels, logits)) == pytest.approx(float(plain), rel=1e-5)


def test_sample_weights_multiply_before_the_hardest_are_taken() -> None:
    labels, logits = batch()
    weights = np.linspace(0, 2, 9, dtype=np.float32)
    expected = np.sort(cross_entropies(labels, logits).numpy() * weights)[-3:].mean()
    assert float(TopKLoss(3)(labels, logits, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)


def test_it_trains_in_compile_with_a_short_last_batch_and_weights() -> None:
    labels, inputs = batch(rows=37)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=TopKLoss(16))
    history = model.fit(inputs, labels, batch_size=32, epochs=12, verbose=0, sample_weight=np.ones(37)).history["loss"]
    assert history[-1] < history[0]


def test_what_it_would_not_heed_is_refused() -> None:
    with pytest.raises(TypeError, match="reduction"):
        TopKLoss(4, reduction="none")  # type: ignore[call-arg]


def test_one_logit_an_example_is_refused_for_its_softmax_is_always_one() -> None:
    with pytest.raises(ValueError, match=r"end the model with Dense\(2\)"):
        TopKLoss(2)(np.array([[0], [1]]), np.array([[0.5], [2.0]], np.float32))


def test_it_survives_its_config() -> None:
    again = keras.losses.deserialize(keras.losses.serialize(TopKLoss(5)))
    assert isinstance(again, TopKLoss)
    assert again.k == 5


@pytest.mark.parametrize("k", [0, -2, 2.5, True])
def test_a_k_that_is_no_count_is_refused(k: float) -> None:
    with pytest.raises(ValueError, match="`k` must be an integer of 1 or more"):
        TopKLoss(k)  # type: ignore[arg-type]


def draw(seed: int, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, 8).astype(np.int32), rng.normal(0, scale, (8, 4)).astype(np.float32)


@given(seeds)
def test_with_everything_off_it_is_cross_entropy(seed: int) -> None:
    labels, logits = draw(seed)
    shaped = shaped_cross_entropies(labels, logits, ONES, ZEROS, 0.0, 0.0)
    np.testing.assert_allclose(shaped, cross_entropies(labels, logits), rtol=1e-5, atol=1e-6)


@given(seeds, gammas, fractions)
def test_focal_loss_and_label_smoothing_are_those_of_keras(seed: int, gamma: float, smoothing: float) -> None:
    labels, logits = draw(seed)
    focal = keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=gamma, from_logits=True, label_smoothing=smoothing, reduction=None
    )
    smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    one_hot = np.eye(4, dtype=np.float32)[labels]
    for gamma_, reference in ((gamma, focal), (0.0, smooth)):
        shaped = shaped_cross_entropies(labels, logits, ONES, ZEROS, gamma_, smoothing)
        np.testing.assert_allclose(shaped, reference(one_hot, logits), rtol=1e-3, atol=1e-5)  # Keras clips p at 1e-7


@given(seeds, st.floats(0, 3, width=32))
def test_logit_adjustment_is_the_cross_entropy_of_logits_plus_tau_times_the_log_priors(seed: int, tau: float) -> None:
    labels, logits = draw(seed)
    offsets = tau * np.log(np.array([0.7, 0.2, 0.09, 0.01], np.float32))
    shaped = shaped_cross_entropies(labels, logits, ONES, offsets, 0.0, 0.0)
    np.testing.assert_allclose(shaped, cross_entropies(labels, logits + offsets), rtol=1e-5, atol=1e-6)


@given(seeds)
def test_a_class_weight_multiplies_the_losses_of_its_examples(seed: int) -> None:
    labels, logits = draw(seed)
    weights = np.array([0.1, 0.5, 2, 7], np.float32)
    shaped = shaped_cross_entropies(labels, logits, weights, ZEROS, 0.0, 0.0)
    np.testing.assert_allclose(shaped, weights[labels] * cross_entropies(labels, logits), rtol=1e-5, atol=1e-5)


@given(seeds, gammas, fractions)
def test_the_gradient_is_that_of_the_formula_as_the_papers_write_it(seed: int, gamma: float, smoothing: float) -> None:
    labels, logits = draw(seed, 1.0)
    weights, offsets = np.array([0.1, 0.5, 2, 7], np.float32), np.array([0, -1, -2, -3], np.float32)

    def as_written(logits: tf.Tensor) -> tf.Tensor:
        exponentials = tf.exp(logits + offsets.astype(np.float64))
        p = exponentials / tf.reduce_sum(exponentials, axis=1, keepdims=True)
        q = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
        return weights.astype(np.float64)[labels] * tf.reduce_sum(-q * (1 - p) ** gamma * tf.math.log(p), axis=1)

    def gradient(function: Callable[[tf.Tensor], tf.Tensor], at: np.ndarray) -> np.ndarray:
        point = tf.constant(at)
        with tf.GradientTape() as tape:
            tape.watch(point)
            loss = tf.reduce_sum(function(point))
        return tape.gradient(loss, point).numpy()

    ours = gradient(lambda z: shaped_cross_entropies(labels, z, weights, offsets, gamma, smoothing), logits)
    np.testing.assert_allclose(ours, gradient(as_written, logits.astype(np.float64)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_examples_that_are_surely_right_or_wrong_have_finite_losses_and_gradients(gamma: float) -> None:
    logits = tf.constant([[300.0, 0, 0, 0], [0, 300, 0, 0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = shaped_cross_entropies(np.zeros(2, np.int32), logits, ONES, ZEROS, gamma, 0.0)
    assert losses.numpy() == pytest.approx([0, 300], abs=1e-3)
    assert np.isfinite(tape.gradient(losses, logits)).all()
