"""A running search as a terminal shows it: how far it is, the best so far, and a line for each trial that runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tune.objective import Objective
from tune.printable import printable

BARS = "▁▂▃▄▅▆▇█"
CURVE = 12
"""Epochs of a curve that are drawn, the last ones."""
ENDS = {"complete": "complete", "pruned": "stopped", "failed": "failed"}
"""How trials may end, by their states: what people are told of it."""


@dataclass(slots=True)
class RunningTrial:
    """A trial that runs: its hyperparameters, and of each epoch the figure that ranks it."""

    hparams: Mapping[str, Any]
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class LiveState:
    """A search at a moment.

    Attributes:
        objective: What ranks its trials.
        max_epochs: Epochs of a trial, at most.
        elapsed: Seconds since it was asked for; earlier sittings included.
        seconds: What it may take, and trials that it shall come to: `trials`; None for no limit.
        ended: How many trials ended in each way, as `ENDS` calls it.
        useful_share: Of the workers' time, inside training and validation steps.
        best: The best epoch so far in words, and its trial's hyperparameters; None before the first.
        running: Trials that run, by number.
        notes: Lines below: where the log is, when there was news.
    """

    objective: Objective
    max_epochs: int
    elapsed: float
    seconds: float | None
    trials: int | None
    ended: Mapping[str, int]
    useful_share: float
    best: tuple[str, Mapping[str, Any]] | None
    running: Mapping[int, RunningTrial]
    notes: Sequence[str] = ()

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return sum(self.ended.values())

    def remaining(self) -> float | None:
        """Estimates the seconds that are left: those of the limit, or as the trials so far went; None if nobody can tell."""
        left = [] if self.seconds is None else [self.seconds - self.elapsed]
        if self.trials is not None and self.done:
            left.append(self.elapsed / self.done * max(0, self.trials - self.done))
        return max(0.0, min(left)) if left else None

    def progress(self) -> float:
        """Returns how far it is, in [0, 1], by the limit that is nearer."""
        shares = [0.0] if self.seconds is None else [self.elapsed / self.seconds]
        shares += [] if self.trials is None else [self.done / max(1, self.trials)]
        return min(1.0, max(shares))

    def status(self) -> str:
        """Says in a line what became of the trials, and what is left."""
        parts = [f"{self.done} trials done"] + [f"{self.ended[kind]} {kind}" for kind in ENDS.values() if self.ended.get(kind)]
        left = self.remaining()
        remaining = "" if left is None else f" · about {clock(left)} left"
        return f"{', '.join(parts)}{remaining} · useful share {self.useful_share:.2f}"


@dataclass(frozen=True, slots=True)
class LiveView:
    """Draws a state as wide as the terminal is, and no higher: trials that find no room are counted."""

    state: LiveState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state, width = self.state, options.max_width
        limits = [] if state.seconds is None else [clock(state.seconds)]
        limits += [] if state.trials is None else [f"{state.trials} trials"]
        told = f" {clock(state.elapsed)} of {' or '.join(limits)}" if limits else f" {clock(state.elapsed)}"
        bar = Table.grid(padding=0)
        bar.add_row(ProgressBar(100, 100 * state.progress(), width=max(10, min(40, width - len(told) - 1))), told)
        lines: list[Any] = [bar, _line(state.status())]
        if state.best is None:
            lines.append(_line("best: none yet", "bold"))
        else:
            text, hparams = state.best
            lines += [_line(f"best: {text}", "bold"), _line(f"      {brief(hparams)}", "dim")]
        room = (options.height or console.height) - len(lines) - len(state.notes) - 2
        if state.running:
            lines.append(self._trials(max(1, room)))
        yield Group(*lines, *(_line(note, "dim") for note in state.notes))

    def _trials(self, room: int) -> Table:
        state = self.state
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for name in ("trial", "epoch", state.objective.metric, "best"):
            table.add_column(name, no_wrap=True, justify="right", min_width=5)
        table.add_column("curve", no_wrap=True, min_width=CURVE)
        table.add_column("hyperparameters", no_wrap=True, overflow="ellipsis", ratio=1)
        best = min if state.objective.mode == "min" else max
        shown = sorted(state.running.items())
        for number, trial in shown[: room if len(shown) <= room else room - 1]:
            last, reached = (f"{trial.values[-1]:.3f}", f"{best(trial.values):.3f}") if trial.values else ("", "")
            epoch = f"{len(trial.values)}/{state.max_epochs}"
            table.add_row(str(number), epoch, last, reached, sparkline(trial.values[-CURVE:]), Text(brief(trial.hparams)))
        if len(shown) > room:
            table.add_row("", "", "", "", "", f"and {len(shown) - room + 1} more")
        return table


def best_text(number: int, epoch: int, figures: Mapping[str, float]) -> str:
    """Says what an epoch of a trial came to."""
    told = f"loss {figures['loss']:.3f}, accuracy {figures['accuracy']:.3f}, macro-F1 {figures['macro_f1']:.3f}"
    return f"trial {number}, epoch {epoch}: {told}"


def sparkline(values: Sequence[float]) -> str:
    """Draws values as bars, the lowest as the lowest bar; nothing for values that are not finite."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(max(finite) - min(finite), 1e-9)
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in finite)


def brief(hparams: Mapping[str, Any]) -> str:
    """Names the hyperparameters that tell most, in a line that a terminal can show."""
    layers = f"{hparams['lstm_layers']}x{hparams['lstm_size']}{' bi' if hparams['bidirectional'] else ''} {hparams['pooling']}"
    layers += " subwords" if hparams.get("subwords") else ""
    taper = " tapering" if hparams.get("dense_taper") else ""
    dense = f", dense {hparams['dense_layers']}x{hparams['dense_size']}{taper}" if hparams["dense_layers"] else ""
    top_k = "" if hparams["top_k"] == 1 else f" {hparams['top_k_schedule']}"
    rest = f"top-k {hparams['top_k']:.2g}{top_k}, lr {hparams['learning_rate']:.1e}, batch {hparams['batch_size']}"
    return printable(f"LSTM {layers}{dense}, {rest}")


def clock(seconds: float) -> str:
    """Writes seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
