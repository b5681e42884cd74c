"""The linear classifier of n-grams: how thoroughly it is fitted, which of two kinds is chosen, and the fit.

Needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from data.ngram_counter import KINDS, Kind
from model.class_shares import BALANCE, log_shares
from model.logits import Labels
from model.max_margin import Scale, fit_max_margin, fit_scale, margin_work
from model.softmax_regression import Floats, Mask, choose_rate, descend

ANY_RATE = 1.0
"""The step size where there is nothing to choose one on."""


class Plan(NamedTuple):
    """How thoroughly to fit: which n-grams, and epochs."""

    kinds: tuple[Kind, ...]
    epochs: int

    def work(self, ngrams: dict[Kind, int], classes: int) -> int:
        """Returns the multiplications of a fit, given how many n-grams of each kind the training rows have."""
        return 2 * sum(ngrams[kind] for kind in self.kinds) * classes * self.epochs


CHOICES, LEAST_PART = 4, 1 / 8
"""Fits that choosing a step size takes, about, and the part of the rows that it is chosen on at least: there are millions where
so few do."""
PLANS = (Plan(KINDS, 5), Plan(KINDS, 3), Plan(("words", "pairs"), 3), Plan(("words",), 2))
SPEED = 1e9
"""Multiplications of a fit that one core does in a second."""
WORK = 120 * SPEED
"""Those that fits may take, those that a step size is chosen by among them."""


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


def write_recipe(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as JSON knows it."""
    plan = recipe.plan._asdict() | {"kinds": list(recipe.plan.kinds)}
    return {"plan": plan, "rate": recipe.rate, "scale": recipe.scale and recipe.scale._asdict()}


def read_recipe(written: Mapping[str, Any]) -> Recipe:
    """Returns a recipe that was written.

    Raises:
        KeyError, TypeError, ValueError: If it is none.
    """
    plan, scale = written["plan"], written["scale"]
    kinds = tuple(kind for kind in KINDS if kind in plan["kinds"])
    return Recipe(Plan(kinds, int(plan["epochs"])), float(written["rate"]), Scale(**scale) if scale else None)


def make_plan(plans: Sequence[Plan], ngrams: dict[Kind, int], classes: int, work: float, fits: float = 1) -> tuple[Plan, float]:
    """Chooses how thoroughly to fit within so much work.

    Args:
        plans: To choose from, the most thorough first.
        ngrams: Of each kind, in the training rows.
        classes: How many.
        work: Multiplications.
        fits: Of all training rows, beside those that a step size is chosen by.

    Returns:
        The first plan that can be followed, or else the last; and on which part of the rows, in [`LEAST_PART`, 1], a step size
        is to be chosen, so that the work is not exceeded, as far as can be.
    """
    least = fits + CHOICES * LEAST_PART
    plan = next((plan for plan in plans if least * plan.work(ngrams, classes) <= work), plans[-1])
    part = (work / max(plan.work(ngrams, classes), 1) - fits) / CHOICES
    return plan, min(max(part, LEAST_PART), 1.0)


def for_all_rows(rate: float, part: float) -> float:
    """Returns the step size for all rows where one was chosen on a part of them: fewer rows, and so fewer steps, want larger.

    On an eighth of the rows of three corpora, what is best is twice what is best on all, and more (benchmarks/step_size.py).
    """
    return float(rate * part ** (1 / 3))


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
