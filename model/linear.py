"""The linear classifier of n-grams: how thoroughly it is fitted, which of two kinds is chosen, and the fit.

Needs no TensorFlow.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from data.ngram_counter import KINDS, Kind
from model.class_shares import BALANCE, log_shares
from model.max_margin import Scale, fit_max_margin, fit_scale, margin_work
from model.mixture import Labels
from model.softmax_regression import Floats, Mask, choose_rate, descend

ANY_RATE = 1.0
"""The step size where there is nothing to choose one on."""


class Plan(NamedTuple):
    """How thoroughly to fit: which n-grams, and epochs."""

    kinds: tuple[Kind, ...]
    epochs: int

    def work(self, ngrams: dict[Kind, int], classes: int) -> int:
        """Returns multiplications, given how many n-grams of each kind the training rows have."""
        return 2 * FITS * sum(ngrams[kind] for kind in self.kinds) * classes * self.epochs


FITS = 5
"""Fits that it takes: the last, and about four to choose a step size."""
PLANS = (Plan(KINDS, 5), Plan(KINDS, 3), Plan(("words", "pairs"), 3), Plan(("words",), 2))
SPEED = 1e9
"""Multiplications of a fit that one core does in a second."""
WORK = 30 * SPEED
"""Those that a fit may take; the first plan within them is followed, or the last."""


class Recipe(NamedTuple):
    """How a wide branch was fitted, so that it can be fitted on other rows in the same way.

    Attributes:
        plan: Which n-grams, and epochs.
        rate: The step size of softmax regression.
        scale: Of the scores of the machine of the largest margin, where that was the better of the two; else None.
    """

    plan: Plan
    rate: float
    scale: Scale | None


def choose_linear(
    features: csr_array, labels: Labels, classes: int, held_out: Mask, epochs: int, seed: int, work: float = WORK
) -> tuple[float, Scale | None]:
    """Chooses softmax regression or a machine of the largest margin, whichever is the better on rows held out.

    Many short texts that say little want the first, few long ones the second (docs/decisions/0007).

    Args:
        features: float32 (n, f), the last 1 everywhere: its part of the kernel is the bias.
        labels: int32 (n,), in [0, classes).
        classes: How many.
        held_out: bool (n,): the rows on which to choose.
        epochs: Times that softmax regression visits each row.
        seed: Of the order.
        work: Multiplications that the second may take; it is not tried where it would take more.

    Returns:
        The step size of the first, and the scale of the second if that is the one: `Recipe`.
    """
    shares = log_shares(np.bincount(labels, minlength=classes))
    with ThreadPoolExecutor(1, "margin") as beside:  # liblinear leaves Python to others meanwhile
        tried = None
        if margin_work(features, classes) <= work:
            tried = beside.submit(fit_max_margin, features[np.flatnonzero(~held_out)], labels[~held_out], classes, seed)
        rate = choose_rate(features, labels, classes, held_out, epochs, seed)
    if rate is None:
        return ANY_RATE, None
    if tried is not None:
        fit, unseen = tried.result(), np.flatnonzero(held_out)
        fair = np.isin(labels[unseen], labels[~held_out])
        scale = fit_scale((features[unseen] @ fit)[fair], labels[unseen][fair], shares)
        if scale.loss < fit_scale(rate.logits[fair], labels[unseen][fair], shares).loss:
            return rate.value, scale
    return rate.value, None


def fit_linear(features: csr_array, labels: Labels, classes: int, seed: int, recipe: Recipe) -> Floats:
    """Fits what a recipe says; for the other arguments see `choose_linear`.

    Returns:
        The kernel: float32 (f, classes); part of each class's share is taken off its bias.
    """
    shares = log_shares(np.bincount(labels, minlength=classes))
    if recipe.scale:
        kernel = recipe.scale.factor * fit_max_margin(features, labels, classes, seed)
        kernel[-1] -= recipe.scale.balance * shares
    else:
        kernel = descend(features, labels, classes, recipe.rate, recipe.plan.epochs, seed)
        kernel[-1] -= BALANCE * shares
    return kernel
