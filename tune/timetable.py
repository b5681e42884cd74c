"""When the parts of a search end, that its time limit is kept and nothing asked for is left without time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tune.inputs import Inputs
from tune.settings import Settings

FINISH_SECONDS = 4.0
TOKENS_PER_SECOND = 300_000
FINISH_SHARE = 0.3
"""Kept of a time limit for evaluating the winner: so many seconds, and the time to read the corpus once, by a cautious
rate; but no more than this share of the limit."""
CANDIDATE_SECONDS = 0.7
"""Kept beyond that for each classifier that an ensemble may be chosen from."""
REPEAT_SHARE = 0.25
"""Kept of a time limit for training the best configurations again with other seeds."""
REFIT_SHARE = 0.5
"""Kept of what is left then for training, at most, for training the winner on more rows."""


class Timetable(NamedTuple):
    """When each part of a run ends, as `data.clock.now` gives it; infinite without a time limit.

    Attributes:
        trials: The last trial.
        repeats: Training the best configurations again with other seeds.
        refit: Training the winner again on train and validation rows.
        deadline: All of it.
    """

    trials: float
    repeats: float
    refit: float
    deadline: float


class Again(NamedTuple):
    """What it takes to train the winner again.

    Attributes:
        seconds: The training, as far as that is known by now (`tune.refit_time`).
        evaluation: Seconds that evaluating it takes then (`retest_seconds`).
        began: When trials could begin, as `data.clock.now` gives it.
    """

    seconds: float
    evaluation: float
    began: float


def make_timetable(
    settings: Settings, started: float, seconds: float | None, finish: float, again: Again | None = None
) -> Timetable:
    """Plans a run.

    Args:
        settings: Of the search.
        started: When the user asked for it, as `data.clock.now` gives it.
        seconds: What it may take from then on, or None.
        finish: What evaluating the winner takes (`finish_seconds`).
        again: What training it again takes; None if it is not to be.
    """
    if seconds is None:
        return Timetable(math.inf, math.inf, math.inf, math.inf)
    deadline, most = started + seconds, FINISH_SHARE * seconds
    repeat = REPEAT_SHARE * seconds if settings.repeat else 0.0
    if again is None:
        trained = deadline - min(finish, most)
        return Timetable(trained - repeat, trained, trained, deadline)
    refit = deadline - min(again.evaluation, most)
    kept = min(finish + again.seconds, REFIT_SHARE * max(refit - repeat - again.began, 0.0))
    return Timetable(refit - kept - repeat, refit - kept, refit, deadline)


def told(settings: Settings, seconds: float | None) -> Iterator[str]:
    """Yields what of a time limit of so many seconds is kept for what follows the trials, if that was asked for."""
    if seconds is None:
        return
    if settings.repeat:
        yield f"{REPEAT_SHARE * seconds:.0f} s of that are kept to train the best configurations again with other seeds"
    if settings.refit:
        yield (
            "As much of that as it will take, by what the trials take, but half at most, is kept to train the winner again "
            "on train and validation rows"
        )


def finish_seconds(settings: Settings, inputs: Inputs) -> float:
    """Returns what evaluating the winner on all three sides takes, by a cautious estimate."""
    once = _reading_seconds(inputs)
    seconds = FINISH_SECONDS + once
    if settings.ensemble > 1:
        seconds += settings.keep * (CANDIDATE_SECONDS + settings.validation * once) + most_members(settings) * once
    return seconds


def retest_seconds(settings: Settings, inputs: Inputs) -> float:
    """Returns what evaluating the refitted winner on the test rows takes, by a cautious estimate."""
    return FINISH_SECONDS + most_members(settings) * settings.test * _reading_seconds(inputs)


def most_members(settings: Settings) -> int:
    """Returns how many classifiers may answer together: chosen more than once, one is still one."""
    return min(settings.ensemble, settings.keep)


def _reading_seconds(inputs: Inputs) -> float:
    """Returns what it takes to read the corpus once."""
    tokens = inputs.dataset.tokens
    lengths = np.minimum(tokens.lengths(np.arange(len(tokens))), inputs.space.longest_text)
    return float(lengths.sum()) / TOKENS_PER_SECOND
