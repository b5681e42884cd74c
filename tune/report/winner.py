"""What the winner gets right and wrong, class by class and text by text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from model.calibration import BINS
from model.evaluation import evaluate
from model.explanation import Explanation
from tune.explained import in_words
from tune.report.confusion import matrix, mistakes
from tune.report.hyperparameters import WIDE
from tune.report.page import BLUE, GREY, Section, bar, cell, figure, label, number, table

WORST, LONGEST = 25, 360
"""Texts shown that the winner gets most wrong, and characters of each."""
MOST_EXPLAINED = 12
"""Those of them whose words are told."""


class Answers(NamedTuple):
    """What a classifier says of the rows of a split.

    Attributes:
        side: The split's name.
        classes: Label names.
        texts: The rows' texts.
        labels: int32 (n,): their classes.
        probabilities: float32 (n, classes).
        trained: int64 (classes,): training rows of each class.
        explain: Explains the answer to a text.
    """

    side: str
    classes: tuple[str, ...]
    texts: list[str]
    labels: npt.NDArray[np.int32]
    probabilities: npt.NDArray[np.float32]
    trained: npt.NDArray[np.int64]
    explain: Callable[[str], Explanation]

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Rows of each true class, by what they were taken for: int64 (classes, classes)."""
        counts = np.zeros((len(self.classes), len(self.classes)), np.int64)
        np.add.at(counts, (self.labels, self.probabilities.argmax(axis=1)), 1)
        return counts


def winner_sections(answers: Answers) -> Iterator[Section]:
    """Yields the sections on what the winner answers on a split."""
    rows = f"{len(answers.labels):,} {answers.side} rows"
    yield Section(
        "classes",
        "Class by class",
        _classes(answers),
        f"The winner on the {rows}, by class, the commonest in training first.",
    )
    yield Section(
        "confusion",
        "What is taken for what",
        _confusion(answers),
        "Rows of the true class (down) by the class answered (across), the commonest in training first: right answers on the "
        "diagonal, mistakes in orange; the stronger the colour, the larger the share of the true class's rows.",
    )
    yield Section(
        "wrong",
        "Texts that it gets most wrong",
        [_wrong(answers)],
        "Those whose own label it believes least: hard ones, and those that are mislabelled. Below a text, the words that "
        "moved the answer most: by how much its log-odds fall when a word is left out.",
    )
    yield Section(
        "calibration",
        "Calibration",
        [_calibration(answers)],
        "Of the texts that it is so sure of, how many does it get right? On the line, probabilities mean what they say.",
    )


def _classes(answers: Answers) -> list[str]:
    logits = np.log(np.maximum(answers.probabilities, 1e-12))
    figures = evaluate(answers.labels, logits).by_class(answers.classes)
    confusion, rows = answers.confusion, []
    for index in np.argsort(-answers.trained, kind="stable").tolist():
        one = figures[answers.classes[index]]
        others = confusion[index].copy()
        others[index] = 0
        rival = int(others.argmax())
        taken = f"{cell(answers.classes[rival])} ({others[rival]})" if others[rival] else ""
        known = one["rows"] > 0
        scores = [bar(one[key] if known else None) for key in ("f1", "precision", "recall")]
        rows.append([cell(answers.classes[index]), *scores, f"{one['rows']:,}", f"{answers.trained[index]:,}", taken])
    head = ["class", "F1", "precision", "recall", f"{answers.side} rows", "training rows", "mostly taken for"]
    return [_sizes(answers, figures), table(head, rows, left=(0, 6), sort=True)]


def _sizes(answers: Answers, figures: dict[str, dict[str, Any]]) -> str:
    shown = [index for index, name in enumerate(answers.classes) if figures[name]["rows"]]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": answers.trained[shown].tolist(),
        "y": [round(figures[answers.classes[index]]["f1"], 4) for index in shown],
        "text": [f"{label(answers.classes[index], 60)}: {figures[answers.classes[index]]['rows']} rows" for index in shown],
        "hovertemplate": "%{text}<br>F1 %{y:.3f}, %{x} training rows<extra></extra>",
        "marker": {"color": BLUE, "size": 9, "opacity": 0.65},
    }
    sizes = trace["x"]
    wide = max(sizes, default=1) > WIDE * max(1, min(sizes, default=1))
    scale = {"type": "log", "dtick": "D2", "minorloglabels": "complete"} if wide else {"type": "linear"}
    axes = {
        "xaxis": {"title": {"text": "training rows of the class"}, **scale},
        "yaxis": {"title": {"text": f"{answers.side} F1"}, "range": [-0.04, 1.05]},
    }
    return figure([trace], axes, height=260)


def _confusion(answers: Answers) -> list[str]:
    order = np.argsort(-answers.trained, kind="stable")
    counts, names = answers.confusion[np.ix_(order, order)], [answers.classes[index] for index in order]
    return [matrix(names, counts), mistakes(names, counts)]


def _wrong(answers: Answers) -> str:
    rows = np.arange(len(answers.labels))
    believed, taken = answers.probabilities[rows, answers.labels], answers.probabilities.argmax(axis=1)
    wrong = [row for row in np.argsort(believed, kind="stable").tolist() if taken[row] != answers.labels[row]][:WORST]
    shown = []
    for place, row in enumerate(wrong):
        moved = (
            f"<div class='note'>{cell(in_words(answers.explain(answers.texts[row])))}</div>" if place < MOST_EXPLAINED else ""
        )
        text = " ".join(answers.texts[row].split())
        cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        told = f"<span class='right'>{cell(answers.classes[answers.labels[row]])}</span>"
        said = f"<span class='wrong'>{cell(answers.classes[taken[row]])}</span>"
        shown.append(
            [
                f"<div class='text'>{cell(cut)}</div>{moved}",
                told,
                said,
                number(float(believed[row])),
                number(float(answers.probabilities[row, taken[row]])),
            ]
        )
    if not shown:
        return "<p>None: it gets all of them right.</p>"
    return table(["text", "labelled", "answered", "its label's probability", "the answer's"], shown, left=(0, 1, 2))


def _calibration(answers: Answers) -> str:
    sure, taken = answers.probabilities.max(axis=1), answers.probabilities.argmax(axis=1)
    right = taken == answers.labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    used = np.flatnonzero(counts)
    means, shares = np.bincount(bins, sure, BINS)[used] / counts[used], np.bincount(bins, right, BINS)[used] / counts[used]
    even = {
        "type": "scatter",
        "mode": "lines",
        "name": "calibrated",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": GREY, "dash": "dot"},
    }
    told = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "the winner",
        "x": np.round(means, 4).tolist(),
        "y": np.round(shares, 4).tolist(),
        "marker": {"size": (6 + 22 * np.sqrt(counts[used] / counts.max())).round(1).tolist(), "color": BLUE},
        "line": {"color": BLUE},
        "text": [f"{count} texts" for count in counts[used]],
        "hovertemplate": "sure %{x:.2f}, right %{y:.2f}<br>%{text}<extra></extra>",
    }
    axes = {
        "xaxis": {"title": {"text": "probability of the answer"}, "range": [0, 1.02]},
        "yaxis": {"title": {"text": "share of right answers"}, "range": [0, 1.05]},
    }
    return figure([even, told], axes, height=380)
