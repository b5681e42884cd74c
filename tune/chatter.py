"""What libraries write to the process's stderr, or stdout, past Python's logging, kept away from the user's screen."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
def ray_diverted() -> Iterator[None]:
    """Sends to stderr's file, and so where chatter goes, what Ray complains of: it prints that on stdout, amid results."""
    from ray._private import worker

    def tell(told: Mapping[str, Any], **_: Any) -> None:
        os.write(STDERR, "".join(f"{line}\n" for line in told["lines"]).encode("utf-8", "backslashreplace"))

    before, worker.print_to_stdstream = worker.print_to_stdstream, tell
    try:
        yield
    finally:
        worker.print_to_stdstream = before


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
