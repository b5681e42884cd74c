"""A classifier with its temperature, and its figures on the three sides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from data.dataset import Dataset
from data.split import SIDES, Split
from model.calibration import BINS, cool, fit_temperature
from model.evaluation import Evaluation, evaluate
from model.logits import Labels, Logits

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.ensemble import Ensemble
    from model.text_classifier import Encoded, TextClassifier

    Kind = TypeVar("Kind", Classifier, Ensemble)

CALIBRATED = ("validation", "test")
"""The sides whose calibration is told: that which the temperature was fitted on, and that which it was not."""


class Calibrated(NamedTuple):
    """A classifier with its temperature, the evaluation of each side with it, and of some of them without it."""

    classifier: Any
    before: Mapping[str, Evaluation]
    after: Mapping[str, Evaluation]

    def figures(self) -> dict[str, Any]:
        """Returns what a result says of it: the figures of each side as the classifier gives them, and what calibration did."""
        calibration: dict[str, Any] = {"temperature": self.classifier.temperature, "bins": BINS}
        for when, sides in (("before", self.before), ("after", self.after)):
            calibration[when] = {
                side: {"error": sides[side].calibration_error, "loss": sides[side].loss} for side in self.before
            }
        return {**{side: evaluation.summary() for side, evaluation in self.after.items()}, "calibration": calibration}


def calibrate(classifier: Kind, encoded: Encoded, dataset: Dataset) -> Calibrated:
    """Fits the temperature on the validation rows, and evaluates all three sides."""
    rows = dataset.split.validation
    validation = classifier.uncalibrated(encoded, rows)
    warmed = classifier.at_temperature(fit_temperature(dataset.labels[rows], validation))
    return evaluate_sides(warmed, encoded, dataset.labels, dataset.split, CALIBRATED, {"validation": validation})


def evaluate_sides(
    classifier: TextClassifier,
    encoded: Encoded,
    labels: Labels,
    split: Split,
    told: Collection[str],
    known: Mapping[str, Logits],
) -> Calibrated:
    """Evaluates the three sides of a split at a classifier's temperature, and some of them without it as well.

    Args:
        classifier: Which.
        encoded: All texts.
        labels: int32 (n,): theirs.
        split: Of them.
        told: The sides whose calibration is told.
        known: Logits that are there already, at a temperature of 1, by side.
    """
    before, after = dict[str, Evaluation](), dict[str, Evaluation]()
    for side in SIDES:  # one after another: logits of many rows and classes may be gigabytes
        rows = split.side(side)
        logits = known[side] if side in known else classifier.uncalibrated(encoded, rows)
        after[side] = evaluate(labels[rows], cool(logits, classifier.temperature))
        if side in told:
            before[side] = evaluate(labels[rows], logits)
    return Calibrated(classifier, before, after)


def wide_figures(dataset: Dataset, logits: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Returns the figures of the wide branch without the LSTM, on each side."""
    rows = {side: dataset.split.side(side) for side in SIDES}
    return {side: evaluate(dataset.labels[rows[side]], logits[rows[side]]).summary() for side in SIDES}
