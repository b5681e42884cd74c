"""What hyperparameters had to do with how trials came out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tune.outcome import TrialOutcome
from tune.report.importance import beaten_shares, importances, varied
from tune.report.page import BLUE, ORANGE, TEAL, Section, figure

AXES = 8
"""Hyperparameters of the parallel coordinates, the most important ones."""
WIDE = 10
"""Ratio of the largest value to the smallest above which an axis is logarithmic."""


def hyperparameter_sections(trials: Sequence[TrialOutcome]) -> Iterator[Section]:
    """Yields the sections on hyperparameters, of trials that came to an epoch; what mattered only where those are enough."""
    if weights := importances(trials):
        yield Section(
            "importance",
            "What mattered",
            [_importance(weights), *_coordinates(trials, list(weights))],
            "The part of the differences between trials that each hyperparameter explains (fANOVA). Two trials are compared at "
            "the last epoch that both reached, so early-stopped ones count fairly; the colour is the share of other trials "
            "that a trial beats.",
        )
    yield Section(
        "top-k",
        "Top-k fraction and macro-F1",
        [_top_k(trials)],
        "The fraction of each batch, its hardest texts, that a trial was trained on, and the macro-F1 of its best epoch on the "
        "validation rows.",
    )


def _importance(weights: dict[str, float]) -> str:
    shown = list(weights.items())[:12][::-1]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [round(weight, 4) for _, weight in shown],
        "y": [name for name, _ in shown],
        "marker": {"color": BLUE},
        "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
    }
    return figure([trace], {"xaxis": {"title": {"text": "part of the variance"}}}, height=70 + 24 * len(shown))


def _coordinates(trials: Sequence[TrialOutcome], names: list[str]) -> Iterator[str]:
    told = [trial for trial in trials if trial.best_epoch and trial.hparams]
    differ = varied(told)
    shown = [name for name in names if name in differ][:AXES]
    if len(told) < 2 or not shown:
        return
    axes = [_axis(name, [trial.hparams[name] for trial in told]) for name in shown]
    losses = [trial.epochs[(trial.best_epoch or 1) - 1]["loss"] for trial in told]
    high = float(np.quantile(losses, 0.95))
    axes.append({"label": "loss", "values": [min(loss, high) for loss in losses], "tickformat": ".3~f"})
    line = {
        "color": beaten_shares(told).tolist(),
        "cmin": 0,
        "cmax": 1,
    }
    yield "<h3>Parallel coordinates</h3><p class='note'>Drag along an axis to keep the trials within.</p>"
    yield figure(
        [{"type": "parcoords", "dimensions": axes, "line": line}],
        {"margin": {"l": 60, "r": 60, "t": 48, "b": 28}},
        width=115 * len(axes),
    )


def _axis(name: str, values: list[Any]) -> dict[str, Any]:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        if min(values) > 0 and max(values) / min(values) > WIDE:
            marks = _marks(min(values), max(values))
            ticks = {"tickvals": np.log10(marks).tolist(), "ticktext": [f"{mark:.3g}" for mark in marks]}
            return {"label": name, "values": np.log10(values).tolist(), **ticks}
        whole = all(isinstance(value, int) for value in values)
        return {"label": name, "values": list(values), **({} if whole else {"tickformat": ".3~g"})}
    kinds = sorted({str(value) for value in values})
    places = {kind: place for place, kind in enumerate(kinds)}
    ticks = {"tickvals": list(places.values()), "ticktext": kinds}
    return {"label": name, "values": [places[str(value)] for value in values], **ticks}


def _marks(low: float, high: float) -> list[float]:
    """Returns what stands at a logarithmic axis: its ends, and what is round between them and not too near."""
    around = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    gap = (high / low) ** 0.08
    between = [digit * 10.0**power for power in around for digit in (1, 2, 5)]
    return [low, *(mark for mark in between if low * gap < mark < high / gap), high]


def _top_k(trials: Sequence[TrialOutcome]) -> str:
    told = [trial for trial in trials if trial.best_epoch and trial.hparams]
    traces = []
    for schedule, colour in (("constant", BLUE), ("warmup", TEAL), ("anneal", ORANGE)):
        those = [trial for trial in told if trial.hparams["top_k_schedule"] == schedule and trial.hparams["top_k"] < 1]
        if schedule == "constant":
            those += [trial for trial in told if trial.hparams["top_k"] == 1]
        if those:
            bests = [trial.epochs[(trial.best_epoch or 1) - 1] for trial in those]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": schedule,
                    "x": [trial.hparams["top_k"] for trial in those],
                    "y": [epoch["macro_f1"] for epoch in bests],
                    "marker": {"color": colour, "size": 8, "opacity": 0.65},
                    "text": [f"trial {t.number}: loss {e['loss']:.4f}" for t, e in zip(those, bests, strict=True)],
                    "hovertemplate": "k/B %{x}, macro-F1 %{y:.4f}<br>%{text}<extra></extra>",
                }
            )
    return figure(
        traces,
        {
            "xaxis": {"title": {"text": "top-k fraction"}, "range": [0, 1.05]},
            "yaxis": {"title": {"text": "validation macro-F1"}},
        },
        height=340,
    )
