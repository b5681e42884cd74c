"""Seconds, and the memory and useful work of a training step. Imports no framework."""

import os
import time
from pathlib import Path

import numpy as np
from contenders.corpus import CLASSES

EMBEDDING = 64


def now() -> np.ndarray:
    """Returns the process's CPU seconds, all threads together, and the wall's: float64 (2,)."""
    return np.array([time.process_time(), time.perf_counter()])


def enough(steps: list[np.ndarray], most: int = 8, seconds: float = 10.0) -> bool:
    """Decides whether steps of one length suffice: 8, or fewer of long ones, but 2."""
    return len(steps) >= most or (len(steps) >= 2 and sum(step[0] for step in steps) >= seconds)


def useful_flop(units: int, tokens: float, texts: float, fraction: float) -> float:
    """Counts the floating-point operations that a training step needs, padding and all overhead left out.

    Forward, a token costs 2 * (embedding + units) * 4 * units and a text 2 * units * classes; backward costs twice that.
    Training on the full loss (and on the dense top-k loss, which computes all of it) is thus 3 times forward. Ranking and
    training on the k hardest is forward for all and 3 times forward for the share k/B, whose texts count as long as the
    others.
    """
    forward = tokens * 2 * (EMBEDDING + units) * 4 * units + texts * 2 * units * CLASSES
    return forward * (3 if fraction == 1 else 1 + 3 * fraction)


def needed_gib(units: int, batch: int, length: int, floats_per_unit: int) -> float:
    """Estimates what a training step holds: for each padded token so many floats a unit, and 3 vectors of the embedding."""
    return batch * length * (floats_per_unit * units + 3 * EMBEDDING) * 4 / 2**30


def available_gib() -> float:
    """Returns the memory that a process could have now, or all there is where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
        return int(fields["MemAvailable"].split()[0]) / 2**20
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
