"""What a person sees of a running search: a live view in a terminal, plain lines elsewhere. All on stderr."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from model.size import count_parameters
from tune.objective import Objective
from tune.searcher import ENDED, HPARAMS, NUMBER

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

    from tune.folder import SearchFolder
    from tune.inputs import Inputs
    from tune.settings import Settings

BARS = "▁▂▃▄▅▆▇█"
LINE_SECONDS = 10.0
"""At least so long between two plain lines that do not tell of a new best."""


@dataclass(slots=True)
class _Best:
    cost: float = math.inf
    text: str = "none yet"


@dataclass(slots=True)
class _Running:
    hparams: Mapping[str, Any]
    values: list[float] = field(default_factory=list)


class Display(Callback):
    """Follows a search.

    Args:
        console: Where to show it; a live view if it is a terminal.
        started: When the search began, as `time.time` gives it.
        quiet: Show nothing at all.
    """

    def __init__(self, console: Console, started: float, *, quiet: bool = False) -> None:
        self.console, self.started, self.quiet = console, started, quiet
        self._live: Live | None = None
        self._running: dict[int, _Running] = {}
        self._ended = {"complete": 0, "stopped": 0, "failed": 0}
        self._best, self._objective = _Best(), Objective()
        self._useful = 0.0
        self._workers, self._epochs = 1, 0
        self._limit: int | None = None
        self._deadline: float | None = None
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """Shows a line."""
        if not self.quiet:
            line = Text.assemble((_clock(time.time() - self.started), "dim"), "  ", text)
            self.console.print(line, soft_wrap=True)

    def start(
        self,
        folder: SearchFolder,
        settings: Settings,
        inputs: Inputs,
        workers: int,
        limit: int | None,
        deadline: float | None,
    ) -> None:
        """Shows what is going to be done."""
        self._workers, self._limit, self._deadline, self._epochs = workers, limit, deadline, settings.max_epochs
        self._objective = settings.objective
        split = inputs.dataset.split
        sizes = f"{len(split.train):,} train, {len(split.validation):,} validation, {len(split.test):,} test"
        self.say(f"{len(inputs.corpus):,} texts of {len(inputs.corpus.classes)} classes: {sizes}")
        ends = [] if limit is None else [f"{limit} trials"]
        ends += [] if deadline is None else [_clock(deadline - self.started)]
        self.say(f"Searching with {workers} workers until {' or '.join(ends)}; kept in {folder.path}")
        size = 4 * count_parameters(inputs.space.largest(), inputs.dataset.vocabulary_size, inputs.dataset.classes) / 2**20
        kept = f"the weights of the best {settings.keep} are kept, {size:.0f} MiB each at most"
        budget = f", {settings.checkpoint_budget:g} GiB together" if settings.checkpoint_budget else ""
        self.say(f"Of the trials, {kept}{budget}")
        if self.console.is_terminal and not self.quiet:
            self._live = Live(console=self.console, get_renderable=self._view, refresh_per_second=2, transient=True)
            self._live.start()

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any) -> None:
        """Takes a report in."""
        number = trial.config[NUMBER]
        running = self._running.setdefault(number, _Running(trial.config[HPARAMS]))
        self._useful += result["seconds"]
        if not result.get("repeated"):
            running.values.append(result[self._objective.metric])
            if (cost := self._objective.cost(result)) < self._best.cost:
                figures = f"loss {result['loss']:.3f}, accuracy {result['accuracy']:.3f}, macro-F1 {result['macro_f1']:.3f}"
                self._best = _Best(cost, f"trial {number}, epoch {result['epoch']}: {figures}")
                self._line(f"best so far: {self._best.text}", force=True)
        if result[ENDED] or result.get("done"):
            self._running.pop(number, None)
            ended = result[ENDED].split(":")[0]
            kind = "failed" if ended in {"nan", "crashed"} else "complete" if ended and ended != "time limit" else "stopped"
            self._ended[kind] += 1
            self._line(self._status())

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Counts a failure."""
        self._running.pop(trial.config[NUMBER], None)
        self._ended["failed"] += 1
        self._line(f"trial {trial.config[NUMBER]} failed; the reason stands in topknot show", force=True)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Ends the live view."""
        if self._live:
            self._live.stop()
            self._live = None
        self.say(self._status())

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def _line(self, text: str, *, force: bool = False) -> None:
        if self._live is None and (force or time.time() - self._last_line > LINE_SECONDS):
            self._last_line = time.time()
            self.say(text)

    def _status(self) -> str:
        elapsed = time.time() - self.started
        done = sum(self._ended.values())
        parts = [f"{done} trials done"] + [f"{count} {kind}" for kind, count in self._ended.items() if count]
        left = [self._deadline - time.time()] if self._deadline else []
        if self._limit and done:
            left.append(elapsed / done * max(0, self._limit - done))
        remaining = f" · about {_clock(max(0, min(left)))} left" if left else ""
        share = self._useful / (self._workers * elapsed)
        return f"{', '.join(parts)}{remaining} · useful share {share:.2f}"

    def _view(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("trial", "epoch", self._objective.metric, "best", "curve", "hyperparameters"):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        best = min if self._objective.mode == "min" else max
        for number, trial in sorted(self._running.items()):
            table.add_row(
                str(number),
                f"{len(trial.values)}/{self._epochs}",
                f"{trial.values[-1]:.3f}" if trial.values else "",
                f"{best(trial.values):.3f}" if trial.values else "",
                sparkline(trial.values[-16:]),
                brief(trial.hparams),
            )
        head = Text(f"{_clock(time.time() - self.started)}  {self._status()}")
        return Group(head, Text(f"best: {self._best.text}", style="bold"), table)


def sparkline(values: Sequence[float]) -> str:
    """Draws values as bars, the lowest as the lowest bar; nothing for values that are not finite."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(max(finite) - min(finite), 1e-9)
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in finite)


def brief(hparams: Mapping[str, Any]) -> str:
    """Names the hyperparameters that tell most, in a line."""
    layers = f"{hparams['lstm_layers']}x{hparams['lstm_size']}{' bi' if hparams['bidirectional'] else ''} {hparams['pooling']}"
    taper = " tapering" if hparams.get("dense_taper") else ""
    dense = f", dense {hparams['dense_layers']}x{hparams['dense_size']}{taper}" if hparams["dense_layers"] else ""
    top_k = "" if hparams["top_k"] == 1 else f" {hparams['top_k_schedule']}"
    rest = f"top-k {hparams['top_k']:.2g}{top_k}, lr {hparams['learning_rate']:.1e}, batch {hparams['batch_size']}"
    return f"LSTM {layers}{dense}, {rest}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
