"""YAML as people write it, read without trust: whatever is wrong with it is one kind of error, and nothing grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

MOST_VALUES = 100_000
"""Values that a document may come to, those of its aliases counted as often as they are named."""


def parse_yaml(text: str) -> Any:
    """Returns the plain values that a YAML document holds.

    Raises:
        yaml.YAMLError: If it is none; if a value is not of the type that its look or its tag gives it (2026-13-45); or if
            aliases make more of it than anybody means: of an alias within itself there is no end, of ten aliases to ten
            aliases each there soon is none.
    """
    try:
        values = yaml.safe_load(text)
        _count(values, {}, set())
    except yaml.YAMLError:
        raise
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        OverflowError,
    ) as error:  # PyYAML's constructors raise all of them
        raise yaml.YAMLError(f"a value cannot be read ({error})") from None
    return values


def _count(value: Any, known: dict[int, int], within: set[int]) -> int:
    """Counts the values that a document would be without aliases."""
    if not isinstance(value, Mapping | list | tuple | set):
        return 1
    if id(value) in within:
        raise yaml.YAMLError("it holds itself, by an alias")
    if id(value) not in known:
        within.add(id(value))
        parts = value.values() if isinstance(value, Mapping) else value
        known[id(value)] = 1 + sum(_count(part, known, within) for part in parts)
        within.remove(id(value))
    if known[id(value)] > MOST_VALUES:
        raise yaml.YAMLError(f"its aliases make more than {MOST_VALUES:,} values of it")
    return known[id(value)]
