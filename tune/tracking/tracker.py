"""What a tracker is told, and how one is named."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from data.errors import InputError, first_line
from data.packages import install_command
from tune.shown_address import shown_address

METRICS = ("train_loss", "loss", "accuracy", "macro_f1", "seconds")
"""Figures of an epoch that trackers are told."""
NEEDS = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
"""What a tracker imports."""
PACKAGES = NEEDS | {"mlflow": "mlflow-skinny"}
"""What that comes in."""


class Tracker(ABC):
    """Is told of one search. Whatever it raises ends the tracking, and never the search."""

    @abstractmethod
    def check(self) -> None:
        """Makes sure that it can be reached.

        Raises:
            Exception: If not; the message says why.
        """

    @abstractmethod
    def begin(self, trial: int, hparams: Mapping[str, Any]) -> None:
        """A trial begins, or goes on after a break."""

    @abstractmethod
    def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
        """An epoch has ended; counted from 1, figures by the names of `METRICS`."""

    @abstractmethod
    def end(self, trial: int, state: str, reason: str, best: Mapping[str, float]) -> None:
        """A trial has ended: 'complete', 'stopped' or 'failed', why, and the figures of its best epoch."""

    @abstractmethod
    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        """The search has ended: the document of `best --json`, and the winner's folder."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more will be told."""


def held_out(result: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Returns a winner's figures on rows that it has not learned from, by side.

    A refitted one has learned from the validation rows: theirs are those of the one that it was made of.
    """
    return {"validation": result.get("original", result)["validation"], "test": result["test"]}


def check_track(value: str) -> str:
    """Returns the name of a tracker as it came.

    Raises:
        ValueError: If it is none.
    """
    kind, _, where = value.partition(":")
    if kind not in NEEDS:
        raise ValueError(f"{shown_tracks(value)!r} is no tracker; there are tensorboard[:DIR], mlflow:URI and wandb[:PROJECT]")
    if kind == "mlflow" and not where:
        raise ValueError(
            "mlflow needs the address of its server or store: mlflow:http://127.0.0.1:5000, mlflow:sqlite:///runs/mlflow.db"
        )
    return value


def absolute_track(value: str) -> str:
    """Returns a tracker's name with the folder or file that it may name made absolute, to be used from any folder."""
    kind, _, where = value.partition(":")
    if kind == "mlflow" and (store := where.removeprefix("sqlite:///")) != where:
        return f"mlflow:sqlite:///{Path(store).absolute()}"
    names_path = kind == "tensorboard" or (kind == "mlflow" and ":" not in where and where != "databricks")
    return f"{kind}:{Path(where).absolute()}" if where and names_path else value


def shown_tracks(track: str) -> str:
    """Returns names of trackers, divided by commas, as they may be printed: passwords in addresses are hidden."""
    return ",".join(map(shown_address, track.split(",")))


def why(error: Exception, where: str) -> str:
    """Returns the first line of what went wrong with a tracker, with no password of its address in it."""
    said = first_line(error)
    return (said.replace(where, shown_address(where)) if where else said)[:200]


def make_trackers(track: str | None, name: str, folder: Path) -> dict[str, Tracker]:
    """Makes the trackers of a search by the names that the user gave, divided by commas; see `make_tracker`."""
    return {value: make_tracker(value, name, folder) for value in (track.split(",") if track else ())}


def make_tracker(value: str, name: str, folder: Path) -> Tracker:
    """Makes a tracker of a search, and makes sure that it can be reached.

    Args:
        value: As `check_track` takes it.
        name: The search's.
        folder: Of the search, where TensorBoard's files stand if nothing else is said.

    Raises:
        InputError: If what it needs is not installed, or it cannot be reached.
    """
    kind, _, where = value.partition(":")
    if find_spec(NEEDS[kind]) is None:
        raise InputError(f"--track {kind} needs {NEEDS[kind]}; install it with: {install_command(PACKAGES[kind])}")
    tracker: Tracker
    try:
        if kind == "tensorboard":
            from tune.tracking.tensorboard import TensorBoardTracker

            tracker = TensorBoardTracker(Path(where) / name if where else folder / "tensorboard")
        elif kind == "mlflow":
            from tune.tracking.mlflow import MLflowTracker

            tracker = MLflowTracker(where, name, folder)
        else:
            from tune.tracking.wandb import WandbTracker

            tracker = WandbTracker(where or "topknot", name)
        tracker.check()
    except Exception as error:
        raise InputError(f"--track {shown_tracks(value)}: it cannot be reached: {why(error, where)}") from None
    return tracker
