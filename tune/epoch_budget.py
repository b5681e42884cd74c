"""How many epochs trials may take, where that grows only if it pays."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NOISE = 90.0
"""Percentile of the differences between trials that overtake each other again and again, up to which two count as equal."""
CROSSINGS = 2
"""How often two trials must overtake each other for their difference to be noise."""


class EpochBudget:
    """Epochs that a trial may take, raised while more of them change which trials look best (PASHA, Bohdal et al., ICLR 2023).

    Trials that came to the last rung are ranked there and at the rung before it. As long as both rankings agree, trials of
    like cost (`tune.objective`) being taken for equal, the budget stays; else it grows to the next rung.

    Args:
        grace: Epochs of the first rung.
        factor: A rung's epochs over those of the rung before it.
        most: Epochs that are never exceeded.

    Attributes:
        epochs: The budget.
    """

    def __init__(self, grace: int, factor: int, most: int) -> None:
        self._factor, self._most = factor, most
        self._before, self.epochs = grace, min(grace * factor, most)
        self._curves: dict[int, list[float]] = {}

    def take(self, trial: int, epoch: int, cost: float) -> None:
        """Takes in what a trial came to in an epoch; what it told before, it may tell again."""
        curve = self._curves.setdefault(trial, [])
        if epoch == len(curve) + 1:
            curve.append(cost)

    def grow(self) -> bool:
        """Raises the budget if the last rung has changed the ranking; returns whether it did."""
        costs = np.array([curve[: self.epochs] for curve in self._curves.values() if len(curve) >= self.epochs])
        if self.epochs == self._most or _agree(costs[:, self._before - 1], costs[:, -1], _noise(costs)):
            return False
        self._before, self.epochs = self.epochs, min(self.epochs * self._factor, self._most)
        return True


def _agree(before: Floats, after: Floats, noise: float) -> bool:
    """Tells whether two rankings have trials of like costs in each place; costs are those that came after."""
    places = zip(np.argsort(before, kind="stable"), np.argsort(after, kind="stable"), strict=True)
    return all(abs(after[then] - after[now]) <= noise for then, now in places)


def _noise(costs: Floats) -> float:
    """Returns up to which difference two trials count as equal, by curves of shape (trials, epochs)."""
    differences = []
    for ours, theirs in itertools.combinations(costs, 2):
        ahead = np.sign(ours - theirs)
        if np.count_nonzero(np.diff(ahead[ahead != 0])) >= CROSSINGS:
            differences.append(abs(ours[-1] - theirs[-1]))
    return float(np.percentile(differences, NOISE)) if differences else 0.0
