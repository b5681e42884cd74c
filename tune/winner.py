"""The best trial made a classifier, and tested: the one place that looks at the test split."""

from __future__ import annotations

from typing import Any

from data.split import SIDES
from tune.errors import SearchFailedError
from tune.folder import LOG, SearchFolder
from tune.inputs import Inputs
from tune.outcome import best_trial
from tune.weights import read_weights, weights_file


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
    from model.classifier import Classifier  # the driver loads TensorFlow for the winner alone
    from model.hparams import HParams

    path = folder.classifier(best.number)
    if path.exists():
        classifier = Classifier.load(path)
    else:
        kept = weights_file(folder.weights, best.number)
        if not kept.exists():
            raise SearchFailedError(f"{kept} is missing: the weights of the best trial.")
        hparams = HParams.from_dict(best.hparams)
        classifier = Classifier(hparams, read_weights(kept), inputs.vocabulary, inputs.corpus.classes, inputs.limit)
    dataset = inputs.dataset
    sides = {side: classifier.evaluate(dataset.tokens, dataset.labels, dataset.split.side(side)).summary() for side in SIDES}
    classifier.metrics.update(search=folder.name, trial=best.number, epoch=best.best_epoch, **sides)
    if not path.exists():
        classifier.save(path)
    return {
        "name": folder.name,
        "trial": best.number,
        "epoch": best.best_epoch,
        "hparams": best.hparams,
        "checkpoint": str(path.relative_to(folder.path)),
        **sides,
    }
