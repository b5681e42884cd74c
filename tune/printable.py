"""Texts and labels of others on a terminal: their control characters stay without effect."""

from __future__ import annotations


def printable(text: str) -> str:
    """Returns a text in a line: white space as spaces, and a sign in the place of what else is not to be seen."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text)
