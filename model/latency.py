"""How long a network takes to answer one text. Needs no TensorFlow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from data.tokens import Ints, Tokens

WARM_UP, ANSWERS = 3, 5
"""Answers before those that count; answers of a round."""
FEWEST, MOST, SECONDS = 2, 8, 0.5
"""At least so many rounds; no more than so many, nor for longer than this."""


def typical_row(tokens: Tokens, rows: Ints) -> int:
    """Returns the row of the median length of some rows, 1 or more; of the two in the middle, the shorter."""
    return int(rows[np.argsort(tokens.lengths(rows), kind="stable")[(len(rows) - 1) // 2]])


def milliseconds(answer: Callable[[], object]) -> float:
    """Calls a function in some rounds, and returns the lowest of the rounds' median milliseconds a call.

    The lowest, for other trials compute meanwhile: the round in which they came in the way least says most of the network.
    """
    for _ in range(WARM_UP):
        answer()
    medians: list[float] = []
    begun = time.perf_counter()
    while len(medians) < FEWEST or (len(medians) < MOST and time.perf_counter() - begun < SECONDS):
        medians.append(statistics.median(_seconds(answer) for _ in range(ANSWERS)))
    return 1000 * min(medians)


def _seconds(answer: Callable[[], object]) -> float:
    started = time.perf_counter()
    answer()
    return time.perf_counter() - started
