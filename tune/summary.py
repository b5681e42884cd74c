"""What the commands print for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from data.split import SIDES
from tune.documents import with_paths
from tune.folder import ABOUT, SearchFolder
from tune.outcome import counts, elapsed_seconds, useful_share
from tune.printable import printable
from tune.program import program
from tune.repeat_file import repeat_seconds
from tune.repeats_view import repeats_view
from tune.search_result import read_result
from tune.trial_tables import FIGURES, front_view, leaderboard_table
from tune.verdict import BASELINES, verdict


def search_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the table of `list`."""
    table = Table("name", "started", "trials", "best", "state", box=None, pad_edge=False)
    for row in rows:
        best = "" if row["best"] is None else f"{row['metric'].replace('_', '-')} {row['best']:.4f}"
        table.add_row(row["name"], Text(printable(str(row["created"]))), str(sum(row["trials"].values())), best, row["state"])
    return table


def show_table(folder: SearchFolder, top: int) -> Group:
    """Returns the leaderboard, with what ended each trial; and the Pareto front where trials have costs."""
    trials, about = folder.trials(), folder.read_json(ABOUT)
    seconds = elapsed_seconds(about, trials)
    by_state = ", ".join(f"{count} {state}" for state, count in counts(trials).items() if count)
    share = useful_share(trials, about["workers"], seconds, repeat_seconds(folder))
    head = f"{folder.name}: {by_state or 'no trials'}; {seconds:.0f} s; useful share {share:.2f}"
    tail = f"Optuna study: {folder.study_url()}\nThe same again: {folder.rerun_command()}"
    front = front_view(folder, trials)
    return Group(Text(head, style="bold"), leaderboard_table(trials, top), *front, Text(tail, style="dim"))


def result_view(folder: SearchFolder, document: Mapping[str, Any]) -> Group:
    """Returns what a search prints at its end."""
    lines: list[RenderableType] = []
    ended, trials = document["trials"], folder.trials()
    ends = f"{ended['pruned']} stopped early, {ended['complete']} complete, {ended['failed']} failed"
    time = f"{document['wall_seconds']:.0f} s, useful share {document['useful_share']:.2f}"
    lines.append(Text(f"\n{verdict(document)}", style="bold"))
    lines.append(Text(f"{folder.name}: {sum(ended.values())} trials ({ends}) in {time}"))
    lines += [Text(), leaderboard_table(trials, 5), *front_view(folder, trials), Text()]
    result = with_paths(folder, read_result(folder))
    is_best = document["trial"] == result["trial"]
    which = f"{'Best: trial' if is_best else 'Trial'} {document['trial']}, epoch {document['epoch']}"
    lines.append(Text(printable(which), style="bold"))
    lines.append(_hparams(document["hparams"]))
    if len(members := document.get("ensemble", [])) > 1:
        weights = ", ".join(f"trial {member['trial']} ({member['weight']:.2f})" for member in members)
        lines.append(Text(f"Ensemble: {weights}", style="bold"))
        if (refit := document.get("refit")) and len(refit["epochs"]) < len(members):
            there = ", ".join(refit["epochs"])
            lines.append(
                Text(f"Refitted, as far as there was time and none failed: trial {there}; the classifier below is made of that")
            )
    lines += [Text(), _figures(document), Text(_calibration(document["calibration"])), Text()]
    if document.get("refit", "not asked for") is None:
        lines += [
            Text("Not refitted: there was no time, or it failed."),
            Text(),
        ]
    if "repeats" in document:
        lines += [repeats_view(document["repeats"]), Text()]
    lines.append(Text(f"The classifier: {document['checkpoint']}", style="bold"))
    use = f"{program()} predict " + (
        f"{folder.name} -{folder.storage_flag()}"
        if document["checkpoint"] == result["checkpoint"]
        else f"{shlex.quote(document['checkpoint'])} -"
    )
    lines.append(Text(f"Use it:         echo 'a text to classify' | {use}"))
    return Group(*lines)


def _calibration(document: Mapping[str, Any]) -> str:
    """Says in a sentence what the temperature did for the probabilities."""
    before, after = (document[when]["test"] for when in ("before", "after"))
    return (
        f"Calibrated at temperature {document['temperature']:.3f}: expected calibration error on the test split "
        f"{before['error']:.4f} before, {after['error']:.4f} after; loss {before['loss']:.4f} and {after['loss']:.4f}."
    )


def evaluation_table(document: Mapping[str, Any]) -> Group:
    """Returns the figures of `evaluate`, class by class."""
    head = ", ".join(f"{name.replace('_', '-')} {document[name]:.4f}" for name in FIGURES if document[name] is not None)
    head += f", calibration error {document['calibration_error']:.4f}"
    table = Table("class", "rows", "precision", "recall", "F1", box=None, pad_edge=False)
    for name, figures in sorted(document["classes"].items(), key=lambda item: -item[1]["rows"]):
        values = (f"{figures[key]:.3f}" for key in ("precision", "recall", "f1"))
        table.add_row(Text(printable(name)), str(figures["rows"]), *values)
    return Group(Text(f"{head} on {document['rows']} rows", style="bold"), table)


def training_table(document: Mapping[str, Any]) -> Group:
    """Returns the figures of `train`."""
    lines: list[RenderableType] = [Text(f"Best epoch: {document['epoch']} of {document['epochs']}", style="bold")]
    lines.append(_figures(document))
    if document["checkpoint"]:
        lines.append(Text(f"The classifier: {document['checkpoint']}", style="bold"))
    return Group(*lines)


def figure_rows(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Returns whose figures a result has, the winner's first, and for each the figures by side."""
    wide, original = document.get("wide") or {}, document.get("original", document)
    alone, members = "LSTM and wide branch" if wide else "LSTM", len(document.get("ensemble", []))

    def of(classifiers: int) -> str:
        return f"ensemble of {classifiers}" if classifiers > 1 else alone

    kinds: list[tuple[str, Mapping[str, Any]]] = [(alone, document["single"] if members > 1 else original)]
    if members > 1:
        kinds.insert(0, (of(members), original))
    if refit := document.get("refit"):
        kinds.insert(0, (f"{of(len(refit['epochs']))}, refitted on train and validation", {"test": document["test"]}))
    linear = [(name, document.get(key) or {}) for key, name in BASELINES.items()]
    return [(kind, sides) for kind, sides in (*kinds, ("wide branch alone", wide), *linear) if sides]


def _figures(document: Mapping[str, Any]) -> Table:
    table = Table("", "rows", "loss", "accuracy", "macro-F1", box=None, pad_edge=False)
    for kind, sides in figure_rows(document):
        for side in SIDES:
            if side in sides:
                figures = [sides[side][name] for name in FIGURES]
                told = ("-" if figure is None else f"{figure:.4f}" for figure in figures)  # an SVM has no loss
                table.add_row(f"{kind}, {side}", str(sides[side]["rows"]), *told)
    return table


def _hparams(hparams: Mapping[str, Any]) -> Padding:
    pairs = [f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in hparams.items()]
    rows = [printable(", ".join(pairs[first : first + 5])) for first in range(0, len(pairs), 5)]
    return Padding(Text("\n".join(rows)), (0, 0, 0, 2), expand=False)
