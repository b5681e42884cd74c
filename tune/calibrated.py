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
    logits = {side: classifier.uncalibrated(encoded, dataset.split.side(side)) for side in SIDES}
    temperature = fit_temperature(labels["validation"], logits["validation"])
    return Calibrated(
        classifier.at_temperature(temperature),
        {side: evaluate(labels[side], logits[side]) for side in SIDES},
        {side: evaluate(labels[side], cool(logits[side], temperature)) for side in SIDES},
    )


def wide_figures(dataset: Dataset, logits: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Returns the figures of the wide branch without the LSTM, on each side."""
    rows = {side: dataset.split.side(side) for side in SIDES}
    return {side: evaluate(dataset.labels[rows[side]], logits[rows[side]]).summary() for side in SIDES}
