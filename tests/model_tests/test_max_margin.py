import numpy as np
import pytest
from scipy.sparse import csr_array

from model.class_shares import BALANCE, log_shares
from model.linear import PLANS, Recipe, choose_linear, fit_linear
from model.max_margin import fit_max_margin, fit_scale
from model.softmax_regression import choose_rate, descend


def texts(rows: int, classes: int, words: int, tilt: float, seed: int = 0) -> tuple[csr_array, np.ndarray]:
    """Texts of so many words out of 2,000; each class says a tenth of them more often, by the tilt. Of length 1."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(rows) % classes).astype(np.int32)
    often = np.random.default_rng(1).random((classes, 2000)) < 0.1
    chances = np.where(often, 1 + tilt, 1.0) / (np.arange(2000) + 10)
    counts = np.stack([rng.multinomial(words, chances[label] / chances[label].sum()) for label in labels]).astype(np.float32)
    counts /= np.linalg.norm(counts, axis=1, keepdims=True)
    return csr_array(np.column_stack([counts, np.ones(rows, np.float32)])), labels


@pytest.mark.parametrize(("rows", "words", "tilt", "wins"), [(200, 1000, 0.5, True), (2000, 5, 9.0, False)])
def test_few_long_texts_take_the_largest_margin_and_many_short_ones_softmax_regression(
    rows: int, words: int, tilt: float, wins: bool
) -> None:
    features, labels = texts(rows, 4, words, tilt)
    held_out = np.random.default_rng(0).random(rows) < 0.2

    def fitted(**work: float) -> np.ndarray:
        recipe = Recipe(PLANS[0], *choose_linear(features, labels, 4, held_out, 5, 0, **work))
        return fit_linear(features, labels, 4, 0, recipe)

    kernel = fitted()
    rate = choose_rate(features, labels, 4, held_out, 5, 0)
    softmax = descend(features, labels, 4, rate.value, 5, 0)
    softmax[-1] -= BALANCE * log_shares(np.bincount(labels, minlength=4))
    assert (np.abs(kernel - softmax).max() > 0) == wins
    np.testing.assert_array_equal(fitted(work=0), softmax)
    if wins:
        others, truth = texts(400, 4, words, tilt, seed=2)
        right, theirs = ((np.argmax(others @ one, axis=1) == truth).mean() for one in (kernel, softmax))
        assert right > theirs + 0.02


@pytest.mark.parametrize("present", [[2], [0, 2], [0, 1, 3]])
def test_classes_without_rows_are_scored_last_and_the_others_told_apart(present: list[int]) -> None:
    features, labels = texts(120, len(present), 60, 9.0)
    labels = np.array(present, np.int32)[labels]
    scores = features @ fit_max_margin(features, labels, 5, 0)
    assert scores.dtype == np.float32
    assert (np.argmax(scores, axis=1) == labels).mean() > 0.95
    absent = np.setdiff1d(np.arange(5), present)
    assert (scores[:, absent].max(axis=1) <= scores[:, present].min(axis=1) + 1e-6).all()


def test_the_scale_makes_up_for_that_of_the_scores() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 500).astype(np.int32)
    scores = (rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[labels]).astype(np.float32)
    shares = log_shares(np.bincount(labels, minlength=3))
    once, smaller = fit_scale(scores, labels, shares), fit_scale(scores / 50, labels, shares)
    assert smaller.factor == pytest.approx(50 * once.factor, rel=0.01)
    assert smaller.loss == pytest.approx(once.loss, abs=1e-5)
    assert once.loss < -np.log(1 / 3)


def test_shares_come_off_where_that_fits_better() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 2000, p=[0.2, 0.3, 0.5]).astype(np.int32)
    told = (3 * np.eye(3)[labels] + rng.normal(size=(2000, 3))).astype(np.float32)
    shares = np.log(np.array([0.05, 0.05, 0.9], np.float32))  # as of training rows
    assert fit_scale(told + BALANCE * shares, labels, shares).balance == BALANCE
    assert fit_scale(told, labels, shares).balance == 0
