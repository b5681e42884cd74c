"""When a training ends of itself, and what a trial's reason to end tells of how it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tune.objective import Objective

Ending = Literal["complete", "stopped", "failed"]
TIME_LIMIT, DIVERGED, CRASHED = "time limit", "nan", "crashed"
"""What reasons begin with, up to a colon, where a training did not come to its own end."""
ENDINGS: dict[str, Ending] = {TIME_LIMIT: "stopped", DIVERGED: "failed", CRASHED: "failed"}


def cut_short(epoch: int) -> str:
    """Says of a training that time ended it within an epoch, of which as much counts as was trained."""
    return f"{TIME_LIMIT}: cut short in epoch {epoch}"


def kind_of(reason: str) -> str:
    """Returns what a reason begins with, up to a colon."""
    return reason.split(":", maxsplit=1)[0]


def ending_of(reason: str) -> Ending:
    """Tells how a trial ended that gave a reason itself."""
    return ENDINGS.get(kind_of(reason), "complete")


@dataclass(frozen=True, slots=True)
class Rules:
    """When a training ends of itself, and which of its epochs is its best.

    Attributes:
        epochs: At most so many.
        patience: Epochs that are no better after which it ends.
        objective: What better means.
    """

    epochs: int
    patience: int
    objective: Objective

    def why_ended(self, epoch: int, loss: float, best_epoch: int) -> str:
        """Says why a training ends after this epoch, or nothing if it goes on.

        Args:
            epoch: Counted from 1.
            loss: Of that epoch.
            best_epoch: The best one so far; 0 if there is none.
        """
        if not math.isfinite(loss):
            return f"{DIVERGED}: the loss was not finite in epoch {epoch}"
        if epoch >= self.epochs:
            return f"all {self.epochs} epochs"
        if epoch - best_epoch >= self.patience:
            return f"no better since epoch {best_epoch}"
        return ""
