"""How trials came along: the best so far, every curve, and how far each came."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tune.outcome import TrialOutcome, ranked_trials
from tune.report.ends import ENDS, end_of
from tune.report.page import BLUE, GREY, TEAL, Section, figure

PAUSE_SECONDS = 120.0
"""A time without any epoch that is longer than that takes no room on the axis of time."""
CROWD = 50
"""Curves of a kind above which their points are no longer marked: they hide each other, and a browser takes long."""


def curve_sections(trials: Sequence[TrialOutcome]) -> Iterator[Section]:
    """Yields the sections on curves, of trials that came to an epoch."""
    metric = trials[0].objective.metric.replace("_f1", "-F1")
    best = f"The best validation {metric} that any trial had reported, but for those that failed or still run."
    yield Section("progress", "The best so far, over time", [_progress(trials, metric)], best)
    yield Section(
        "curves",
        "Learning curves",
        [_curves(trials, metric)],
        f"Each trial's validation {metric}, epoch by epoch, on all validation rows; not the top-k loss trained on. Trials "
        "that the scheduler stopped are faded.",
    )
    yield Section(
        "stops",
        "How far trials came",
        [_survival(trials), _stops(trials)],
        "What the scheduler saves: most trials are stopped after few epochs, and the time goes to those that promise most.",
    )


def _values(trial: TrialOutcome) -> list[float]:
    return [epoch[trial.objective.metric] for epoch in trial.epochs]


def _progress(trials: Sequence[TrialOutcome], metric: str) -> str:
    clock = _clock(trials)
    reports = sorted(
        (epoch["at"], trial.number, index, epoch) for trial in trials for index, epoch in enumerate(trial.epochs, 1)
    )
    objective, lowest = trials[0].objective, np.inf
    ranked = {trial.number for trial in ranked_trials(trials)}
    times, values, texts = [], [], []
    for at, trial_number, index, epoch in reports:
        if trial_number in ranked and (cost := objective.cost(epoch)) < lowest:
            lowest = cost
            times.append(clock(at))
            values.append(epoch[objective.metric])
            texts.append(f"trial {trial_number}, epoch {index}")
    told = [(trial, trial.best_epoch, trial.epochs[trial.best_epoch - 1]) for trial in trials if trial.best_epoch]
    each = {
        "type": "scatter",
        "mode": "markers",
        "name": "each trial's best epoch",
        "x": [round(clock(epoch["at"]), 1) for *_, epoch in told],
        "y": [round(epoch[objective.metric], 5) for *_, epoch in told],
        "text": [f"trial {trial.number}, epoch {index}" for trial, index, _ in told],
        "hovertemplate": "%{y:.4f} after %{x:.0f} s<br>%{text}<extra></extra>",
        "marker": {"size": 5, "color": GREY, "opacity": 0.5},
    }
    best = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "the best so far",
        "x": [*times, clock(reports[-1][0])],
        "y": [*values, values[-1] if values else None],
        "text": [*texts, "the end"],
        "hovertemplate": "%{y:.4f} after %{x:.0f} s<br>%{text}<extra></extra>",
        "line": {"shape": "hv", "color": BLUE, "width": 2.5},
        "marker": {"size": 6},
    }
    return figure(
        [each, best], {"xaxis": {"title": {"text": "seconds"}}, "yaxis": {"title": {"text": metric}, "range": _range(trials)}}
    )


def _clock(trials: Sequence[TrialOutcome]) -> Callable[[float], float]:
    """Returns what makes of a time, as `time.time` gives it, the seconds since the first epoch began, pauses left out.

    A pause is a time without any epoch, longer than `PAUSE_SECONDS`: as a rule the search was cut short then.
    """
    spans = sorted((epoch["at"] - epoch["seconds"], epoch["at"]) for trial in trials for epoch in trial.epochs)
    began = until = spans[0][0]
    ends, skipped = [began], [0.0]
    for start, end in spans:
        if start - until > PAUSE_SECONDS:
            ends.append(start)
            skipped.append(skipped[-1] + start - until)
        until = max(until, end)
    return lambda at: at - began - skipped[bisect_right(ends, at) - 1]


def _range(trials: Sequence[TrialOutcome]) -> list[float] | None:
    """Leaves the worst twentieth of the figures out of sight: one trial that blew up would flatten all others."""
    values = np.array([value for trial in trials for value in _values(trial) if np.isfinite(value)])
    if not len(values):
        return None
    low, high = (
        (values.min(), np.quantile(values, 0.95))
        if trials[0].objective.metric == "loss"
        else (np.quantile(values, 0.05), values.max())
    )
    margin = 0.06 * max(high - low, 1e-6)
    return [float(low - margin), float(high + margin)]


def _curves(trials: Sequence[TrialOutcome], metric: str) -> str:
    best = next(iter(ranked_trials(trials)), None)
    early = [end_of(trial) in {"stopped", "time limit", "failed"} for trial in trials]
    stopped, others = ([trial for trial, one in zip(trials, early, strict=True) if one is kind] for kind in (True, False))
    traces = [
        _lines(stopped, "stopped early", {"color": GREY, "width": 1}, 0.35),
        _lines(others, "trained to its end", {"color": TEAL, "width": 1.4}, 0.75),
    ]
    if best:
        traces.append(_lines([best], f"the best, trial {best.number}", {"color": BLUE, "width": 3}, 1.0))
    return figure(
        traces,
        {"xaxis": {"title": {"text": "epoch"}}, "yaxis": {"title": {"text": metric}, "range": _range(trials)}},
        height=420,
    )


def _lines(trials: Sequence[TrialOutcome], name: str, line: dict[str, Any], opacity: float) -> dict[str, Any]:
    """Draws many trials as one trace with gaps: a thousand traces would take a browser long."""
    x: list[int | None] = []
    y: list[float | None] = []
    text: list[str | None] = []
    for trial in trials:
        values = _values(trial)
        x += [*range(1, len(values) + 1), None]
        y += [*(round(value, 5) for value in values), None]
        text += [*[f"trial {trial.number}"] * len(values), None]
    template = "%{text}, epoch %{x}: %{y:.4f}<extra></extra>"
    marker = {"size": 4 if line["width"] < 3 else 7}
    crowded = len(trials) > CROWD and all(len(trial.epochs) > 1 for trial in trials)
    return {
        "type": "scatter",
        "mode": "lines" if crowded else "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "text": text,
        "line": line | ({"width": 0.7} if crowded else {}),
        "marker": marker,
        "opacity": opacity,
        "hovertemplate": template,
    }


def _survival(trials: Sequence[TrialOutcome]) -> str:
    longest = max(len(trial.epochs) for trial in trials)
    epochs = list(range(1, longest + 1))
    traces = []
    for kind, colour in ENDS.items():
        ended = Counter(len(trial.epochs) for trial in trials if end_of(trial) == kind)
        if ended:
            traces.append(
                {"type": "bar", "name": kind, "x": epochs, "y": [ended[epoch] for epoch in epochs], "marker": {"color": colour}}
            )
    reached = [sum(len(trial.epochs) >= epoch for trial in trials) for epoch in epochs]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "trials that came so far",
        "x": epochs,
        "y": reached,
        "line": {"color": BLUE},
    }
    return figure(
        [*traces, line],
        {
            "barmode": "stack",
            "xaxis": {"title": {"text": "epoch"}},
            "yaxis": {"title": {"text": "trials"}, "rangemode": "tozero"},
        },
        height=320,
    )


def _stops(trials: Sequence[TrialOutcome]) -> str:
    counts = Counter(end_of(trial) for trial in trials)
    words = {
        "stopped": "stopped by the scheduler",
        "no better": "ended when they got no better",
        "all epochs": "trained all epochs",
        "time limit": "cut by the time limit",
        "failed": "failed",
        "running": "running",
    }
    return "<p class='note'>" + ", ".join(f"{counts[kind]} {text}" for kind, text in words.items() if counts[kind]) + ".</p>"
