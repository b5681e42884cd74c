import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import model.mixture
from model.evaluation import evaluate
from model.mixture import PRIOR, Mixture, fit_mixture


def branches(seed: int, rows: int, classes: int, help_: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and the logits of two branches; each knows something of the labels, the second in proportion to `help_`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows).astype(np.int32)
    truth = np.eye(classes)[labels]
    wide, deep = (truth * gain + rng.normal(0, 1, truth.shape) for gain in (1.5, 2 * help_))
    return labels, wide.astype(np.float32), deep.astype(np.float32)


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(2, 6), st.floats(-1, 1))
def test_no_other_weights_give_a_lower_loss(seed: int, rows: int, classes: int, help_: float) -> None:
    labels, wide, deep = branches(seed, rows, classes, help_)
    mixture = fit_mixture(labels, wide, deep)
    assert min(mixture) >= 0

    def loss(weights: Mixture) -> float:
        prior = ((np.array(weights) - PRIOR) ** 2).sum() / 2
        return rows * evaluate(labels, weights.of(wide, deep)).loss + prior

    for other in (Mixture(a, b) for a in (0, 0.2, 0.5, 1, 2) for b in (0, 0.2, 0.5, 1, 2)):
        assert loss(mixture) <= loss(other) + 1e-3


def test_of_many_classes_fewer_rows_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, wide, deep = branches(0, 400, 8, 1.0)
    monkeypatch.setattr(model.mixture, "FIGURES", 8 * 100)
    assert fit_mixture(labels, wide, deep) == fit_mixture(labels[::4], wide[::4], deep[::4])


def test_a_branch_that_misleads_is_left_out() -> None:
    labels, wide, _ = branches(0, 500, 4, 1.0)
    assert fit_mixture(labels, wide, -wide).deep == 0
    assert fit_mixture(labels, -wide, wide).wide == 0
