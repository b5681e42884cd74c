"""The cells as Markdown tables."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

Cells = dict[tuple[int, int, int, str, str | None], dict[str, Any]]
OTHERS = ("Keras, 99th percentile", "Keras, maximum", "dense top-k", "PyTorch")


def key_of(cell: dict[str, Any]) -> tuple[int, int, int, str, str | None]:
    """Returns what a cell is found by: profile, units, batch, contender and k/B."""
    return cell["median"], cell["units"], cell["batch"], cell["contender"], cell["fraction"]


def tables(cells: Iterable[dict[str, Any]]) -> str:
    """Writes, for each profile, speed, duration, ratios and useful share; at last the lowest ratio over plain Keras."""
    by_key = {key_of(cell): cell for cell in cells}
    parts = []
    for median in sorted({key[0] for key in by_key}):
        here = {key: cell for key, cell in by_key.items() if key[0] == median}
        parts += [
            f"## Median of {median} words\n\nThousand real tokens a CPU second:\n\n"
            + _figures(here, lambda cell: f"{cell['tokens_per_cpu_second'] / 1000:.3g}"),
            "Milliseconds a step (wall; mean over an epoch):\n\n" + _figures(here, lambda cell: f"{cell['milliseconds']:.3g}"),
            "Useful share of the core's matrix-product rate:\n\n" + _figures(here, lambda cell: f"{cell['useful_share']:.2f}"),
            "Topknot's tokens a CPU second over the others':\n\n" + _ratios(here),
        ]
    notes = sorted({f"{cell['contender']}: {cell['note']}" for cell in by_key.values() if cell["note"]})
    return "\n\n".join([*parts, _lowest(by_key), *notes])


def _rows(cells: Cells) -> list[tuple[int, int, int]]:
    return sorted({key[:3] for key in cells})


def _fractions(cells: Cells) -> list[str]:
    return sorted({key[4] for key in cells if key[4]}, key=Fraction)


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def _figures(cells: Cells, figure: Callable[[dict[str, Any]], str]) -> str:
    columns = [("Topknot", fraction) for fraction in _fractions(cells)] + [(name, None) for name in OTHERS]
    head = ["units, batch", *(f"k/B {fraction}" if fraction else name for name, fraction in columns)]
    rows = []
    for place in _rows(cells):
        found = [cells.get((*place, *column)) for column in columns]
        texts = ["" if cell is None else figure(cell) if cell["note"] is None else "-" for cell in found]
        rows.append([f"{place[1]}, {place[2]}", *texts])
    return _table(head, rows)


def _ratio(cells: Cells, place: tuple[int, int, int], fraction: str, other: str) -> float | None:
    ours, theirs = (cells.get((*place, *column)) for column in (("Topknot", fraction), (other, None)))
    if not ours or not theirs or ours["note"] or theirs["note"]:
        return None
    return float(ours["tokens_per_cpu_second"] / theirs["tokens_per_cpu_second"])


def _ratios(cells: Cells) -> str:
    columns = [(fraction, other) for other in (OTHERS[0], "dense top-k", "PyTorch") for fraction in _fractions(cells)]
    rows = []
    for place in _rows(cells):
        ratios = [_ratio(cells, place, *column) for column in columns]
        rows.append([f"{place[1]}, {place[2]}", *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
    return _table(["units, batch", *(f"k/B {fraction} over {other}" for fraction, other in columns)], rows)


def _lowest(cells: Cells) -> str:
    found = [
        (ratio, place, fraction, other)
        for place in _rows(cells)
        for fraction in _fractions(cells)
        for other in OTHERS[:2]
        if (ratio := _ratio(cells, place, fraction, other)) is not None
    ]
    if not found:
        return "No cell of plain Keras stands beside one of Topknot."
    ratio, (median, units, batch), fraction, other = min(found)
    return (
        f"Lowest ratio over plain Keras: {ratio:.2f} (median of {median} words, {units} units, batch of {batch}, "
        f"k/B {fraction}, over {other})."
    )
