"""The seed of a trial."""

from __future__ import annotations

import numpy as np


def trial_seed(seed: int, number: int, repeat: int = 0) -> int:
    """Returns a trial's own seed, in [0, 2**31), from its search's; or that of one of its repeats, counted from 1."""
    return int(np.random.SeedSequence([seed, number, repeat]).generate_state(1)[0] >> 1)
