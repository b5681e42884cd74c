"""Addresses that a user gave, as they may be printed."""

from __future__ import annotations

import re

HIDDEN = "***"
NAME = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
"""What stands for a value of the environment."""
PASSWORD = re.compile(r"(?<=://)([^:/@\[]*:)(.*(?=@)|(?!\d*(?:[/?]|$))[^/?]*)")
"""Up to the last @, should one stand in the password; without any, what stands in the place of a port and is none."""
_ARGUMENT = re.compile(r"([?&]\w*pass\w*=)([^&]*)")


def shown_address(address: str) -> str:
    """Returns an address as it may be printed: as it was given, but for a password that stands in it; $NAMES stay."""

    def hidden(match: re.Match[str]) -> str:
        before, password = match.groups()
        return before + (password if not password or NAME.fullmatch(password) else HIDDEN)

    return _ARGUMENT.sub(hidden, PASSWORD.sub(hidden, address))
