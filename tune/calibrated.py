"""A classifier with its temperature, and its figures on the three sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from data.dataset import Dataset
from data.split import SIDES
from model.calibration import BINS, cool, fit_temperature
from model.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.ensemble import Ensemble
    from model.text_classifier import Encoded

    Kind = TypeVar("Kind", Classifier, Ensemble)

CALIBRATED = ("validation", "test")
"""The sides whose calibration is told: that which the temperature was fitted on, and that which it was not."""


class Calibrated(NamedTuple):
    """A classifier with its temperature, and the evaluation of each side without it and with it."""

    classifier: Any
    before: Mapping[str, Evaluation]
    after: Mapping[str, Evaluation]

    def figures(self) -> dict[str, Any]:
        """Returns what a result says of it: the figures of each side as the classifier gives them, and what calibration did."""
        calibration: dict[str, Any] = {"temperature": self.classifier.temperature, "bins": BINS}
        for when, sides in (("before", self.before), ("after", self.after)):
            calibration[when] = {
                side: {"error": sides[side].calibration_error, "loss": sides[side].loss} for side in CALIBRATED
            }
        return {**{side: evaluation.summary() for side, evaluation in self.after.items()}, "calibration": calibration}


def calibrate(classifier: Kind, encoded: Encoded, dataset: Dataset) -> Calibrated:
    """Fits the temperature on the validation rows, and evaluates all three sides."""
    labels = {side: dataset.labels[dataset.split.side(side)] for side in SIDES}
    validation = classifier.uncalibrated(encoded, dataset.split.validation)
    temperature = fit_temperature(labels["validation"], validation)
    before, after = dict[str, Evaluation](), dict[str, Evaluation]()
    for side in SIDES:  # one after another: those of many rows and classes may be gigabytes
        logits = validation if side == "validation" else classifier.uncalibrated(encoded, dataset.split.side(side))
        before[side], after[side] = evaluate(labels[side], logits), evaluate(labels[side], cool(logits, temperature))
    return Calibrated(classifier.at_temperature(temperature), before, after)


def wide_figures(dataset: Dataset, logits: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Returns the figures of the wide branch without the LSTM, on each side."""
    rows = {side: dataset.split.side(side) for side in SIDES}
    return {side: evaluate(dataset.labels[rows[side]], logits[rows[side]]).summary() for side in SIDES}
