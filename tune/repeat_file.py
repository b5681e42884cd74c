"""What a search's folder holds of its repeats."""

from __future__ import annotations

from typing import Any

from tune.damage import intact
from tune.folder import REPEATS, SearchFolder

Runs = dict[str, dict[str, Any]]


def read_runs(folder: SearchFolder) -> Runs:
    """Reads what repeats there are, by `run_key`."""
    return folder.read_json(REPEATS) if (folder.path / REPEATS).exists() else {}


def repeat_seconds(folder: SearchFolder) -> float:
    """Returns the seconds that repeats have spent in training and validation steps."""
    with intact(folder.path / REPEATS):
        return float(sum(run["seconds"] for run in read_runs(folder).values()))
