"""Learning curves, and what the top-k loss changes class by class, as pictures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from contest.answers import Answer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

TRAINING, VALIDATION, MORE, LESS = "#ff7f0e", "#1f77b4", "#2ca02c", "#d62728"


def draw_curves(answers: Sequence[Answer], corpus: str, path: Path) -> None:
    """Draws the full loss and the accuracy after each epoch, on training and on validation rows, a column an answer."""
    figure = Figure(figsize=(1.2 + 2.1 * len(answers), 4.8), layout="constrained")
    grid = figure.subplots(2, len(answers), sharey="row", squeeze=False)
    for column, answer in enumerate(answers):
        epochs = range(1, len(answer.curve) + 1)
        for row, name in enumerate(("loss", "accuracy")):
            axes = grid[row][column]
            for side, colour, key in (("training rows", TRAINING, f"train_{name}"), ("validation rows", VALIDATION, name)):
                if key in answer.curve[0]:
                    axes.plot(
                        epochs, [epoch[key] for epoch in answer.curve], color=colour, marker=".", markersize=3, label=side
                    )
            axes.axvline(answer.epoch, color="black", linewidth=0.7, linestyle=":")
            axes.grid(alpha=0.25)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        grid[0][column].set_title(answer.name, fontsize=9)
        grid[1][column].set_xlabel("epoch")
    grid[0][0].set_ylabel("full loss, nats")
    grid[1][0].set_ylabel("accuracy")
    grid[0][0].legend(fontsize=7)
    figure.suptitle(f"{corpus}: dotted, the epoch of the lowest validation loss", fontsize=10)
    _save(figure, path)


def draw_recalls(full: Answer, top_k: Answer, corpus: str, path: Path) -> None:
    """Draws by how much each class's recall on the test rows changes, the classes of the fewest rows at the top."""
    classes = sorted(full.rows, key=lambda name: full.rows[name], reverse=True)
    changes = [top_k.recalls[name] - full.recalls[name] for name in classes]
    figure = Figure(figsize=(8, 1 + 0.22 * len(classes)), layout="constrained")
    axes = figure.subplots()
    axes.barh(
        [f"{name[:40]} ({full.rows[name]})" for name in classes], changes, color=[MORE if c > 0 else LESS for c in changes]
    )
    axes.axvline(0, color="black", linewidth=0.7)
    axes.tick_params(axis="y", labelsize=7)
    axes.grid(axis="x", alpha=0.25)
    axes.set_xlabel(f"recall of {top_k.name} less that of {full.name}")
    axes.set_title(f"{corpus}: classes with their test rows", loc="left", fontsize=10)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context({"svg.hashsalt": "topknot", "svg.fonttype": "none"}):  # equal answers give equal files
        figure.savefig(path, metadata={"Date": None})
