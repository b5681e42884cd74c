"""An explanation as a terminal shows it."""

from __future__ import annotations

import math

from rich.text import Text

from model.explanation import Explanation
from tune.printable import printable

FOR, AGAINST = "black on green", "white on red"
STRONG, WEAK = 1.0, 0.1
"""Weights (`model.explanation.Word`) from which a word stands out, and below which it is left alone."""
MOST_NAMED = 6


def in_colour(text: str, explanation: Explanation) -> Text:
    """Returns a text whose words stand on green where they speak for the answer, on red against it; weak ones underlined."""
    shown, last = Text("    "), 0
    for word in explanation.words:
        shown.append(printable(text[last : word.start]))
        colour = FOR if word.weight > 0 else AGAINST
        style = colour if abs(word.weight) >= STRONG else colour.split()[-1] if abs(word.weight) >= WEAK else ""
        shown.append(printable(word.text), style)
        last = word.end
    shown.append(printable(text[last:]))
    return shown


def in_words(explanation: Explanation) -> str:
    """Names the words that weigh most, the heaviest first, each once: 'developer +1.32, hiring -0.21'."""
    weights = {word.text.casefold(): word for word in reversed(explanation.words)}
    heaviest = sorted(weights.values(), key=lambda word: (-abs(word.weight), word.start))[:MOST_NAMED]
    named = [
        f"{printable(word.text)} {word.weight:+.2f}" for word in heaviest if not math.isclose(word.weight, 0, abs_tol=0.005)
    ]
    return ", ".join(named) or "no word by itself"
