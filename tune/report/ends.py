"""How trials end."""

from __future__ import annotations

from tune.ending import TIME_LIMIT
from tune.outcome import TrialOutcome
from tune.report.page import BLUE, GREY, ORANGE, RED, TEAL

ENDS = {"stopped": ORANGE, "no better": TEAL, "all epochs": BLUE, TIME_LIMIT: GREY, "failed": RED, "running": GREY}
"""How trials end, and their colours."""


def end_of(trial: TrialOutcome) -> str:
    """Tells how a trial ended, as `ENDS` has it."""
    if trial.state in {"failed", "running"}:
        return trial.state
    return next((end for end in ("stopped", "no better", TIME_LIMIT) if trial.reason.startswith(end)), "all epochs")
