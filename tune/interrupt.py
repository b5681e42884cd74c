"""Ctrl-C during a search: once for a clean end, twice for an end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any


@contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Makes of the first Ctrl-C (or SIGTERM) an event, of the second what it is by default.

    It is said from a thread of its own: the signal may have come while this one was writing to the very same stream.
    """
    event, came = threading.Event(), SimpleQueue[bool]()
    before: dict[signal.Signals, Any] = {}

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        came.put(True)
        event.set()
        for kind, handler in before.items():
            signal.signal(kind, handler)

    def tell() -> None:
        if came.get():
            say("Stopping; what is finished is kept")

    teller = threading.Thread(target=tell, name="interrupt", daemon=True)
    teller.start()
    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, on_signal) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        came.put(False)
        teller.join()
        for kind, handler in before.items():
            signal.signal(kind, handler)
