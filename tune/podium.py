"""The trials whose weights are kept."""

from __future__ import annotations

import math
from bisect import insort


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
        """The loss that a trial must reach to stand here when it ends; infinite while there is room. It only falls."""
        return self._places[-1][0] if len(self._places) == self._size else math.inf

    def add(self, number: int, loss: float) -> None:
        """Takes in a trial that ended, at an infinite loss if it failed. Of equal trials, the earlier is the better."""
        if math.isfinite(loss):
            insort(self._places, (loss, number))
        else:
            self.fallen.append(number)
        if len(self._places) > self._size:
            self.fallen.append(self._places.pop()[1])
