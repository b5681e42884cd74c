"""The search space: which hyperparameters vary, within what, and when they exist at all."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from model.hparams import HParams

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISON = re.compile(r"(<=|<|>=|>)\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One hyperparameter of a space.

    Attributes:
        name: A field of `HParams`.
        kind: 'int' or 'float' (a range, both ends included), 'choice', or 'fixed'.
        values: The range's two ends; the choices; or the one fixed value.
        log: Whether a range is drawn from evenly in the logarithm.
        step: Distance of the values of a range, or None.
        when: Conditions on dimensions drawn before this one, all to hold; else this one does not exist. A condition is a
            value, a list of values, or a comparison such as '> 0'.
    """

    name: str
    kind: str
    values: tuple[Any, ...]
    log: bool = False
    step: float | None = None
    when: tuple[tuple[str, Any], ...] = ()

    def suggest(self, trial: optuna.Trial) -> Any:
        """Asks an Optuna trial for a value."""
        if self.kind == "int":
            return trial.suggest_int(self.name, *self.values, log=self.log, step=int(self.step or 1))
        if self.kind == "float":
            return trial.suggest_float(self.name, *self.values, log=self.log, step=self.step)
        if self.kind == "choice":
            return trial.suggest_categorical(self.name, self.values)
        return self.values[0]

    def distribution(self) -> BaseDistribution | None:
        """Returns what `suggest` draws from, in Optuna's terms; None where the value is fixed."""
        if self.kind == "choice":
            return CategoricalDistribution(self.values)
        if self.kind == "fixed":
            return None
        low, high = self.values
        if self.kind == "int":
            return IntDistribution(low, high, log=self.log, step=int(self.step or 1))
        return FloatDistribution(low, high, log=self.log, step=self.step)

    def contains(self, value: Any) -> bool:
        """Tells whether a value can be drawn."""
        if self.kind in {"choice", "fixed"}:
            return value in self.values
        low, high = self.values
        on_step = self.step is None or math.isclose((value - low) / self.step, round((value - low) / self.step), abs_tol=1e-9)
        return bool(low <= value <= high and on_step)

    def nearest(self, value: Any) -> Any:
        """Returns what can be drawn that is nearest to a value; of choices that are no numbers, the first."""
        if self.contains(value):
            return value
        if self.kind in {"choice", "fixed"}:
            numbers = all(isinstance(one, int | float) for one in (value, *self.values))
            return min(self.values, key=lambda one: abs(one - value)) if numbers else self.values[0]
        low, high = self.values
        within = min(max(value, low), high)
        return within if self.step is None else min(high, low + round((within - low) / self.step) * self.step)

    def exists(self, chosen: Mapping[str, Any]) -> bool:
        """Tells whether the conditions hold, given the values of the dimensions that exist before this one."""
        return all(name in chosen and _holds(condition, chosen[name]) for name, condition in self.when)


@dataclass(frozen=True, slots=True)
class Space:
    """The dimensions in the order in which they are drawn; hyperparameters not named stay at their defaults."""

    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: optuna.Trial) -> HParams:
        """Draws hyperparameters by asking an Optuna trial for each dimension that exists."""
        return self._choose(lambda dimension: dimension.suggest(trial))

    def nearest(self, hparams: HParams) -> HParams:
        """Returns the hyperparameters in this space that are nearest to others, each by itself."""
        return self._choose(lambda dimension: dimension.nearest(getattr(hparams, dimension.name)))

    def _choose(self, value: Callable[[Dimension], Any]) -> HParams:
        chosen: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.exists(chosen):
                chosen[dimension.name] = value(dimension)
        return HParams(**chosen)

    def place(self, hparams: HParams) -> dict[str, Any] | None:
        """Returns the values to draw so that `suggest` comes to these hyperparameters, fixed ones aside.

        None if one of them lies outside the space.
        """
        chosen: dict[str, Any] = {}
        drawn: dict[str, Any] = {}
        for dimension in self.dimensions:
            if not dimension.exists(chosen):
                continue
            value = dimension.values[0] if dimension.kind == "fixed" else getattr(hparams, dimension.name)
            if not dimension.contains(value):
                return None
            chosen[dimension.name] = value
            if dimension.kind != "fixed":
                drawn[dimension.name] = value
        return drawn

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What each dimension is drawn from, where it exists; fixed ones aside."""
        drawn = ((dimension.name, dimension.distribution()) for dimension in self.dimensions)
        return {name: distribution for name, distribution in drawn if distribution is not None}

    def may_be(self, name: str, value: Any) -> bool:
        """Tells whether a hyperparameter can come to a value."""
        named = [dimension for dimension in self.dimensions if dimension.name == name]
        return any(dimension.contains(value) for dimension in named) if named else getattr(HParams(), name) == value

    def largest(self) -> HParams:
        """Returns hyperparameters that are each as large as can be drawn; those that are no numbers at their defaults."""
        numbers = {d.name: max(d.values) for d in self.dimensions if all(isinstance(value, int | float) for value in d.values)}
        return HParams(**numbers)

    @property
    def longest_text(self) -> int:
        """The greatest `max_length` that can be drawn."""
        lengths = [max(dimension.values) for dimension in self.dimensions if dimension.name == "max_length"]
        return int(lengths[0]) if lengths else HParams().max_length


def _holds(condition: Any, value: Any) -> bool:
    if isinstance(condition, list | tuple):
        return value in condition
    if isinstance(condition, str) and (match := COMPARISON.fullmatch(condition.strip())):
        return _COMPARISONS[match[1]](value, float(match[2]))
    return bool(value == condition)
