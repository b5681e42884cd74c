"""What is taken for what: the confusion matrix as a table whose labels stay in sight, and the pairs mistaken most often."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from tune.report.page import bar, cell, table

PAIRS = 12
"""Pairs of classes listed."""
ROOM = 1030
"""Pixels across the page on a wide screen: as many classes as possible shall fit without scrolling."""
LEAST_STEP, MOST_STEP, READ_STEP = 10.0, 26.0, 16.0
"""Pixels of a cell: at least, at most, and those below which names and figures are set small."""
LETTER = 7
"""Pixels that a letter of a name takes at most, nearly."""
STRONG = 0.6
"""Share from which a cell is so dark that its figure must change its colour."""
MOST_CLASSES = 300
"""More make a page that no browser likes: its cells are as many as their square."""


def matrix(classes: list[str], counts: npt.NDArray[np.int64]) -> str:
    """Returns the confusion matrix as HTML; of more than `MOST_CLASSES` classes, that of the first.

    Args:
        classes: Label names, in the order in which they are shown.
        counts: int64 (classes, classes): rows of each true class, by what they were taken for.
    """
    names = [cell(name) for name in classes[:MOST_CLASSES]]
    totals = counts.sum(axis=1)
    margin = min(190 if len(names) * MOST_STEP < ROOM else 130, 12 + LETTER * max(map(cell_len, classes[:MOST_CLASSES])))
    step = min(MOST_STEP, max(LEAST_STEP, (ROOM - margin) / len(names)))
    top = "".join(f"<th scope='col' title='{name}'><span>{name}</span></th>" for name in names)
    body = "".join(
        f"<tr><th scope='row' title='{name}'>{name}</th>"
        + "".join(
            _square(name, other, int(counts[i, j]), int(totals[i]), right=i == j) if counts[i, j] else "<td></td>"
            for j, other in enumerate(names)
        )
        + "</tr>"
        for i, name in enumerate(names)
    )
    cut = f"<p class='note'>The first {len(names)} of {len(classes):,} classes.</p>" if len(classes) > len(names) else ""
    kind = "matrix" if step >= READ_STEP else "matrix dense"
    return (
        f"{cut}<div class='{kind}' style='--wide:{step:.1f}px;--names:{margin}px' tabindex='0'>"
        f"<table><thead><tr><td></td>{top}</tr></thead><tbody>{body}</tbody></table></div><p class='note told'>&nbsp;</p>"
    )


def _square(name: str, other: str, count: int, total: int, *, right: bool) -> str:
    share = count / total
    kind = ("hit" if right else "miss") + (" strong" if share >= STRONG else "")
    said = f"{name}: {count} of {total} right" if right else f"{name}, taken for {other}: {count} of {total}"
    return f"<td class='{kind}' style='--s:{0.15 + 0.85 * share:.2f}' title='{said}'>{count}</td>"


def mistakes(classes: list[str], counts: npt.NDArray[np.int64]) -> str:
    """Returns the pairs of classes mistaken most often as an HTML table, "" where there are none; arguments as of `matrix`."""
    wrong = counts - np.diag(np.diag(counts))
    totals = np.maximum(counts.sum(axis=1), 1)
    pairs = sorted(zip(*np.nonzero(wrong), strict=True), key=lambda ij: (-wrong[ij], -wrong[ij] / totals[ij[0]], ij))
    if not pairs:
        return ""
    rows = [
        [cell(classes[i]), cell(classes[j]), f"{wrong[i, j]:,}", bar(float(wrong[i, j] / totals[i]), 2)]
        for i, j in pairs[:PAIRS]
    ]
    return "<h3>Mistaken most often</h3>" + table(["labelled", "answered", "rows", "of the class's rows"], rows, left=(0, 1))
