"""Memory: what a process holds, and what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

from data.memory import all_memory

WORKERS_SHARE = 0.7
"""Of the memory, what workers may hold together; the rest is the corpus's, the driver's and Ray's."""

TENSORFLOW = 2**29
"""Bytes that a worker holds before it has compiled much; 350 MiB were measured (benchmarks/memory.py)."""


def own_memory() -> int:
    """Returns the resident bytes that this process shares with no other; 0 where the system does not say."""
    try:
        return memory_of("self")
    except OSError:
        return 0


def memory_of(process: int | str) -> int:
    """Returns the resident bytes that a process, by its id, shares with no other.

    Raises:
        OSError: If there is no such process, or the system does not say.
    """
    _, resident, shared, *_ = map(int, Path(f"/proc/{process}/statm").read_text(encoding="ascii").split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def worker_memory(gib: float | None, workers: int) -> float:
    """Returns the bytes above which a worker is replaced: what the settings say, or its part of the memory."""
    return gib * 2**30 if gib else WORKERS_SHARE * all_memory() / workers


def pool_memory(worker: float) -> int:
    """Returns the bytes that a worker may keep compiled networks in: half of what it may hold beyond TensorFlow itself."""
    return int(max(worker - TENSORFLOW, 0) / 2)
