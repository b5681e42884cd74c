"""What trials are ranked by, and the costs that it is weighed against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Metric = Literal["loss", "accuracy", "macro_f1"]
Cost = Literal["size", "latency"]
Direction = Literal["minimize", "maximize"]
METRICS: tuple[Metric, ...] = get_args(Metric)
COSTS: tuple[Cost, ...] = get_args(Cost)


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure of the validation rows, which way is better, and what a better figure may cost.

    Attributes:
        metric: 'loss', the full loss, lower is better; 'accuracy' or 'macro_f1', higher is better. Epochs and trials are
            ranked by it.
        against: Of each trial, what its classifier takes, lower is better: 'size', bytes (`model.size`), and 'latency',
            milliseconds (`model.latency`). Of trials as good, the cheaper is the better one.
    """

    metric: Metric = "loss"
    against: tuple[Cost, ...] = ()

    @property
    def mode(self) -> str:
        """'min' or 'max', as Ray has it."""
        return "min" if self.metric == "loss" else "max"

    @property
    def names(self) -> list[str]:
        """The metric, then the costs."""
        return [self.metric, *self.against]

    @property
    def directions(self) -> list[Direction]:
        """What to do with the metric and with each cost, as Optuna has it."""
        costs: list[Direction] = ["minimize"] * len(self.against)
        return ["minimize" if self.metric == "loss" else "maximize", *costs]

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

    def costs_of(self, costs: Mapping[str, float]) -> tuple[float, ...]:
        """Returns a trial's costs in the order of `against`; infinite where they are not known."""
        return tuple(costs.get(name, math.inf) for name in self.against)


def parse_objective(names: str) -> Objective:
    """Makes an objective of names parted by commas: a figure of quality, then what it is weighed against.

    Raises:
        ValueError: Saying what would be right.
    """
    metric, *against = (name.strip() for name in names.split(","))
    quality, costs = " or ".join((", ".join(METRICS[:-1]), METRICS[-1])), " and ".join(COSTS)
    for name in (metric, *against):
        if name not in METRICS + COSTS:
            raise ValueError(f"there is no metric {name!r}; there are {', '.join(METRICS)}, and the costs {costs}")
    if metric not in METRICS:
        raise ValueError(f"the first must be what 'best' means, {quality}, and costs come after it; got {names!r}")
    if several := [name for name in against if name in METRICS]:
        raise ValueError(f"{metric} says what 'best' means, {several[0]} cannot too: one of {quality}, then costs ({costs})")
    if len(set(against)) < len(against):
        raise ValueError(f"a cost is named once; got {names!r}")
    return Objective(metric, tuple(against))  # type: ignore[arg-type]
