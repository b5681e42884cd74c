"""The clock that time limits are kept by: nobody sets it, and it stands still while the machine sleeps."""

from __future__ import annotations

import os
import platform
import time
import uuid
from pathlib import Path

VARIABLE = "TOPKNOT_CLOCK"
"""Of the environment: by how much this clock was ahead of the time since the machine was started, and which start that was."""


def now() -> float:
    """Returns seconds: as `time.time` gives them when the first process asks, and from there evenly on.

    Those that it starts on this machine agree with it. On a cluster's other nodes they begin by their own `time.time`.
    """
    return time.monotonic() + _AHEAD


def _ahead() -> float:
    # Where the system does not say which start it is, as macOS: no variable outlives the machine's next one.
    started = boot_id() or f"{platform.node()}/{uuid.getnode()}".replace(" ", "-")
    then, _, ahead = os.environ.get(VARIABLE, "").partition(" ")
    if then == started:
        return float(ahead)
    found = time.time() - time.monotonic()
    os.environ[VARIABLE] = f"{started} {found!r}"
    return found


def boot_id() -> str:
    """Returns which start of which machine this is; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


_AHEAD = _ahead()
