"""What the trials of a search have to tell, all that needs the study alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tune.live_view import brief
from tune.outcome import TrialOutcome, leaderboard
from tune.report.curves import curve_sections
from tune.report.ends import ENDS, end_of
from tune.report.hyperparameters import hyperparameter_sections
from tune.report.page import Section, bar, cell, details, figure, number, table

LISTED = 200
"""Trials of the table."""


def trial_sections(trials: Sequence[TrialOutcome], about: dict[str, Any], others: float = 0.0) -> Iterator[Section]:
    """Yields the sections, those on time and the list of trials last; none if no trial came to an epoch.

    `others` are the seconds of trainings that are no trials (`tune.repeats`).
    """
    told = [trial for trial in trials if trial.epochs]
    if not told:
        return
    yield from curve_sections(told)
    yield from hyperparameter_sections(told)
    useful = "Useful are the seconds inside training and validation steps."
    yield Section("time", "Where the time went", [_time(trials, about, others)], useful)
    yield Section("trials", "Trials", [_listed(trials)])


def _time(trials: Sequence[TrialOutcome], about: dict[str, Any], others: float) -> str:
    useful = sum(trial.seconds for trial in trials) + others
    paid = about["workers"] * about["wall_seconds"]
    rows = [
        ["training and validation steps", number(useful, 0), bar(min(1.0, useful / paid)) if paid else ""],
        [
            "start-up, compiling, waiting, evaluating",
            number(max(0.0, paid - useful), 0),
            bar(max(0.0, 1 - useful / paid)) if paid else "",
        ],
    ]
    head = f"{about['workers']:.4g} workers, {about['wall_seconds']:.0f} s: worker seconds"
    traces = []
    for kind, colour in ENDS.items():
        those = [trial for trial in trials if trial.hparams and end_of(trial) == kind]
        if those:
            traces.append(
                {
                    "type": "bar",
                    "name": kind,
                    "x": [trial.number for trial in those],
                    "marker": {"color": colour},
                    "y": [round(trial.seconds, 2) for trial in those],
                    "text": [brief(trial.hparams) for trial in those],
                    "textposition": "none",
                    "hovertemplate": "trial %{x}: %{y:.1f} s<br>%{text}<extra></extra>",
                }
            )
    chart = figure(
        traces,
        {"barmode": "stack", "xaxis": {"title": {"text": "trial"}}, "yaxis": {"title": {"text": "seconds of training"}}},
        height=300,
    )
    return table([head, "seconds", "share"], rows) + chart


def _listed(trials: Sequence[TrialOutcome]) -> str:
    rows = []
    for trial in leaderboard(trials)[:LISTED]:
        best = trial.epochs[trial.best_epoch - 1] if trial.best_epoch else {}
        figures = [number(best.get(name), 4) for name in ("loss", "accuracy", "macro_f1")]
        epochs = f"{trial.best_epoch or '–'}/{len(trial.epochs)}"
        rows.append(
            [
                cell(trial.number),
                cell(trial.reason or trial.state),
                cell(brief(trial.hparams) if trial.hparams else ""),
                *figures,
                epochs,
                number(trial.seconds, 1),
            ]
        )
    shown = table(
        ["trial", "ended", "hyperparameters", "loss", "accuracy", "macro-F1", "epoch", "seconds"],
        rows,
        left=(0, 1, 2),
        sort=True,
    )
    return shown if len(trials) <= 10 else details(f"The best {len(rows)} of {len(trials)}", shown)
