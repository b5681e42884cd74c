"""Weights & Biases: a run for each trial, grouped by search."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from tune.tracking.tracker import Tracker, held_out


class WandbTracker(Tracker):
    """Tells a project; WANDB_MODE=offline keeps it on this machine."""

    def __init__(self, project: str, name: str) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")  # it tells of each artefact on the user's screen
        self._project, self._name = project, name
        self._runs: dict[int, Any] = {}

    def check(self) -> None:
        """Makes sure that there is a key, unless it is offline."""
        settings = wandb.setup().settings
        if settings.mode != "offline" and not wandb.login(anonymous="never", timeout=10):
            raise ConnectionError("there is no key; run `wandb login`, or set WANDB_MODE=offline")

    def begin(self, trial: int, hparams: Mapping[str, Any]) -> None:
        """Starts the trial's run."""
        self._runs[trial] = self._start(f"{self._name} trial {trial}", dict(hparams))

    def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Logs figures, the epoch being the step."""
        self._runs[trial].log(dict(figures), step=epoch)

    def end(self, trial: int, state: str, reason: str, best: Mapping[str, float]) -> None:
        """Ends the run."""
        run = self._runs.pop(trial)
        run.summary.update({f"best_{name}": value for name, value in best.items()} | {"state": state, "reason": reason})
        run.finish(exit_code=int(state == "failed"))

    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        """Logs the winner's figures and its classifier as a model."""
        run = self._start(f"{self._name} winner", dict(result["hparams"]))
        run.summary.update(
            {f"{side}_{name}": value for side, figures in held_out(result).items() for name, value in figures.items()}
        )
        artefact = wandb.Artifact(f"{self._name}-classifier", type="model")
        artefact.add_dir(str(classifier))
        run.log_artifact(artefact)
        run.finish()

    def close(self) -> None:
        """Ends runs that were cut short."""
        for run in self._runs.values():
            run.finish()

    def _start(self, name: str, config: dict[str, Any]) -> Any:
        settings = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True)
        return wandb.init(
            project=self._project, name=name, group=self._name, config=config, reinit="create_new", settings=settings
        )
