"""YAML as people write it, read without trust: whatever is wrong with it is one kind of error, and nothing grows."""

from __future__ import annotations

from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"
MOST_VALUES = 100_000
"""Values that a document may come to, those of its aliases counted as often as they are named."""


def parse_yaml(text: str) -> Any:
    """Returns the plain values that a YAML document holds.

    Raises:
        yaml.YAMLError: If it is none; if a value is not of the type that its look or its tag gives it (2026-13-45); or if
            aliases make more of it than anybody means: of an alias within itself there is no end, of ten aliases to ten
            aliases each there soon is none.
    """
    loader = yaml.SafeLoader(text)
    try:
        if node := loader.get_single_node():
            _count(node, {}, set())
            return loader.construct_document(node)
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
    return None


def _count(node: yaml.Node, known: dict[int, int], within: set[int]) -> int:
    """Counts the values that a document would be without aliases, before merges (`<<`) copy what they name."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in within:
        raise yaml.YAMLError("it holds itself, by an alias")
    if id(node) not in known:
        within.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            parts = [part for pair in node.value for part in pair]
        else:
            parts = node.value
        known[id(node)] = 1 + sum(_count(part, known, within) for part in parts)
        within.remove(id(node))
    if known[id(node)] > MOST_VALUES:
        raise yaml.YAMLError(f"it comes to more than {MOST_VALUES:,} values, its aliases counted")
    return known[id(node)]


def _check_keys(node: yaml.MappingNode) -> None:
    """Refuses a key that stands there twice: PyYAML takes the last one, and nobody misses the first."""
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands there twice", key.start_mark)
            seen.add((key.tag, key.value))
