"""Whether the LSTM was worth it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BASELINES = {"baseline": "linear baseline", "strong_baseline": "strong baseline"}
"""What a result is compared with, by its key in the document; the second only where it was asked for."""


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
        sentences.append("Use the simpler one, or search on.")
    return " ".join(sentences)


def _compared(document: Mapping[str, Any], name: str, key: str) -> str:
    """Compares the figures of the test split with those of a baseline, in a sentence."""
    other, linear, wide = BASELINES[key], document[key]["test"], document.get("wide")
    ours = document.get("original", document)["test"]  # refitted, it has seen more rows than the baseline
    figures = f"macro-F1 {ours['macro_f1']:.3f} against {linear['macro_f1']:.3f}"
    figures += f", accuracy {ours['accuracy']:.3f} against {linear['accuracy']:.3f}"
    if wide and key == "baseline":
        figures += f" (the wide branch alone {wide['test']['macro_f1']:.3f} and {wide['test']['accuracy']:.3f})"
    gains = [ours[figure] - linear[figure] for figure in ("macro_f1", "accuracy")]
    if max(gains) == min(gains) == 0:
        relation = f"{name} and the {other} are equal"
    elif min(gains) >= 0:
        relation = f"{name} beats the {other}"
    elif max(gains) <= 0:
        relation = f"{name} LOSES to the {other}"
    else:
        relation = f"neither {name} nor the {other} is the better one"
    return f"{relation[0].upper()}{relation[1:]}: {figures}." if name == "it" else f"On the test split {relation}: {figures}."
