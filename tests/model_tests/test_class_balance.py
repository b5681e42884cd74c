import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from model.class_balance import ClassBalance, class_weights
from model.class_shares import log_shares
from model.hparams import ClassWeight, HParams

counts = st.lists(st.integers(1, 10_000), min_size=2, max_size=30).map(np.array)
betas = st.sampled_from([0.0, 0.5, 0.9, 0.999, 0.999999])


@given(counts, st.sampled_from(["none", "balanced", "effective"]), betas)
def test_weights_are_1_on_the_average_over_the_training_rows_and_no_less_for_a_rarer_class(
    rows: np.ndarray, kind: ClassWeight, beta: float
) -> None:
    weights = class_weights(rows, kind, beta)
    assert (weights * rows).sum() / rows.sum() == pytest.approx(1, rel=1e-5)
    assert (np.diff(weights[np.argsort(rows, kind="stable")]) <= 1e-6 * weights.max()).all()


@given(counts)
def test_balanced_weights_are_those_of_scikit_learn(rows: np.ndarray) -> None:
    labels = np.repeat(np.arange(len(rows)), rows)
    expected = compute_class_weight("balanced", classes=np.arange(len(rows)), y=labels)
    np.testing.assert_allclose(class_weights(rows, "balanced", 0.9), expected, rtol=1e-5)


@given(counts)
def test_the_effective_number_goes_from_one_to_all_of_a_classs_rows(rows: np.ndarray) -> None:
    np.testing.assert_allclose(class_weights(rows, "effective", 0.0), np.ones(len(rows)), rtol=1e-5)
    balanced = class_weights(rows, "balanced", 0.0)
    np.testing.assert_allclose(class_weights(rows, "effective", 1 - 1e-9), balanced, rtol=1e-4)


def test_the_effective_number_is_that_of_the_paper() -> None:
    rows = np.array([5000, 50])
    ratio = ((1 - 0.999) / (1 - 0.999**50)) / ((1 - 0.999) / (1 - 0.999**5000))
    weights = class_weights(rows, "effective", 0.999)
    assert weights[1] / weights[0] == pytest.approx(ratio, rel=1e-5)


@given(counts, st.floats(0, 3))
def test_offsets_are_tau_times_the_logarithms_of_shares_that_sum_to_1(rows: np.ndarray, tau: float) -> None:
    assert np.exp(log_shares(rows)).sum() == pytest.approx(1)
    balance = ClassBalance.of(HParams(logit_adjustment=tau), rows)
    np.testing.assert_allclose(balance.offsets, tau * log_shares(rows), rtol=1e-5, atol=1e-6)


def test_a_class_without_training_rows_has_finite_weight_and_offset() -> None:
    balance = ClassBalance.of(HParams(class_weight="balanced", logit_adjustment=1), np.array([3, 0, 9]))
    assert np.isfinite(np.concatenate(balance)).all()
