"""Ctrl-C during a search: once for a clean end, twice for an end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Makes of the first Ctrl-C (or SIGTERM) an event, of the second what it is by default."""
    event = threading.Event()
    before: dict[signal.Signals, Any] = {}

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        say("Stopping; what is finished is kept")
        event.set()
        for kind, handler in before.items():
            signal.signal(kind, handler)

    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, on_signal) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
