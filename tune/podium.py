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
        self._full = False  # there is no room in the budget for one more
        self._places: list[Place] = []
        self._front: list[Place] = []
        self.fallen: list[int] = []

    @property
    def bar(self) -> float:
        """The cost (`tune.objective`) that a trial must reach to stand here when it ends.

        Infinite while there is room, and where trials have costs: a cheap one may stand here whatever it reaches.
        """
        point = self._places[-1][0] if self._full or len(self._places) == self._size else ()
        return point[0] if len(point) == 1 else math.inf

    def fit(self, budget: float, size_of: Callable[[int], int]) -> None:
        """Keeps the best trial, and of the others, the better ones first, each whose weights the budget still has room for.

        Args:
            budget: Bytes that they may take together.
            size_of: Tells those of a trial.
        """
        sizes = {place: size_of(place[1]) for place in self._places}
        for index, place in enumerate(reversed(self._worst_first())):
            budget -= sizes[place]
            if index and budget < 0:
                budget += sizes.pop(place)
                self._fell(place)
        self._full = bool(sizes) and budget < min(sizes.values())

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
            self._fell(self._worst(self._places))

    def _worst_first(self) -> list[Place]:
        places, order = list(self._places), []
        while len(places) > 1:
            order.append(self._worst(places))
            places.remove(order[-1])
        return [*order, *places]

    def _worst(self, places: list[Place]) -> Place:
        others = [place for place in places if place not in self._front]
        return others[-1] if others else most_crowded(places)

    def _fell(self, place: Place) -> None:
        self._places.remove(place)
        self.fallen.append(place[1])
