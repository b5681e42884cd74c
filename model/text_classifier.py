"""What every classifier of texts can do, however it computes its logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from data.errors import InputError
from data.tokens import Ints, Tokens
from model.calibration import cool
from model.evaluation import Evaluation, evaluate
from model.mixture import Logits, softmax

CHUNK = 8192
"""Texts encoded at a time, so that memory stays bounded whatever comes in."""


class Encoded(NamedTuple):
    """Texts as both branches of a classifier read them.

    Attributes:
        tokens: For the LSTM.
        wide: float32 (texts, classes): the wide branch's logits; None where there is none.
    """

    tokens: Tokens
    wide: Logits | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text.

    Attributes:
        label: The likeliest class.
        probability: Its probability, in [0, 1].
        top: The likeliest classes and their probabilities, likeliest first.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns the prediction as JSON knows it."""
        top = [{"label": label, "probability": probability} for label, probability in self.top]
        return {"label": self.label, "probability": self.probability, "top": top}


class TextClassifier(ABC):
    """Raw text in, label names out.

    Attributes:
        classes: Label names; the logits' columns in order.
        limit: Tokens of a text that are looked at.
        metrics: What was measured, by whoever trained it; kept as it came.
        temperature: What the logits were divided by, that their probabilities be calibrated; 1 where nobody did.
    """

    classes: tuple[str, ...]
    limit: int
    metrics: dict[str, Any]
    temperature: float

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encodes texts as the networks read them."""

    @abstractmethod
    def uncalibrated(self, encoded: Encoded, rows: Ints | None = None) -> Logits:
        """Returns logits as they are at a temperature of 1: float32 (rows, classes)."""

    def logits(self, encoded: Encoded, rows: Ints | None = None) -> Logits:
        """Returns logits of encoded texts, all or some rows of them: float32 (rows, classes).

        The tokens may have been encoded with a larger vocabulary of which this one's is the head.
        """
        return cool(self.uncalibrated(encoded, rows), self.temperature)

    def at_temperature(self, temperature: float) -> Self:
        """Returns the same classifier at another temperature; both compute with one network."""
        other = copy(self)
        object.__setattr__(other, "temperature", temperature)  # those that there are are frozen
        return other

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the classifier's folder: whole, or not at all.

        Raises:
            FileExistsError: If the folder exists.
        """

    def predict(self, texts: Sequence[str], *, top: int = 1) -> list[Prediction]:
        """Classifies texts.

        Args:
            texts: Raw texts; an empty one is answered like any other.
            top: How many of the likeliest classes to return, 1 or more.
        """
        predictions = []
        for row in self.probabilities(texts):
            best = np.argsort(-row, kind="stable")[: max(1, top)]
            likeliest = tuple((self.classes[index], float(row[index])) for index in best)
            predictions.append(Prediction(likeliest[0][0], likeliest[0][1], likeliest))
        return predictions

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Returns each text's probability of each class: float32 (len(texts), len(classes)), rows summing to 1."""
        return softmax(self._text_logits(texts))

    def evaluate_texts(self, texts: Sequence[str], labels: npt.NDArray[np.int32]) -> Evaluation:
        """Evaluates raw texts against their classes' indices, int32 (len(texts),)."""
        return evaluate(labels, self._text_logits(texts))

    def _text_logits(self, texts: Sequence[str]) -> Logits:
        chunks = [texts[first : first + CHUNK] for first in range(0, len(texts), CHUNK)]
        none = np.empty((0, len(self.classes)), dtype=np.float32)
        return np.concatenate([none, *(self.logits(self.encode(chunk)) for chunk in chunks)])

    def evaluate(self, encoded: Encoded, labels: npt.NDArray[np.int32], rows: Ints | None = None) -> Evaluation:
        """Evaluates encoded texts, all or some rows of them, against their classes' indices, int32, one a text."""
        return evaluate(labels if rows is None else labels[rows], self.logits(encoded, rows))

    def label_ids(self, names: Sequence[str], source: str) -> npt.NDArray[np.int32]:
        """Returns the classes' indices of label names, int32 (len(names),).

        Raises:
            InputError: Naming labels that this classifier does not know; `source` says where they stood.
        """
        ids = {name: index for index, name in enumerate(self.classes)}
        if unknown := sorted(set(names) - set(ids)):
            some = ", ".join(map(repr, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
            raise InputError(f"{source} has labels that the classifier does not know: {some}. It knows {len(ids)} classes.")
        return np.array([ids[name] for name in names], dtype=np.int32)
