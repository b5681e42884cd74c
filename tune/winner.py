"""The best trial made a classifier, and tested: the one place that looks at the test split."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from data.dataset import Dataset
from data.split import SIDES
from model.evaluation import evaluate
from tune.errors import SearchFailedError
from tune.folder import LOG, SearchFolder
from tune.inputs import Inputs
from tune.outcome import best_trial
from tune.weights import read_trained, weights_file


def evaluate_best(folder: SearchFolder, inputs: Inputs) -> dict[str, Any]:
    """Makes a classifier of the best trial, saves it, and evaluates it on all three sides.

    Raises:
        SearchFailedError: If no trial came to a result.
    """
    trials = folder.trials()
    best = best_trial(trials)
    if best is None:
        ended = "; ".join(sorted({trial.reason for trial in trials if trial.reason})[:3])
        raise SearchFailedError(
            f"No trial came to a result: {ended or 'there was no time for an epoch'}. "
            f"See {folder.path / LOG}; go on with: {folder.resume_command()} --time-limit 10m"
        )
    from model.classifier import Classifier, Encoded  # the driver loads TensorFlow for the winner alone
    from model.hparams import HParams

    path = folder.classifier(best.number)
    encoded = Encoded(inputs.dataset.tokens, inputs.wide_logits)
    if path.exists():
        classifier = Classifier.load(path)
    else:
        kept = weights_file(folder.weights, best.number)
        if not kept.exists():
            raise SearchFailedError(f"{kept} is missing: the weights of the best trial.")
        hparams = HParams.from_dict(best.hparams)
        wide = inputs.wide if hparams.wide else None
        classifier = Classifier(hparams, read_trained(kept), inputs.vocabulary, inputs.corpus.classes, inputs.limit, wide=wide)
    dataset = inputs.dataset
    sides = {side: classifier.evaluate(encoded, dataset.labels, dataset.split.side(side)).summary() for side in SIDES}
    classifier.metrics.update(search=folder.name, trial=best.number, epoch=best.best_epoch, **sides)
    if not path.exists():
        classifier.save(path)
    result = {
        "name": folder.name,
        "trial": best.number,
        "epoch": best.best_epoch,
        "hparams": best.hparams,
        "checkpoint": str(path.relative_to(folder.path)),
        **sides,
    }
    if classifier.wide and inputs.wide_logits is not None:
        result["wide"] = _alone(dataset, inputs.wide_logits)
    return result


def _alone(dataset: Dataset, logits: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Returns the figures of the wide branch without the LSTM, on each side."""
    rows = {side: dataset.split.side(side) for side in SIDES}
    return {side: evaluate(dataset.labels[rows[side]], logits[rows[side]]).summary() for side in SIDES}
