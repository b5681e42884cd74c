"""What trials are ranked by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Metric = Literal["loss", "accuracy", "macro_f1"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure of the validation rows, and which way is better.

    Attributes:
        metric: 'loss', the full loss, lower is better; 'accuracy' or 'macro_f1', higher is better.
    """

    metric: Metric = "loss"

    @property
    def mode(self) -> str:
        """'min' or 'max', as Ray has it."""
        return "min" if self.metric == "loss" else "max"

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """'minimize' or 'maximize', as Optuna has it."""
        return "minimize" if self.metric == "loss" else "maximize"

    def cost(self, figures: Mapping[str, Any]) -> float:
        """Returns what an epoch is ranked by, lower is better; infinite where its loss is not finite."""
        if not math.isfinite(figures["loss"]):
            return math.inf
        return self.cost_of(figures[self.metric])

    def cost_of(self, value: float) -> float:
        """Returns a value of the metric as a cost, or a cost as a value."""
        return float(value if self.metric == "loss" else -value)

    def lowest(self, values: Iterable[float]) -> float:
        """Returns the lowest cost of values of the metric; infinite if none is finite."""
        return min((self.cost_of(value) for value in values if math.isfinite(value)), default=math.inf)
