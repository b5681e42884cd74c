"""What a study keeps of a trial beside Optuna's own: the names of its user attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METRICS = ("train_loss", "loss", "accuracy", "macro_f1", "seconds", "tokens", "at")
"""What is kept of each epoch: `model.epoch_report.EpochReport`, and the time of its end as `time.time` gives it."""
PART = "part"
"""Kept with them where the epoch was cut short: the part of it that was trained, below 1."""
HPARAMS, REASON, PARTIAL = "hparams", "reason", "partial_seconds"
COSTS = "costs"
"""A trial's costs, by name, where it has any (`tune.objective`)."""


def trained_part(metrics: Mapping[str, Any]) -> float:
    """Returns which part of an epoch was trained, by its metrics: 1, or less where it was cut short."""
    return float(metrics.get(PART, 1))


def epoch_key(epoch: int) -> str:
    """Returns the name under which an epoch's metrics stand."""
    return f"epoch-{epoch:04d}"
