"""How trials end."""

from __future__ import annotations

from tune.outcome import TrialOutcome
from tune.report.page import BLUE, GREY, ORANGE, RED, TEAL

ENDS = {"stopped": ORANGE, "no better": TEAL, "all epochs": BLUE, "time limit": GREY, "failed": RED, "running": GREY}
"""How trials end, and their colours."""


def end_of(trial: TrialOutcome) -> str:
    """Tells how a trial ended, as `ENDS` has it."""
    if trial.state in {"failed", "running"}:
        return trial.state
    begins = {"stopped": "stopped", "no better": "no better", "time limit": "time limit"}
    return next((kind for start, kind in begins.items() if trial.reason.startswith(start)), "all epochs")
