import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support

from model.evaluation import evaluate


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 9))
def test_the_figures_are_scikit_learns(rows: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows).astype(np.int32)
    logits = rng.normal(0, 3, (rows, classes)).astype(np.float32)
    predicted = logits.argmax(1)
    probabilities = np.exp(logits.astype(np.float64))
    probabilities /= probabilities.sum(1, keepdims=True)
    got = evaluate(labels, logits)
    assert got.rows == rows
    assert got.loss == pytest.approx(log_loss(labels, probabilities, labels=range(classes)), rel=1e-6)
    assert got.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert got.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    names = tuple("abcdef"[:classes])
    expected = precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    by_class = got.by_class(names)
    for index, name in enumerate(names):
        assert list(by_class[name].values()) == pytest.approx([figure[index] for figure in expected])


@given(st.integers(1, 60), st.integers(2, 6), st.integers(1, 30))
def test_the_figures_are_the_same_however_many_rows_are_computed_at_a_time(rows: int, classes: int, at_once: int) -> None:
    rng = np.random.default_rng(rows)
    labels, logits = rng.integers(0, classes, rows).astype(np.int32), rng.normal(0, 3, (rows, classes)).astype(np.float32)
    whole = evaluate(labels, logits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.evaluation.AT_ONCE", at_once)
        parts = evaluate(labels, logits)
    assert parts.summary() == whole.summary()
    assert parts.calibration_error == whole.calibration_error


def test_huge_logits_overflow_nothing() -> None:
    got = evaluate(np.array([0, 1], np.int32), np.array([[1e6, -1e6], [1e6, -1e6]], np.float32))
    assert got.loss == pytest.approx(1e6)
