"""Trials in tables: the leaderboard, and the Pareto front."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tune.folder import SearchFolder
from tune.live_view import brief
from tune.outcome import TrialOutcome, front_trials, leaderboard
from tune.printable import printable
from tune.program import program

FIGURES = ("loss", "accuracy", "macro_f1")
UNITS = {"size": ("MiB", 2.0**20), "latency": ("ms", 1.0)}
MARK = "*"
"""Of a trial on the Pareto front."""


def leaderboard_table(trials: Sequence[TrialOutcome], top: int) -> Table:
    """Returns the table of the best so many trials, with what ended each; failed and running ones last."""
    against = trials[0].objective.against if trials else ()
    front = {trial.number for trial in front_trials(trials)} if against else set()
    table = _table("trial", *map(_title, FIGURES), *map(_title, against), "epoch", "seconds")
    table.add_column("ended")
    table.add_column("hyperparameters")
    for trial in leaderboard(trials)[:top]:
        epoch = f"{trial.best_epoch or '-'}/{len(trial.epochs)}"
        about = _about(trial) if trial.hparams else ""
        number = f"{MARK if trial.number in front else ''}{trial.number}"
        figures = (number, *_figures(trial), *_costs(trial), epoch, f"{trial.seconds:.1f}")
        table.add_row(*figures, Text(printable(trial.reason or trial.state)), about)
    return table


def front_view(folder: SearchFolder, trials: Sequence[TrialOutcome]) -> list[RenderableType]:
    """Returns the Pareto front, the best first, and how to come by one of it; nothing where trials have no costs."""
    front = front_trials(trials)
    if not front or not front[0].objective.against:
        return []
    objective = front[0].objective
    table = _table("trial", *map(_title, FIGURES), *map(_title, objective.against), "seconds")
    table.add_column("weights")
    table.add_column("hyperparameters")
    with_weights = folder.kept(front)
    for trial in front:
        kept = "kept" if trial in with_weights else "not kept"
        figures = (f"{MARK}{trial.number}", *_figures(trial), *_costs(trial), f"{trial.seconds:.1f}")
        table.add_row(*figures, kept, _about(trial))
    against = " and ".join(objective.against)
    head = f"\n{MARK} The Pareto front of {_plain(objective.metric)} against {against}: none is better than these in everything"
    take = f"{program()} best {shlex.quote(folder.name)} --trial N --export DIR{folder.storage_flag()}"
    return [Text(head, style="bold"), table, Text(f"To take one of them: {take}")]


def _table(*numbers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _about(trial: TrialOutcome) -> Text:
    """Returns the hyperparameters that tell most, cut where a terminal is narrow."""
    return Text(brief(trial.hparams), no_wrap=True, overflow="ellipsis")


def _plain(name: str) -> str:
    return name.replace("_f1", "-F1")


def _title(name: str) -> str:
    return f"{name}, {UNITS[name][0]}" if name in UNITS else _plain(name)


def _figures(trial: TrialOutcome) -> list[str]:
    best = trial.epochs[trial.best_epoch - 1] if trial.best_epoch else None
    return [f"{best[name]:.4f}" if best else "" for name in FIGURES]


def _costs(trial: TrialOutcome) -> list[str]:
    values = (trial.costs[name] / UNITS[name][1] if name in trial.costs else None for name in trial.objective.against)
    return ["" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}" for value in values]
