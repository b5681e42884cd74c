"""What a check finds, and what it is looked at for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at.
        state: 'pass', 'warn' or 'fail'.
        told: What is so.
        fix: What to do; empty where it passes.
    """

    check: str
    state: Literal["pass", "warn", "fail"]
    told: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns the finding as JSON knows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """The search that is to come, as far as the machine matters to it.

    Attributes:
        storage: Where it is kept.
        workers: Trials at a time on each node, by its address.
        gpus_per_trial: GPUs of a trial.
        bytes_kept: Of weights and snapshots at the most.
    """

    storage: str
    workers: dict[str, int]
    gpus_per_trial: float = 0.0
    bytes_kept: int = 0
