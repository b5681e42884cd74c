"""The trials whose weights are kept."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable


class Podium:
    """The best so many trials of those that ended and did not fail.

    Args:
        size: How many.

    Attributes:
        fallen: Trials that do not stand here, or no longer: nobody will ask for their weights. Whoever removes those
            empties the list.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._places: list[tuple[float, int]] = []
        self.fallen: list[int] = []

    @property
    def bar(self) -> float:
        """The cost (`tune.objective`) that a trial must reach to stand here when it ends; infinite while there is room."""
        return self._places[-1][0] if len(self._places) == self._size else math.inf

    def fit(self, budget: float, size_of: Callable[[int], int]) -> None:
        """Takes the worst away until the sizes of those left, as `size_of` tells them, are within a budget; never the best."""
        while len(self._places) > 1 and sum(size_of(number) for _, number in self._places) > budget:
            self.fallen.append(self._places.pop()[1])
            self._size = len(self._places)

    def add(self, number: int, cost: float) -> None:
        """Takes in a trial that ended, at an infinite cost if it failed. Of equal trials, the earlier is the better."""
        if math.isfinite(cost):
            insort(self._places, (cost, number))
        else:
            self.fallen.append(number)
        if len(self._places) > self._size:
            self.fallen.append(self._places.pop()[1])
