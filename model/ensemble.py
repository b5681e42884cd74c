"""Several classifiers that answer together: a weighted mean of their probabilities."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import InputError
from data.tokens import Ints
from model.classifier import CLASSIFIER, FORMAT, Classifier, read_about
from model.encoder import Encoder
from model.logits import Logits, softmax
from model.network import TEMPERATURE
from model.new_folder import new_folder
from model.seal import check_seal
from model.text_classifier import Encoded, TextClassifier

MEMBERS = "members"
MEMBER = re.compile(r"[0-9A-Za-z_-]{1,40}")


@dataclass(frozen=True)
class Ensemble(TextClassifier):
    """Classifiers of one search, which share vocabulary, wide branch and classes.

    Attributes:
        members: By name; each of 1 or more.
        weights: Of the members' probabilities, summing to 1.
        metrics: What was measured, by whoever made it; kept as it came.
        temperature: What the logarithms of the mean probabilities are divided by (`model.calibration`).
    """

    members: Mapping[str, Classifier]
    weights: Mapping[str, float]
    metrics: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not _alike(list(self.members.values())):
            raise ValueError("its members differ in classes, limit, vocabulary or wide branch.")

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Label names; the logits' columns in order."""
        return next(iter(self.members.values())).classes

    @property
    def limit(self) -> int:  # type: ignore[override]
        """Tokens of a text that are looked at."""
        return next(iter(self.members.values())).limit

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encodes texts with the largest vocabulary, of which the others are heads."""
        return Encoder.of(list(self.members.values())).encode(texts, self.limit)

    def uncalibrated(self, encoded: Encoded, rows: Ints | None = None) -> Logits:
        """Returns the logarithms of the members' mean probabilities: float32 (rows, classes)."""
        parts = (self.weights[name] * softmax(member.logits(encoded, rows)) for name, member in self.members.items())
        mean = reduce(np.add, parts)  # one by one: they may be many, and large
        logits: Logits = np.log(np.maximum(mean, np.finfo(np.float32).tiny))
        return logits

    def save(self, folder: Path) -> None:
        """Writes the folder: a folder for each member, and what joins them. Whole, or not at all.

        Raises:
            FileExistsError: If the folder exists.
        """
        with new_folder(folder) as temporary:
            for name, member in self.members.items():
                member.save(temporary / name)
            about = {
                "format": FORMAT,
                MEMBERS: dict(self.weights),
                TEMPERATURE: self.temperature,
                "metrics": self.metrics,
            }
            (temporary / CLASSIFIER).write_text(json.dumps(about, ensure_ascii=False, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Ensemble:
        """Reads an ensemble's folder; nothing in it is executed.

        Raises:
            InputError: If it is damaged.
        """
        about = read_about(folder)
        check_seal(folder)
        weights: Any = about.get(MEMBERS)
        proper = isinstance(weights, dict) and all(isinstance(weight, float) and weight > 0 for weight in weights.values())
        if not proper or not math.isclose(sum(weights.values()), 1, abs_tol=1e-6):
            raise InputError(
                f"{folder / CLASSIFIER} is damaged: `{MEMBERS}` must hold the members' weights by their names, 1 together."
            )
        if strange := [name for name in weights if not MEMBER.fullmatch(name) or (folder / name).is_symlink()]:
            raise InputError(f"{folder / CLASSIFIER} is damaged: {strange[0]!r} is no member's name.")
        members = {name: Classifier.load(folder / name) for name in weights}
        temperature = about.get(TEMPERATURE)
        if not (isinstance(temperature, float) and 0 < temperature < math.inf):
            raise InputError(f"{folder / CLASSIFIER} is damaged: `{TEMPERATURE}` must be above 0, got {temperature!r}.")
        try:
            return cls(members, weights, about.get("metrics", {}), temperature)
        except ValueError as error:
            raise InputError(f"{folder} is damaged: {error}") from None


def _alike(members: list[Classifier]) -> bool:
    """Tells whether classifiers may share one encoding of texts."""
    longest = max((member.vocabulary.tokens for member in members), key=len)
    wides = list({id(member.wide): member.wide for member in members if member.wide}.values())
    return (
        len({(member.classes, member.limit) for member in members}) == 1
        and all(longest[: len(member.vocabulary.tokens)] == member.vocabulary.tokens for member in members)
        and all(wide.is_like(wides[0]) for wide in wides[1:])
    )


def load_classifier(folder: Path) -> TextClassifier:
    """Reads the folder of a classifier or of an ensemble of them.

    Raises:
        InputError: If it is neither, or damaged.
    """
    return Ensemble.load(folder) if MEMBERS in read_about(folder) else Classifier.load(folder)


def select_members(probabilities: npt.NDArray[np.float32], rounds: int) -> dict[int, float]:
    """Chooses an ensemble greedily, with replacement, by the cross-entropy of its mean (Caruana et al., ICML 2004).

    Args:
        probabilities: float32 (candidates, rows): what each gives to the right class of rows that it was not trained on.
        rounds: Members to choose, 1 or more; one may be chosen more than once, which gives it more weight.

    Returns:
        Weights, summing to 1, by the candidates' places. Of all rounds' ensembles, that of the lowest loss.
    """
    right = probabilities.astype(np.float64)
    chosen: list[int] = []
    best, best_loss, total = [0], np.inf, np.zeros(right.shape[1])
    for size in range(1, rounds + 1):
        losses = -np.log(np.maximum((total + right) / size, 1e-30)).mean(axis=1)
        pick = int(np.argmin(losses))
        chosen.append(pick)
        total += right[pick]
        if losses[pick] < best_loss - 1e-9:
            best, best_loss = list(chosen), float(losses[pick])
    return {place: best.count(place) / len(best) for place in sorted(set(best))}
