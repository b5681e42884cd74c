"""What a person sees of the best configurations trained again with other seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

NAMES = {"loss": "loss", "accuracy": "accuracy", "macro_f1": "macro-F1"}


def repeats_view(document: Mapping[str, Any]) -> Group:
    """Returns a table of means and standard deviations over seeds, and what they say of the ranking.

    Args:
        document: What `tune.repeats.summarise` returns.
    """
    configurations, seeds = document["configurations"], document["seeds"]
    if not any(one["runs"] or one["failed"] for one in configurations):
        return Group(Text("None of the best configurations was trained again with other seeds: no time, or a failure."))
    metric = ranked_by(document)
    table = Table(box=None, pad_edge=False)
    searched = f"validation {NAMES[metric]}, searched"
    for column in ("trial", "seeds", searched, "again", "test loss", "accuracy", "macro-F1"):
        table.add_column(column, justify="right")
    for one in configurations:
        failed = f" ({one['failed']} diverged)" if one["failed"] else ""
        table.add_row(
            str(one["trial"]),
            f"{len(one['runs'])} of {seeds}{failed}",
            f"{one['searched'][metric]:.4f}",
            _spread(one, "validation", metric),
            *(_spread(one, "test", name) for name in NAMES),
        )
    head = Text("Trained again with other seeds: mean ± standard deviation, not calibrated", style="bold")
    return Group(head, table, Text(luck(document)))


def luck(document: Mapping[str, Any]) -> str:
    """Says in a sentence or two how far seeds alone move what trials are ranked by, as far as enough runs are there."""
    repeated = [one for one in document["configurations"] if len(one["runs"]) > 1]
    if not repeated:
        return "Too few runs to tell how much of the ranking is luck."
    metric = ranked_by(document)
    spread = statistics.fmean(one["spread"]["validation"][metric] for one in repeated)
    first = repeated[0]
    gain = first["mean"]["validation"][metric] - first["searched"][metric]
    away = f"{abs(gain):.4f} {'lower' if gain >= 0 else 'higher'}"
    told = f"Seeds alone move the validation {NAMES[metric]} by {spread:.4f}. Trial {first['trial']} was {away} in the search"
    means = [one["mean"]["validation"][metric] for one in repeated]
    if len(means) < 2:
        return f"{told} than with other seeds."
    return f"{told} than with other seeds; the configurations' means lie {max(means) - min(means):.4f} apart."


def ranked_by(document: Mapping[str, Any]) -> str:
    """Returns what trials are ranked by; results of earlier versions do not say."""
    return str(document.get("metric", "loss"))


def _spread(one: Mapping[str, Any], side: str, name: str) -> str:
    mean, spread = one["mean"][side][name], one["spread"][side][name]
    return "" if mean is None else f"{mean:.4f}" if spread is None else f"{mean:.4f} ± {spread:.4f}"
