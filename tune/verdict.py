"""Whether the LSTM was worth it, in words."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

BASELINES = {"baseline": "linear baseline", "strong_baseline": "strong baseline"}
"""What a result is compared with, by its key in the document; the second only where it was asked for."""


FIGURES = ("macro_f1", "accuracy")
"""What is compared, of the test split."""


def verdict(document: Mapping[str, Any]) -> str:
    """Says by the test figures whether the LSTM was worth it, beside the linear baseline and, if asked for, the strong one."""
    name = "the LSTM with its wide branch" if document.get("wide") else "the LSTM"
    if len(members := document.get("ensemble", [])) > 1:
        name = f"the ensemble of {len(members)} trials"
    sentences: list[str] = []
    for key, other in BASELINES.items():
        if document.get(key):
            sentences.append(_compared(document, name, key))
            name = "it"
        elif key in document:
            sentences.append(f"There is no {other} to compare with: {document['missing'][key]}.")
    if any("LOSES" in sentence for sentence in sentences):
        sentences.append("Use a linear model (docs/faq.md has both in a few lines), or search on.")
    if document.get("refit"):
        sentences += _refitted(document, len(members))
    return " ".join(sentences)


def _refitted(document: Mapping[str, Any], members: int) -> Iterator[str]:
    """Yields what the classifier that is handed out has come to: trained on more rows, and perhaps of fewer members."""
    there = len(document["refit"]["epochs"])
    part = f", {there} of the {members}," if there < members else ""
    own = _figures(document)
    theirs = {other: _figures(document[key]) for key, other in BASELINES.items() if document.get(key)}
    better = [f"the {other}" for other, figures in theirs.items() if _is_better(figures, own)]
    loses = f" and LOSES to {' and '.join(better)}" if better else ""
    yield f"Refitted on train and validation rows{part} the classifier has {own[0]:.3f} and {own[1]:.3f}{loses}."
    if better:
        yield f"As it was before it is in {document['original']['checkpoint']}."


def _compared(document: Mapping[str, Any], name: str, key: str) -> str:
    """Compares the figures of the test split with those of a baseline, in a sentence."""
    other, others, wide = BASELINES[key], _figures(document[key]), document.get("wide")
    own = _figures(document.get("original", document))  # refitted, it has seen more rows than the baseline
    figures = f"macro-F1 {own[0]:.3f} against {others[0]:.3f}, accuracy {own[1]:.3f} against {others[1]:.3f}"
    if wide and key == "baseline":
        alone = _figures(wide)
        better = "does better: " if _is_better(alone, own) else ""
        figures += f" (the wide branch alone {better}{alone[0]:.3f} and {alone[1]:.3f})"
    if own == others:
        relation = f"{name} and the {other} are equal"
    elif _is_better(own, others):
        relation = f"{name} beats the {other}"
    elif _is_better(others, own):
        relation = f"{name} LOSES to the {other}"
    else:
        relation = f"neither {name} nor the {other} is the better one"
    return f"{relation[0].upper()}{relation[1:]}: {figures}." if name == "it" else f"On the test split {relation}: {figures}."


def _figures(sides: Mapping[str, Any]) -> list[float]:
    return [sides["test"][figure] for figure in FIGURES]


def _is_better(one: list[float], other: list[float]) -> bool:
    """Tells whether no figure is lower, and one is higher."""
    return all(map(operator.ge, one, other)) and one != other
