"""What libraries write to the process's stderr past Python's logging, kept away from the user's screen."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STDERR = 2


def divert_chatter(log: Path | None = None) -> None:
    """Sends what native code and child processes write to stderr to a file, or nowhere; Python's `sys.stderr` stays.

    TensorFlow writes a dozen lines about missing GPUs before anyone can tell it not to. May be called again with
    another file.
    """
    try:
        own = sys.stderr.fileno() == STDERR
    except (OSError, AttributeError):
        return  # a notebook or a test takes what is written
    if own:
        sys.stderr = os.fdopen(os.dup(STDERR), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it advises how to trace less; no user of ours can act on it
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(target, STDERR)
    os.close(target)


@contextmanager
def chatter_diverted() -> Iterator[None]:
    """Diverts chatter for a time: afterwards stderr is as it was before, whatever was diverted meanwhile."""
    before = sys.stderr
    try:
        kept = os.dup(STDERR)
    except OSError:  # a process without one
        yield
        return
    try:
        divert_chatter()
        yield
    finally:
        sys.stderr = before
        os.dup2(kept, STDERR)
        os.close(kept)
