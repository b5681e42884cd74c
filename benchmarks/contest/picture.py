"""The runs as a picture: the best validation loss so far over wall seconds."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from contest.runs import Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

COLOURS = (
    "#d62728",
    "#e377c2",
    "#ff9896",
    "#1f77b4",
    "#2ca02c",
    "#9467bd",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
    "#8c564b",
    "#000000",
)
GRID = 400


def draw(runs: Sequence[Run], titles: Mapping[str, str], corpus: str, path: Path) -> None:
    """Draws each run as a thin line, and each contender's median over its seeds as a thick one.

    Args:
        runs: All with an epoch at least.
        titles: What contenders are called, each with a colour of its own; at most as many as there are colours.
        corpus: What the picture is called.
        path: Of the SVG file.
    """
    colours = dict(zip(titles, COLOURS, strict=False))
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    seconds = np.geomspace(min(run.improvements[0][0] for run in runs) * 0.9, max(run.budget for run in runs), GRID)
    lines: list[tuple[float, str, str]] = []
    for name, title in titles.items():
        curves = [_best_so_far(run, seconds) for run in runs if run.contender == name]
        if not curves:
            continue
        if len(curves) > 1:
            for curve in curves:
                axes.step(seconds, curve, where="post", color=colours[name], linewidth=0.7, alpha=0.5)
        middle = np.median(curves, axis=0)
        middle[~np.isfinite(middle)] = np.nan
        if np.isnan(middle).all():  # most seeds came to no epoch's end
            continue
        axes.step(seconds, middle, where="post", color=colours[name], linewidth=2.2)
        lines.append((float(np.nanmin(middle)), colours[name], title))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(seconds[0], seconds[-1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xticks(_ticks(seconds[0], seconds[-1], (1, 2, 5)))
    axes.set_yticks(_ticks(*axes.get_ylim(), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)))
    axes.grid(alpha=0.25)
    axes.set_xlabel("wall time since the launch, s (log scale)")
    axes.set_ylabel("best full loss on the validation rows so far, nats (log scale)")
    seeds = [len({run.seed for run in runs if run.contender == name}) for name in {run.contender for run in runs}]
    span = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    axes.set_title(f"{corpus}: {'medians of ' if max(seeds) > 1 else ''}{span} seed{'s' if max(seeds) > 1 else ''}", loc="left")
    _label(axes, lines)
    with mpl.rc_context({"svg.hashsalt": "topknot", "svg.fonttype": "none"}):  # equal runs give equal files
        figure.savefig(path, metadata={"Date": None})


def _best_so_far(run: Run, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the best loss at each of the seconds: infinite before the first epoch's end, NaN behind the budget."""
    at = np.array([second for second, _ in run.improvements])
    losses = np.array([math.inf, *(loss for _, loss in run.improvements)])
    curve = losses[np.searchsorted(at, seconds, side="right")]
    curve[seconds > run.budget] = math.nan
    return curve


def _label(axes: Axes, lines: list[tuple[float, str, str]]) -> None:
    """Writes the names at the right, each at its line's end or as near as the others let it."""
    low, high = axes.get_ylim()
    places = [math.log(loss / low) / math.log(high / low) for loss, _, _ in sorted(lines)]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + 0.05)
    for place, (loss, colour, title) in zip(places, sorted(lines), strict=True):
        text = f"{title}  {loss:.3f}"
        axes.text(1.01, place, text, transform=axes.transAxes, color=colour, va="center")


def _ticks(low: float, high: float, digits: tuple[float, ...]) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for exponent in exponents for digit in digits if low <= (tick := digit * 10.0**exponent) <= high]
