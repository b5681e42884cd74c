"""The checksum of a JSON document, which stands in it: a byte that has changed since is found, whatever sense it makes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

CHECKSUM = "sha256"


def with_checksum(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with the SHA-256 of what it holds, however it is written down, as its last entry."""
    return document | {CHECKSUM: _digest(document)}


def without_checksum(document: dict[str, Any]) -> dict[str, Any]:
    """Returns what was given to `with_checksum`; a document that has no checksum, as it is.

    Raises:
        ValueError: If it has changed since.
    """
    content = dict(document)
    if CHECKSUM in content and content.pop(CHECKSUM) != _digest(content):
        raise ValueError(f"it has changed since it was written; whoever has changed it on purpose takes its {CHECKSUM!r} out")
    return content


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
