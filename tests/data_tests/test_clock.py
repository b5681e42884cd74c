"""The clock of time limits: as the machine's, but that nobody sets it; the same in all processes that one starts."""

import os
import subprocess
import sys
import time

import pytest

from data.clock import VARIABLE, now

CODE = "import time; from data.clock import now; print(now() - time.monotonic(), time.time() - time.monotonic())"


def test_setting_the_machines_clock_does_not_move_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= now() < before + 60


def started_with(value: str) -> tuple[float, float]:
    """By how much the clock, and the machine's, are ahead in a process that is given so much to know."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | {VARIABLE: value}, capture_output=True, text=True, check=True
    )
    ours, machines = map(float, done.stdout.split())
    return ours, machines


def test_a_process_goes_by_the_clock_of_the_one_that_started_it() -> None:
    boot, _, ahead = os.environ[VARIABLE].partition(" ")
    assert float(ahead) == pytest.approx(now() - time.monotonic(), abs=0.01)
    assert started_with(f"{boot} 12345.5")[0] == pytest.approx(12345.5, abs=0.01)
    for other in ("another-machine 12345.5", ""):
        ours, machines = started_with(other)
        assert ours == pytest.approx(machines, abs=0.01)
