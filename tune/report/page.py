"""The HTML page: sections of tables, text and Plotly figures in one file, light and dark, without a network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

BLUE, TEAL, ORANGE, RED, GREY = "#4c78dd", "#2a9d8f", "#e08a2e", "#d1495b", "#8a8f98"
"""Colours that can be read on white and on near-black."""

Figure = dict[str, Any]
"""Traces and layout, in Plotly's terms."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        key: Its anchor.
        title: Its heading, plain text.
        parts: HTML, in order; made by the functions of this module.
        note: What it shows and how to read it, plain text.
    """

    key: str
    title: str
    parts: Sequence[str]
    note: str = ""

    def html(self) -> str:
        """Returns the section as HTML."""
        note = f"<p class='note'>{escape(self.note)}</p>" if self.note else ""
        return f"<section id='{self.key}'><h2>{escape(self.title)}</h2>{note}{''.join(self.parts)}</section>"


def figure(traces: Sequence[dict[str, Any]], layout: dict[str, Any] | None = None, *, height: int = 380, width: int = 0) -> str:
    """Returns a Plotly figure as HTML; wider than `width` px it scrolls on a small screen instead of shrinking."""
    shape: Figure = {"data": _finite(list(traces)), "layout": {"height": height, **(layout or {})}}
    text = json.dumps(shape, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    least = f"min-width:{width}px;" if width else ""
    return (
        f"<div class='scroll'><div class='figure' style='{least}height:{height}px'>"
        f"<script type='application/json'>{text}</script></div></div>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[int] = (0,), sort: bool = False) -> str:
    """Returns a table as HTML.

    Args:
        head: The columns' titles, plain text.
        rows: Their cells, HTML already (see `cell`).
        left: The columns that are flush left; the others, numbers, are flush right.
        sort: It may be long: it scrolls below its head, and a click on a title sorts it.
    """
    classes = ["l" if index in left else "r" for index in range(len(head))]
    top = "".join(f"<th class='{kind}'>{escape(title)}</th>" for kind, title in zip(classes, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td class='{kind}'>{value}</td>" for kind, value in zip(classes, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll{' tall' if sort else ''}'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell(value: object) -> str:
    """Returns a value as text that HTML takes for nothing else; control characters are shown as their names."""
    return escape("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value)))


def number(value: float | None, digits: int = 3) -> str:
    """Returns a number rounded, or a dash for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def bar(share: float | None, digits: int = 3) -> str:
    """Returns a number in [0, 1] with a bar behind it that is as long."""
    if share is None:
        return number(None)
    return f"<span class='bar' style='--share:{100 * share:.1f}%'>{number(share, digits)}</span>"


def label(name: str, longest: int = 28) -> str:
    """Returns a class's name as a figure shows it: no markup, and cut."""
    return cell(name if len(name) <= longest else name[: longest - 1] + "…")


def details(summary: str, inner: str) -> str:
    """Returns HTML that is folded away under a summary, plain text."""
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>"


def page(title: str, head: str, sections: Sequence[Section]) -> str:
    """Returns the whole file.

    Args:
        title: Plain text.
        head: HTML that stands above the sections.
        sections: In order.
    """
    links = "".join(f"<a href='#{section.key}'>{escape(section.key.capitalize())}</a>" for section in sections)
    body = "".join(section.html() for section in sections)
    here = files("tune.report")
    style, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><header>{head}</header>"
        f"<nav>{links}</nav><main>{body}</main><script>{plotly}</script><script>{script}</script></body></html>\n"
    )


def _finite(value: Any) -> Any:
    """Puts None, a gap to Plotly, in the place of what JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
