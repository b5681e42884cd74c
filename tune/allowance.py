"""What memory a trial may take: a process that takes more ends itself, before others have none left."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from data.memory import all_memory
from tune.memory import WORKERS_SHARE, own_memory

SPARE_SHARE = (1 - WORKERS_SHARE) / 2
"""Of the machine's memory, what a trial may take beyond its worker's part for a time: half of what workers leave to others."""
LOOK_SECONDS = 0.2
LAST_SECONDS = 2.0
"""How long a process that takes too much may take to say so, whatever its storage does."""
ENDED = 1


def watch_memory(part: float, say: Callable[[str], None]) -> None:
    """Watches this process's memory from a thread, as long as it lives; above the worker's part and what is to spare, ends it.

    Args:
        part: Bytes, of the worker's own.
        say: Called with the reason before that; what it raises changes nothing.
    """
    threading.Thread(target=_watch, args=(part, SPARE_SHARE * all_memory(), say), name="allowance", daemon=True).start()


def _watch(part: float, spare: float, say: Callable[[str], None]) -> None:
    while (own := own_memory()) <= part + spare:
        time.sleep(LOOK_SECONDS)
    last = threading.Timer(LAST_SECONDS, os._exit, [ENDED])
    last.daemon = True
    last.start()
    with suppress(Exception):
        say(reason(own, part, spare))
    os._exit(ENDED)  # no clean-up: that may take memory, too


def reason(own: float, part: float, spare: float) -> str:
    """Says that a trial took so many bytes."""
    taken, allowed, beyond = (f"{value / 2**30:.1f} GiB" for value in (own, part, spare))
    return f"took {taken} of memory, more than its worker's {allowed} (worker_memory) and {beyond} to spare"
