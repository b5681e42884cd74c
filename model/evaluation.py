"""How good a classifier is on rows it was not trained on. Needs no TensorFlow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.calibration import calibration_error
from model.logits import AT_ONCE

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over all rows evaluated.

    Attributes:
        loss: The full loss: mean cross-entropy in nats; NaN for a classifier that gives no probabilities.
        accuracy: Fraction of rows whose class was the likeliest, in [0, 1].
        macro_f1: Mean F1 of the classes that stand in the rows or in the predictions, in [0, 1].
        calibration_error: How far probabilities are from the share of right answers (`model.calibration`), in [0, 1]; or NaN.
        hits, true, predicted: int64 (classes,): rows of each class predicted rightly, rows of it, rows predicted as it.
    """

    loss: float
    accuracy: float
    macro_f1: float
    calibration_error: float
    hits: Counts
    true: Counts
    predicted: Counts

    @property
    def rows(self) -> int:
        """Number of rows evaluated."""
        return int(self.true.sum())

    def summary(self) -> dict[str, Any]:
        """Returns loss, None where there is none, accuracy, macro_f1 and rows, as JSON knows them."""
        loss = None if math.isnan(self.loss) else self.loss
        return {"loss": loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1, "rows": self.rows}

    def by_class(self, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Returns precision, recall, F1 (0 where undefined) and number of rows of each class, by its name."""
        precision = self.hits / np.maximum(self.predicted, 1)
        recall = self.hits / np.maximum(self.true, 1)
        f1 = _f1(self.hits, self.true, self.predicted)
        return {
            name: {"precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]), "rows": int(self.true[i])}
            for i, name in enumerate(names)
        }


def evaluate(labels: npt.NDArray[np.int32], logits: npt.NDArray[Any]) -> Evaluation:
    """Compares logits with true classes.

    Args:
        labels: int32 (n,), n of 1 or more.
        logits: float (n, classes); log-probabilities will do.
    """
    classes, step = logits.shape[1], max(1, AT_ONCE // logits.shape[1])
    predicted = logits.argmax(axis=1)
    losses, likeliest = np.empty(len(labels)), np.empty(len(labels))
    for first in range(0, len(labels), step):
        part = slice(first, first + step)
        scores = logits[part].astype(np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        rows = np.arange(len(scores))
        losses[part], likeliest[part] = -scores[rows, labels[part]], np.exp(scores[rows, predicted[part]])
    hits, true, guessed = (np.bincount(rows, minlength=classes) for rows in (labels[predicted == labels], labels, predicted))
    return Evaluation(
        loss=float(losses.mean()),
        accuracy=float((predicted == labels).mean()),
        macro_f1=float(_f1(hits, true, guessed)[(true + guessed) > 0].mean()),
        calibration_error=calibration_error(likeliest, predicted == labels),
        hits=hits,
        true=true,
        predicted=guessed,
    )


def _f1(hits: Counts, true: Counts, predicted: Counts) -> npt.NDArray[np.float64]:
    f1: npt.NDArray[np.float64] = 2 * hits / np.maximum(true + predicted, 1)
    return f1
