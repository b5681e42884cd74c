"""The LSTM and the wide branch together: a weighted sum of their logits, a product of two experts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.logits import Labels, Logits

ROWS, FIGURES = 20_000, 2**22
"""Rows that two numbers are fitted on, at most, and those rows times classes: every worker does it after each epoch."""
STEPS = 50
PRIOR = 0.5

Floats = npt.NDArray[np.float64]


class Mixture(NamedTuple):
    """Logits = `wide` times the wide branch's + `deep` times the LSTM's; both 0 or more."""

    wide: float
    deep: float

    def of(self, wide: Logits, deep: Logits) -> Logits:
        """Returns the mixture's logits: float32, of the shape of both."""
        return np.float32(self.wide) * wide + np.float32(self.deep) * deep


def fit_mixture(labels: Labels, wide: Logits, deep: Logits) -> Mixture:
    """Finds the mixture of the lowest cross-entropy; Newton's method, for the loss is convex in the two weights.

    A prior around 1/2, normal with a standard deviation of 1, keeps the weights of few rows in bounds.

    Args:
        labels: int32 (n,).
        wide, deep: float32 (n, classes): logits of texts that neither was fitted on.
    """
    rows = max(1, min(ROWS, FIGURES // wide.shape[1]))
    every = max(1, -(-len(labels) // rows))
    truth, branches = labels[::every], np.stack([wide[::every], deep[::every]]).astype(np.float64)
    best = _newton(truth, branches, np.array([True, True]))
    if best.min() < 0:  # then the best is at the border, where one of them is 0
        alone = [np.maximum(_newton(truth, branches, np.array(used)), 0) for used in ([True, False], [False, True])]
        best = min(alone, key=lambda weights: _loss(truth, branches, weights)[0])
    return Mixture(*best.tolist())


def _newton(labels: Labels, branches: Floats, used: npt.NDArray[np.bool_]) -> Floats:
    """Minimises the loss in the weights of the branches used, float64 (2, n, classes); the others' weights are 0."""
    rows = np.arange(len(labels))
    right = branches[:, rows, labels]  # (2, n)
    weights = np.where(used, PRIOR, 0.0)
    loss, probabilities = _loss(labels, branches, weights)
    for _ in range(STEPS):
        means = (probabilities * branches).sum(axis=2)
        gradient = (means - right).sum(axis=1) + weights - PRIOR
        products = np.einsum("nc,inc,jnc->ij", probabilities, branches, branches)
        curvature = products - means @ means.T + np.eye(2)
        step = np.zeros(2)
        step[used] = np.linalg.solve(curvature[np.ix_(used, used)], gradient[used])
        while np.abs(step).max() > 1e-6:
            new_loss, new_probabilities = _loss(labels, branches, weights - step)
            if new_loss <= loss:
                break
            step /= 2
        else:
            break
        weights, loss, probabilities = weights - step, new_loss, new_probabilities
    return weights


def _loss(labels: Labels, branches: Floats, weights: Floats) -> tuple[float, Floats]:
    """Returns the cross-entropy, summed over the rows and with the prior's part, and the probabilities."""
    logits = np.tensordot(weights, branches, axes=1)
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    totals = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    prior = float(((weights - PRIOR) ** 2).sum()) / 2
    return float((np.log(totals[:, 0]) - logits[rows, labels]).sum()) + prior, exponentials / totals
