"""What every classifier of texts can do, however it computes its logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt

from data.errors import InputError
from data.subwords import Parts
from data.tokens import Ints, Tokens
from model.calibration import cool
from model.evaluation import Evaluation, evaluate
from model.logits import Logits, softmax

Filled = TypeVar("Filled", bound=npt.NDArray[Any])
CHUNK = 8192
"""Texts encoded at a time, so that memory stays bounded whatever comes in."""


class Encoded(NamedTuple):
    """Texts as both branches of a classifier read them.

    Attributes:
        tokens: For the LSTM.
        wide: float32 (texts, classes): the wide branch's logits; None where there is none.
        parts: Of words, of those that no vocabulary has too (`data.subwords`); None where no network looks at them: then words
            that it has no vector for are unknown to it.
    """

    tokens: Tokens
    wide: Logits | None = None
    parts: Parts | None = None


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

        Raises:
            ValueError: If `texts` is one text, not several.
        """
        predictions = []
        for logits in self._text_logits(texts):
            for row in softmax(logits):
                best = np.argsort(-row, kind="stable")[: max(1, top)]
                likeliest = tuple((self.classes[index], float(row[index])) for index in best)
                predictions.append(Prediction(likeliest[0][0], likeliest[0][1], likeliest))
        return predictions

    def likeliest(self, texts: Sequence[str]) -> Ints:
        """Returns the index of each text's likeliest class: int64 (len(texts),)."""
        return self._filled(texts, np.empty(len(texts), np.int64), lambda logits: softmax(logits).argmax(axis=1))

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Returns each text's probability of each class: float32 (len(texts), len(classes)), rows summing to 1."""
        return self._filled(texts, np.empty((len(texts), len(self.classes)), np.float32), softmax)

    def evaluate_texts(self, texts: Sequence[str], labels: npt.NDArray[np.int32]) -> Evaluation:
        """Evaluates raw texts against their classes' indices, int32 (len(texts),)."""
        shape = (len(texts), len(self.classes))
        return evaluate(labels, self._filled(texts, np.empty(shape, np.float32), lambda logits: logits))

    def _filled(self, texts: Sequence[str], array: Filled, of: Callable[[Logits], Filled]) -> Filled:
        """Fills an array, a row a text, with what a function makes of the logits: all logits at once may be too many."""
        first = 0
        for logits in self._text_logits(texts):
            array[first : first + len(logits)] = of(logits)
            first += len(logits)
        return array

    def _text_logits(self, texts: Sequence[str]) -> Iterator[Logits]:
        if isinstance(texts, str):
            raise ValueError("One text is no list of texts; put it in one.")  # noqa: TRY004 - as for all other texts
        for first in range(0, len(texts), CHUNK):
            yield self.logits(self.encode(texts[first : first + CHUNK]))

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
