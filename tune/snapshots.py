"""What running trials need to go on after their process, their node or the driver has died: a file a trial.

The file also holds what the trial has reported: whoever goes on from it reports that anew first, so that the scheduler and
the study see what they would have seen.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from model.snapshot import Snapshot
from tune.attributes import METRICS
from tune.trial_files import DAMAGE, TrialFiles

SECONDS = 5.0
"""Of training that may be lost, beside an epoch: a trial writes its first snapshot so long after its start.

On a cluster, whose nodes may be gone at any moment, snapshots are written after each epoch."""
COST = 20.0
"""A snapshot is written at most every so many times the seconds that writing the last one took."""
WITHIN_SECONDS = 30.0
"""Of a long epoch that may be lost: so often a snapshot is written in its midst."""
COUNTS, REPORTS, WEIGHT, OPTIMIZER = "counts", "reports", "weight", "optimizer"
LOSSES, SPENT, TOO_MUCH = "losses", "spent", "too much"


class Kept(NamedTuple):
    """A running trial's snapshot and the metrics of each of its epochs (`tune.attributes.METRICS`)."""

    snapshot: Snapshot
    reports: list[dict[str, float]]


class SnapshotFile:
    """A trial's file, and when it is to be written.

    Args:
        files: The search's snapshots.
        trial: Its number.
        each_epoch: Whether it is written after each epoch, whatever that costs.
    """

    def __init__(self, files: TrialFiles, trial: int, *, each_epoch: bool = False) -> None:
        self._files, self._trial, self._file, self._each_epoch = files, trial, files.writer(trial), each_epoch
        self._written = time.monotonic()
        self._due = self._written + SECONDS

    @property
    def due(self) -> bool:
        """Whether it is time to write it after an epoch."""
        return self._each_epoch or time.monotonic() >= self._due

    @property
    def due_within(self) -> bool:
        """Whether it is time to write it within an epoch."""
        return time.monotonic() >= max(self._due, self._written + WITHIN_SECONDS)

    def write(self, kept: Kept) -> None:
        """Writes the file, whole or not at all; not if the trial is run again elsewhere."""
        started = time.monotonic()
        arrays: dict[str, Any] = {f"{WEIGHT}{index}": weight for index, weight in enumerate(kept.snapshot.weights)}
        arrays |= {f"{OPTIMIZER}{index}": array for index, array in enumerate(kept.snapshot.optimizer)}
        arrays[COUNTS] = np.array([kept.snapshot.epoch, kept.snapshot.steps])
        arrays[REPORTS] = np.array([[report[metric] for metric in METRICS] for report in kept.reports], dtype=np.float64)
        arrays[LOSSES], arrays[SPENT] = np.array(kept.snapshot.losses), np.array(kept.snapshot.seconds)
        self._file.write(arrays)
        self._written = time.monotonic()
        self._due = self._written + max(SECONDS, COST * (self._written - started))

    def give_up(self, reason: str) -> None:
        """Writes that the trial takes more memory than there is for it; whoever runs it again is told by `read`."""
        self._file.write({TOO_MUCH: np.array(reason)})

    def read(self) -> Kept | None:
        """Reads the file; None where there is none, or it is damaged: the trial then begins anew.

        Raises:
            MemoryError: If the trial was given up, with the reason.
        """
        try:
            arrays = self._files.read(self._trial)
        except DAMAGE:
            return None
        if TOO_MUCH in arrays:
            raise MemoryError(str(arrays[TOO_MUCH]))
        try:
            weights, optimizer = (
                [arrays[f"{kind}{index}"] for index in range(sum(name.startswith(kind) for name in arrays))]
                for kind in (WEIGHT, OPTIMIZER)
            )
            epoch, steps = arrays[COUNTS].tolist()
            losses, seconds = arrays[LOSSES].tolist(), float(arrays[SPENT])
            reports = [dict(zip(METRICS, row, strict=True)) for row in arrays[REPORTS].tolist()]
        except DAMAGE:
            return None
        snapshot = Snapshot(epoch, steps, weights, optimizer, losses, seconds)
        return Kept(snapshot, reports) if len(reports) == epoch else None
