"""The Pareto front: the trials that no other is better than."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Place = tuple[tuple[float, ...], int]
"""Of a trial: what it is ranked by and what it costs, lower is better in each; and its number."""


def dominates(one: Place, other: Place) -> bool:
    """Tells whether one is at least as good in everything, and better in something or, of equal ones, the earlier."""
    (ours, number), (theirs, their_number) = one, other
    return all(a <= b for a, b in zip(ours, theirs, strict=True)) and (ours != theirs or number < their_number)


def pareto_front(places: Iterable[Place]) -> list[Place]:
    """Returns the places that none dominates, the best first."""
    found: list[Place] = []
    for place in sorted(places):  # none is dominated by one that comes after it
        if not any(dominates(other, place) for other in found):
            found.append(place)
    return found


def most_crowded(front: Sequence[Place]) -> Place:
    """Returns the place of a front that is missed least: the one whose neighbours lie closest together.

    That is NSGA-II's crowding distance (Deb et al., 2002): the differences between the two neighbours in each figure, in
    parts of the front's extent in it. Those that are first or last in a figure go only if all are, the last of them; the
    best never.

    Args:
        front: Two or more places, the best first.
    """
    distances = [0.0] * len(front)
    for values in zip(*(point for point, _ in front), strict=True):
        order = sorted(range(len(front)), key=values.__getitem__)
        extent = values[order[-1]] - values[order[0]] or 1.0
        for before, index, after in zip(order, order[1:], order[2:], strict=False):
            distances[index] += (values[after] - values[before]) / extent
        distances[order[0]] = distances[order[-1]] = math.inf
    return front[min(range(1, len(front)), key=lambda index: (distances[index], -index))]
