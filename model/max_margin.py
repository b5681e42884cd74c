"""The linear classifier of the largest margin, and what makes probabilities of its scores. Needs no TensorFlow."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from model.class_shares import BALANCE
from model.logits import Labels

Floats = npt.NDArray[np.float32]

COST = 3.0
"""Of an error, against the margin's width: so high that training texts are hardly ever got wrong."""
TOLERANCE, PASSES = 0.1, 200
"""Where the solver stops: the dual's tolerance, and passes over the rows."""
PASSES_OF_LONG, PASSES_OF_SHORT, LONG = 18, 100, 500
"""What a fit takes, in multiplications by all entries and classes: 18 on 1,862 texts of 626 words, which are told apart soon;
some 100 on 14,019 of 13 words, which are not. And the n-grams from which on a text is a long one."""
SHARPEST = 1e3
"""Scores are multiplied by so much, at most."""


class Scale(NamedTuple):
    """What makes logits of scores: logits = factor * scores - balance * logarithms of the classes' shares.

    Attributes:
        factor: In [1/1000, 1000].
        balance: 0, or `BALANCE`.
        loss: The mean cross-entropy on the rows that it was fitted on.
    """

    factor: float
    balance: float
    loss: float


def margin_work(features: csr_array, classes: int) -> float:
    """Estimates the multiplications of two fits, the first on four fifths of the rows."""
    passes = PASSES_OF_LONG if features.nnz >= LONG * features.shape[0] else PASSES_OF_SHORT
    return 2.0 * passes * features.nnz * classes


def fit_max_margin(features: csr_array, labels: Labels, classes: int, seed: int) -> Floats:
    """Fits a multi-class support vector machine (Crammer & Singer, JMLR 2001), scikit-learn's.

    Args:
        features: float32 (n, f), the last 1 everywhere.
        labels: int32 (n,), in [0, classes).
        classes: How many.
        seed: Of the order in which the solver visits rows.

    Returns:
        The kernel: float32 (f, classes). A class that none of the rows has is scored below all others on them.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    kernel = np.zeros((features.shape[1], classes), np.float32)
    present = np.unique(labels)
    if len(present) > 1:
        narrow = csr_array(
            (features.data, features.indices.astype(np.int32), features.indptr.astype(np.int32)), shape=features.shape
        )
        machine = LinearSVC(
            multi_class="crammer_singer", C=COST, tol=TOLERANCE, max_iter=PASSES, fit_intercept=False, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(narrow, labels)
        fitted = machine.coef_ if len(present) > 2 else np.concatenate([-machine.coef_, machine.coef_]) / 2
        kernel[:, present] = fitted.T
    if len(present) < classes:
        kernel[-1, np.setdiff1d(np.arange(classes), present)] = (features @ kernel).min() - 1
    return kernel


def fit_scale(scores: Floats, labels: Labels, shares: Floats) -> Scale:
    """Finds the scale and the balance of the lowest cross-entropy.

    Args:
        scores: float32 (n, classes), of rows that nothing was fitted on.
        labels: int32 (n,).
        shares: float32 (classes,): logarithms of the classes' shares.
    """
    rows, wide = np.arange(len(labels)), scores.astype(np.float64)

    def loss(power: float, balance: float) -> float:
        logits = np.exp(power) * wide - balance * shares
        logits -= logits.max(axis=1, keepdims=True)
        return float((np.log(np.exp(logits).sum(axis=1)) - logits[rows, labels]).mean())

    found = []
    for balance in (0.0, BALANCE):
        ends = (-np.log(SHARPEST), np.log(SHARPEST))
        best = minimize_scalar(loss, args=(balance,), bounds=ends, method="bounded", options={"xatol": 1e-3})
        found.append(Scale(float(np.exp(best.x)), balance, float(best.fun)))
    return min(found, key=lambda scale: scale.loss)
