import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from model.losses import TopKLoss, cross_entropies, top_k

floats = st.floats(0, 50, width=32)


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


def test_it_survives_its_config() -> None:
    again = keras.losses.deserialize(keras.losses.serialize(TopKLoss(5)))
    assert isinstance(again, TopKLoss)
    assert again.k == 5


@pytest.mark.parametrize("k", [0, -2, 2.5, True])
def test_a_k_that_is_no_count_is_refused(k: float) -> None:
    with pytest.raises(ValueError, match="`k` must be an integer of 1 or more"):
        TopKLoss(k)  # type: ignore[arg-type]
