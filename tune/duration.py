"""A duration as people write it: 90s, 10m, 1h30m."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """Returns the seconds of '90', '90s', '10m', '1h30m' or a number; anything else as it is, for pydantic to refuse."""
    if isinstance(value, str):
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", value)
        if parts and "".join(number + unit for number, unit in parts) == value:
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
        if not re.fullmatch(r"\d+(\.\d+)?", value):
            raise ValueError(f"{value!r} is no duration such as 90s, 10m or 1h30m")
    return value
