"""When a search is over, and how that changes as it is gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

TRIALS_OVER = "trials_over"
"""In search.json: whether the trials came to their end, and to a result, so that only what follows them is left to do."""
LEAST_SECONDS = 30.0
"""What a resumed search has at least, to bring its running trials to an end and evaluate the best."""


class Goal(NamedTuple):
    """When a search is over: at so many trials in all, or at so many wall seconds in all, its runs added up."""

    trials: int | None
    wall_seconds: float | None


def resumed_goal(goal: Goal, about: Mapping[str, Any], present: int, trials: int | None, time_limit: float | None) -> Goal:
    """Returns what a search that is resumed shall come to.

    Args:
        goal: What it was to come to so far.
        about: What search.json holds.
        present: Trials that there are.
        trials: How many to add, or None.
        time_limit: Seconds to add, or None. With neither, the goal stays; a search that time ended gets no new trials, where
            a part of what follows them is to be made, and as long as it takes for that.
    """
    ended = about["finished"] or about.get(TRIALS_OVER, False)
    if trials is None and time_limit is None:
        return Goal(present, None) if ended and goal.wall_seconds is not None else goal
    until = present if ended else max(goal.trials or 0, present)
    return Goal(
        trials=None if trials is None else until + trials,
        wall_seconds=None if time_limit is None else about["wall_seconds"] + time_limit,
    )


def seconds_left(goal: Goal, taken: float) -> float | None:
    """Returns the seconds of a search's time limit that are left when so many were taken, some at least; None without one."""
    return None if goal.wall_seconds is None else max(goal.wall_seconds - taken, LEAST_SECONDS)
