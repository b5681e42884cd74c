"""Loaded by each process of a disturbed search, from its PYTHONPATH: after SIGUSR2, its next epoch takes memory without end."""

import os
import signal
import threading
import time
from types import FrameType

EPOCH = "run_epoch"
AGAIN_SECONDS = 0.01


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


signal.signal(signal.SIGUSR2, _take)
