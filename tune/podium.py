"""The trials whose weights are kept."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Sequence

from tune.front import Place, most_crowded, pareto_front


class Podium:
    """So many trials of those that ended and did not fail: the Pareto front, and the best of the others.

    Where more stand on the front than there are places, those stay that spread best over it (`tune.front.most_crowded`), the
    best of all trials always. Where trials have no costs, the front is the best trial, and the podium the best so many.

    Args:
        size: How many.

    Attributes:
        fallen: Trials that do not stand here, or no longer: nobody will ask for their weights. Whoever removes those
            empties the list.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._places: list[Place] = []
        self._front: list[Place] = []
        self.fallen: list[int] = []

    @property
    def bar(self) -> float:
        """The cost (`tune.objective`) that a trial must reach to stand here when it ends.

        Infinite while there is room, and where trials have costs: a cheap one may stand here whatever it reaches.
        """
        point = self._places[-1][0] if len(self._places) == self._size else ()
        return point[0] if len(point) == 1 else math.inf

    def fit(self, budget: float, size_of: Callable[[int], int]) -> None:
        """Takes trials away until the sizes of those left, as `size_of` tells them, are within a budget; never the best."""
        while len(self._places) > 1 and sum(size_of(number) for _, number in self._places) > budget:
            self._drop()
            self._size = len(self._places)

    def add(self, number: int, cost: float, costs: Sequence[float] = (), *, kept: bool = True) -> None:
        """Takes in a trial that ended.

        Args:
            number: Its number. Of equal trials, the earlier is the better.
            cost: What it is ranked by (`tune.objective`); infinite if it failed.
            costs: What it costs beside, as many for each trial.
            kept: Whether its weights are there; without them it takes no place.
        """
        if not math.isfinite(cost):
            self.fallen.append(number)
            return
        place = ((cost, *costs), number)
        self._front = pareto_front([*self._front, place])
        if kept:
            insort(self._places, place)
        if len(self._places) > self._size:
            self._drop()

    def _drop(self) -> None:
        others = [place for place in self._places if place not in self._front]
        place = others[-1] if others else most_crowded(self._places)
        self._places.remove(place)
        self.fallen.append(place[1])
