"""The best trial made a classifier, and tested: the one place that looks at the test split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from data.dataset import Dataset
from data.split import SIDES
from model.evaluation import evaluate
from model.hparams import HParams
from tune.errors import SearchFailedError
from tune.folder import CLASSIFIERS, LOG, SearchFolder
from tune.inputs import Inputs
from tune.outcome import TrialOutcome, best_trial, ranked_trials
from tune.trial_file import trial_file
from tune.weights import read_trained

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.text_classifier import Encoded, TextClassifier


def evaluate_best(folder: SearchFolder, inputs: Inputs, ensemble: int) -> dict[str, Any]:
    """Makes a classifier of the best trial, or of several trials together; saves it, and evaluates it on all three sides.

    Args:
        folder: Of the search.
        inputs: Its corpus.
        ensemble: Classifiers that may answer together; 1 for the best trial alone.

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
    from model.text_classifier import Encoded

    if not trial_file(folder.weights, best.number).exists() and not folder.classifier(best.number).exists():
        raise SearchFailedError(f"{trial_file(folder.weights, best.number)} is missing: the weights of the best trial.")
    path = folder.classifier(best.number)
    classifier = Classifier.load(path) if path.exists() else _classifier(folder, inputs, best)
    encoded = Encoded(inputs.dataset.tokens, inputs.wide_logits)
    sides = _sides(classifier, encoded, inputs.dataset)
    classifier.metrics.update(search=folder.name, trial=best.number, epoch=best.best_epoch, **sides)
    if not path.exists():
        classifier.save(path)
    result: dict[str, Any] = {
        "name": folder.name,
        "trial": best.number,
        "epoch": best.best_epoch,
        "hparams": best.hparams,
        "checkpoint": str(path.relative_to(folder.path)),
        **sides,
    }
    if classifier.wide and inputs.wide_logits is not None:
        result["wide"] = _alone(inputs.dataset, inputs.wide_logits)
    if ensemble > 1:
        result |= _ensemble(folder, inputs, encoded, trials, ensemble, (best, classifier, sides))
    return result


def _ensemble(
    folder: SearchFolder,
    inputs: Inputs,
    encoded: Encoded,
    trials: Sequence[TrialOutcome],
    rounds: int,
    alone: tuple[TrialOutcome, Classifier, dict[str, Any]],
) -> dict[str, Any]:
    """Chooses an ensemble on the validation rows among the trials whose weights are kept, saves and evaluates it.

    Returns:
        What it changes in the result; where the best trial alone is better by what trials are ranked by, it is the only member.
    """
    from model.ensemble import Ensemble, select_members
    from model.mixture import softmax

    best, classifier, single = alone
    others = [
        trial for trial in ranked_trials(trials) if trial is not best and trial_file(folder.weights, trial.number).exists()
    ]
    candidates = [best, *others]
    classifiers = [classifier, *(_classifier(folder, inputs, trial) for trial in others)]
    rows = inputs.dataset.split.validation
    probabilities = [softmax(classifier.logits(encoded, rows)) for classifier in classifiers]
    weights = select_members(inputs.dataset.labels[rows], probabilities, rounds)
    nothing = {"ensemble": [{"trial": best.number, "weight": 1.0}], "single": single}
    if len(weights) < 2:
        return nothing
    names = {place: f"{candidates[place].number:05d}" for place in weights}
    together = Ensemble(
        {names[place]: classifiers[place] for place in weights}, {names[place]: weight for place, weight in weights.items()}
    )
    sides = _sides(together, encoded, inputs.dataset)
    if best.objective.cost(sides["validation"]) >= best.objective.cost(single["validation"]):
        return nothing
    together.metrics.update(search=folder.name, **sides)
    digest = hashlib.blake2b(json.dumps(together.weights).encode(), digest_size=4).hexdigest()
    path = folder.path / CLASSIFIERS / f"ensemble-{digest}"
    if not path.exists():
        together.save(path)
    members = [{"trial": candidates[place].number, "weight": weight} for place, weight in weights.items()]
    return {"checkpoint": str(path.relative_to(folder.path)), **sides, "ensemble": members, "single": single}


def _classifier(folder: SearchFolder, inputs: Inputs, trial: TrialOutcome) -> Classifier:
    from model.classifier import Classifier

    hparams = HParams.from_dict(trial.hparams)
    trained = read_trained(trial_file(folder.weights, trial.number))
    wide = inputs.wide if hparams.wide else None
    return Classifier(hparams, trained, inputs.vocabulary, inputs.corpus.classes, inputs.limit, wide=wide)


def _sides(classifier: TextClassifier, encoded: Encoded, dataset: Dataset) -> dict[str, Any]:
    return {side: classifier.evaluate(encoded, dataset.labels, dataset.split.side(side)).summary() for side in SIDES}


def _alone(dataset: Dataset, logits: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Returns the figures of the wide branch without the LSTM, on each side."""
    rows = {side: dataset.split.side(side) for side in SIDES}
    return {side: evaluate(dataset.labels[rows[side]], logits[rows[side]]).summary() for side in SIDES}
