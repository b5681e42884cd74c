import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import MOST, calibration_error, cool, fit_temperature
from model.evaluation import evaluate
from model.logits import softmax


def guesses(seed: int, rows: int, classes: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by probabilities, and logits that exaggerate these so many times."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (rows, classes)).astype(np.float32)
    labels = (softmax(true).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(max=classes - 1)
    return labels.astype(np.int32), np.float32(sharpness) * true


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(2, 6), st.floats(0, 10))
def test_calibration_never_raises_the_loss_of_the_rows_it_was_fitted_on_nor_changes_an_answer(
    seed: int, rows: int, classes: int, sharpness: float
) -> None:
    labels, logits = guesses(seed, rows, classes, sharpness)
    temperature = fit_temperature(labels, logits)
    assert 1 / MOST <= temperature <= MOST
    before, after = evaluate(labels, logits), evaluate(labels, cool(logits, temperature))
    assert after.loss <= before.loss + 1e-6
    assert (after.accuracy, after.macro_f1) == (before.accuracy, before.macro_f1)
    order = np.argsort(-logits, kind="stable")
    assert (np.diff(np.take_along_axis(cool(logits, temperature), order, axis=1)) <= 0).all()


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_exaggerates(sharpness: float) -> None:
    labels, logits = guesses(1, 20_000, 5, sharpness)
    assert fit_temperature(labels, logits) == pytest.approx(sharpness, rel=0.05)


def test_few_rows_that_are_all_right_do_not_make_it_certain() -> None:
    logits = np.eye(3, dtype=np.float32)
    labels = np.arange(3, dtype=np.int32)
    assert fit_temperature(labels, logits) > 0.4


def test_the_error_is_near_0_where_probabilities_are_right_and_as_large_as_they_are_wrong() -> None:
    labels, logits = guesses(2, 50_000, 5, 1.0)
    assert evaluate(labels, logits).calibration_error < 0.01
    assert evaluate(labels, 3 * logits).calibration_error > 0.15
    assert evaluate(labels, 0.3 * logits).calibration_error > 0.15


def test_the_error_is_that_of_its_definition() -> None:
    # Bins of 1/15: the first two rows share one, the third has its own, and the last row, certain, is in the last.
    probabilities = np.array([0.41, 0.45, 0.62, 1.0])
    right = np.array([True, False, False, True])
    expected = (2 * abs(0.43 - 0.5) + 1 * 0.62 + 1 * 0.0) / 4
    assert calibration_error(probabilities, right) == pytest.approx(expected)


def test_the_temperature_of_many_rows_is_found_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 401).astype(np.int32)
    logits = (rng.normal(size=(401, 5)) + 2 * np.eye(5)[labels]).astype(np.float32)
    whole = fit_temperature(labels, logits)
    monkeypatch.setattr("model.calibration.AT_ONCE", 50)
    assert fit_temperature(labels, logits) == pytest.approx(whole, abs=1e-5)
