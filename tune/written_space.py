"""The written form of a search space, as it stands in YAML; docs/settings.md tells its grammar to users."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from data.errors import InputError
from model.hparams import HParams
from tune.space import COMPARISON, Dimension, Space

_KEYS = {"int": {"log", "step", "when"}, "float": {"log", "step", "when"}, "choice": {"when"}}
MOST = 2**53
"""Above it, floats are no longer all whole numbers, and Optuna reckons with floats."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def parse_space(written: Mapping[str, Any]) -> Space:
    """Makes a space of its written form, in which a dimension looks as one of these.

        lstm_layers: 1
        lstm_size: {int: [16, 128], log: true}
        dropout: {float: [0, 0.5], step: 0.1}
        pooling: {choice: [last, max]}
        dense_size: {int: [8, 64], when: {dense_layers: "> 0"}}

    Dimensions are drawn in the order in which they are written, but for those whose conditions name one that stands below.

    Raises:
        InputError: Naming the dimension and what is wrong with it.
    """
    waiting: dict[str, Dimension] = {}
    for name, entry in written.items():
        with _explained(name):
            waiting[str(name)] = _dimension(str(name), entry)
    drawn: dict[str, Dimension] = {}
    while waiting:
        name = _next(waiting, drawn)
        with _explained(name):
            for parent, condition in waiting[name].when:
                _check_condition(condition, drawn[parent])
        drawn[name] = waiting.pop(name)
    return Space(tuple(drawn.values()))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise InputError(f"space, {name}: {error}") from None


def _next(waiting: Mapping[str, Dimension], drawn: Mapping[str, Dimension]) -> str:
    """Returns the first dimension that can be drawn after those that are."""
    for name, dimension in waiting.items():
        parents = {parent for parent, _ in dimension.when}
        if parents <= drawn.keys():
            return name
        if strangers := parents - drawn.keys() - waiting.keys():
            stranger, there = min(map(str, strangers)), ", ".join([*drawn, *waiting])
            raise InputError(f"space, {name}: `when` names {stranger!r}, which is not there; there are {there}.")
    raise InputError(f"space, {next(iter(waiting))}: The conditions of {', '.join(waiting)} wait for each other.")


def _dimension(name: str, entry: Any) -> Dimension:
    # All are errors in a value, of whatever type it is (TRY004).
    if isinstance(entry, list | tuple):
        choice = f"{{choice: {list(entry)}}}"
        raise ValueError(f"A list is no value; write {choice}, or int or float and a range's ends.")  # noqa: TRY004
    if not isinstance(entry, Mapping):
        _check_values(name, [entry])
        return Dimension(name, "fixed", (entry,))
    kinds = [kind for kind in _KEYS if kind in entry]
    if len(kinds) != 1:
        raise ValueError(f"Give a value or exactly one of int, float and choice; got {dict(entry)}.")
    kind = kinds[0]
    if unknown := set(entry) - _KEYS[kind] - {kind}:
        raise ValueError(
            f"Unknown key {min(map(str, unknown))!r}; beside {kind} there may be {', '.join(sorted(_KEYS[kind]))}."
        )
    values, log, step, when = entry[kind], entry.get("log", False), entry.get("step"), entry.get("when", {})
    if not isinstance(values, list | tuple) or not values:
        raise ValueError(f"{kind} needs a list; got {values!r}.")
    if not isinstance(log, bool):
        raise ValueError(f"log must be true or false; got {log!r}.")  # noqa: TRY004
    if not isinstance(when, Mapping):
        raise ValueError(f"when needs conditions such as {{dense_layers: '> 0'}}; got {when!r}.")  # noqa: TRY004
    _check_values(name, values if kind == "choice" else [])
    if kind != "choice":
        _check_range(kind, values, log, step)
        values = [int(value) if kind == "int" else float(value) for value in values]
        _check_values(name, values)
    return Dimension(name, kind, tuple(values), log, step, tuple(when.items()))


def _check_values(name: str, values: list[Any] | tuple[Any, ...]) -> None:
    # A lone hyperparameter is valid or not, whatever the others are; so it is enough to try the ends.
    for value in values:
        _check_no_text(value)
        HParams.from_dict({name: value})


def _check_no_text(value: Any) -> None:
    """Refuses a number that YAML takes for a text: it wants a point and, after e, a sign."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        raise ValueError(f"{value!r} is a text in YAML; a number has no quotes, and a point before its e: 1.0e-4.")


def _check_range(kind: str, values: Any, log: bool, step: Any) -> None:
    for value in values:
        _check_no_text(value)
    if len(values) != 2 or not all(_is_number(kind, value) and abs(value) <= MOST for value in values):
        raise ValueError(f"{kind} needs two numbers of its kind, the ends, none beyond 2^53; got {list(values)}.")
    low, high = values
    if not low <= high:
        raise ValueError(f"The low end {low} lies above the high end {high}.")
    if log and low <= 0:
        raise ValueError(f"log needs a low end above 0; got {low}.")
    if step is None:
        return
    if not (_is_number(kind, step) and 0 < step <= MOST):
        raise ValueError(f"step must be above 0 and of the range's kind; got {step!r}.")
    if log:
        raise ValueError("log and step exclude each other.")
    steps = (high - low) / step
    if steps > MOST:
        raise ValueError(f"Steps of {step:g} from {low:g} to {high:g} are too many to be counted.")
    if not math.isclose(steps, round(steps), abs_tol=1e-9):
        last = low + math.floor(steps) * step
        raise ValueError(f"Steps of {step:g} do not lead from {low:g} to {high:g}; the last that they reach is {last:g}.")


def _is_number(kind: str, value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    return kind == "float" and isinstance(value, float) and math.isfinite(value)


def _check_condition(condition: Any, parent: Dimension) -> None:
    """Refuses conditions that are ill-formed or make no sense for a dimension of such values."""
    if isinstance(condition, str) and condition.strip()[:1] in {"<", ">", "=", "!"}:
        match = COMPARISON.fullmatch(condition.strip())
        if not match or not all(isinstance(value, int | float) for value in parent.values):
            raise ValueError(f"The condition {condition!r} is no comparison such as '> 0' with a number.")
        return
    for value in condition if isinstance(condition, list | tuple) else [condition]:
        try:
            _check_values(parent.name, [value])
        except ValueError as error:
            raise ValueError(f"`when`: {error}") from None
