"""TensorBoard's event files: a run for each trial, with its hyperparameters in the HParams tab."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams as hparams_summary

from tune.tracking.tracker import Tracker, held_out

BEST = "best/"


class TensorBoardTracker(Tracker):
    """Writes to a folder; look at it with `tensorboard --logdir FOLDER`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[int, SummaryWriter] = {}
        self._hparams: dict[int, Mapping[str, Any]] = {}

    def check(self) -> None:
        """Makes the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def begin(self, trial: int, hparams: Mapping[str, Any]) -> None:
        """Opens the trial's file."""
        if trial not in self._writers:
            self._writers[trial] = SummaryWriter(str(self._folder / f"{trial:05d}"), flush_secs=10)
            self._hparams[trial] = hparams

    def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Writes scalars, the epoch being the step."""
        for name, value in figures.items():
            self._writers[trial].add_scalar(name, value, epoch)

    def end(self, trial: int, state: str, reason: str, best: Mapping[str, float]) -> None:
        """Writes the hyperparameters, and the best epoch's figures as their metrics."""
        writer = self._writers.pop(trial)
        known = {name: value for name, value in self._hparams.pop(trial).items() if isinstance(value, bool | int | float | str)}
        metrics = {f"{BEST}{name}": value for name, value in best.items()}
        for summary in hparams_summary(hparam_dict=known | {"ended": f"{state}: {reason}"}, metric_dict=metrics):
            writer.file_writer.add_summary(summary)
        for name, value in metrics.items():
            writer.add_scalar(name, value)
        writer.close()

    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        """Writes the winner's figures."""
        with SummaryWriter(str(self._folder / "winner")) as writer:
            for side, figures in held_out(result).items():
                for name, value in figures.items():
                    writer.add_scalar(f"{side}/{name}", value)
            writer.add_text("winner", f"trial {result['trial']}, epoch {result['epoch']}; its classifier: {classifier.name}")

    def close(self) -> None:
        """Closes the files of trials that were cut short."""
        for writer in self._writers.values():
            writer.close()
