"""Loaded by each Python process of a disturbed search, from its PYTHONPATH.

After SIGUSR2, its next epoch takes memory without end. Its clock is as many seconds ahead as the file CLOCK holds.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

EPOCH = "run_epoch"
AGAIN_SECONDS = 0.01
CLOCK = Path(os.environ.get("TOPKNOT_CHAOS_CLOCK", "/nonexistent"))
clock = time.time


def _take(number: int, frame: FrameType | None) -> None:
    while frame and frame.f_code.co_name != EPOCH:
        frame = frame.f_back
    if frame is None:
        threading.Timer(AGAIN_SECONDS, os.kill, [os.getpid(), number]).start()
        return
    held = []
    while True:
        held.append(bytearray(b"\1") * 2**27)
        time.sleep(AGAIN_SECONDS)


def _moved() -> float:
    ahead = 0.0
    with suppress(OSError, ValueError):
        ahead = float(CLOCK.read_text())
    return clock() + ahead


signal.signal(signal.SIGUSR2, _take)
time.time = _moved
