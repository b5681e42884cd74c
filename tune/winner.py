"""The best trial, or another if asked for, made a classifier and evaluated; nothing of the test rows decides anything here."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data.errors import InputError
from data.split import SIDES
from model.hparams import HParams
from model.seal import is_whole
from tune.calibrated import calibrate, wide_figures
from tune.continuity import check_words, read_own_corpus
from tune.errors import SearchFailedError
from tune.folder import CLASSIFIERS, LOG, SearchFolder
from tune.inputs import Inputs, prepare_inputs
from tune.outcome import TrialOutcome, best_trial, ranked_trials
from tune.provenance import read_wide_recipe
from tune.search_result import read_result
from tune.weights import read_trained

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.ensemble import Ensemble
    from model.text_classifier import Encoded

OF_THE_BEST = {"ensemble", "single", "wide", "original", "refit", "repeats"}
"""What a result may have that is not so of another trial."""


class Winner(NamedTuple):
    """What a search came to.

    Attributes:
        result: What result.json holds of it.
        classifier: Calibrated, with no metrics.
        trials: Those that it is made of, by their names in an ensemble.
    """

    result: dict[str, Any]
    classifier: Classifier | Ensemble
    trials: dict[str, TrialOutcome]


def evaluate_best(folder: SearchFolder, inputs: Inputs, ensemble: int, trials: Sequence[TrialOutcome]) -> Winner:
    """Makes a classifier of the best trial, or of several trials together; saves it, and evaluates it on all three sides.

    Args:
        folder: Of the search.
        inputs: Its corpus.
        ensemble: Classifiers that may answer together; 1 for the best trial alone.
        trials: Of the search.

    Raises:
        SearchFailedError: If no trial came to a result.
    """
    best = best_trial(trials)
    if best is None:
        ended = "; ".join(sorted({trial.reason for trial in trials if trial.reason})[:3])
        raise SearchFailedError(
            f"No trial came to a result: {ended or 'there was no time for an epoch'}. "
            f"See {folder}/{LOG}; go on with: {folder.resume_command()} --time-limit 10m"
        )
    if best.number not in folder.weights and not folder.classifier(best.number).exists():
        raise SearchFailedError(f"{folder.weights.where(best.number)} is missing: the weights of the best trial.")
    alone = _winner(folder, inputs, best)
    return _ensemble(folder, inputs, trials, ensemble, alone) if ensemble > 1 else alone


def evaluate_trial(folder: SearchFolder, number: int) -> dict[str, Any]:
    """Makes a classifier of any trial whose weights are kept, saves it, and evaluates it on all three sides.

    The search's corpus is read again for it.

    Returns:
        What result.json holds of the best one, but for what was made of that alone: ensemble, refit, repeats.

    Raises:
        InputError: If the search has no result, there is no such trial, its weights are not kept, or the corpus has changed.
    """
    result = {name: value for name, value in read_result(folder).items() if name not in OF_THE_BEST}
    trials = {trial.number: trial for trial in ranked_trials(folder.trials())}
    kept = [trial.number for trial in folder.kept(trials.values())]
    if number not in kept:
        there = f"{', '.join(map(str, kept[:20]))}{', ...' if len(kept) > 20 else ''}"
        raise InputError(f"--trial {number}: the search {folder.name!r} has no weights of that; it has those of {there}.")
    settings = folder.settings()
    inputs = prepare_inputs(settings, *read_own_corpus(folder, settings), read_wide_recipe(folder))
    check_words(folder, settings, inputs)
    return result | _winner(folder, inputs, trials[number]).result


def clear_damaged(path: Path) -> None:
    """Takes away what was saved of a classifier, if it is no longer whole or of another format, for it to be made again."""
    if path.exists() and not (is_whole(path) and _is_known(path)):
        shutil.rmtree(path)


def _is_known(path: Path) -> bool:
    """Tells whether a classifier's folder is of the format that this version reads."""
    from model.classifier import read_about

    try:
        read_about(path)
    except InputError:
        return False
    return True


def _winner(folder: SearchFolder, inputs: Inputs, trial: TrialOutcome) -> Winner:
    """Makes a classifier of a trial, saves and evaluates it."""
    from model.classifier import Classifier  # the driver loads TensorFlow for the winner alone

    path = folder.classifier(trial.number)
    if trial.number in folder.weights:
        clear_damaged(path)
    classifier = Classifier.load(path).at_temperature(1.0) if path.exists() else _classifier(folder, inputs, trial)
    calibrated = calibrate(classifier, encoded(inputs), inputs.dataset)
    figures = calibrated.figures()
    if not path.exists():
        about = {"search": folder.name, "trial": trial.number, "epoch": trial.best_epoch}
        replace(calibrated.classifier, metrics=about | figures).save(path)
    result: dict[str, Any] = {
        "name": folder.name,
        "trial": trial.number,
        "epoch": trial.best_epoch,
        "hparams": trial.hparams,
        "checkpoint": str(path.relative_to(folder.path)),
        **figures,
    }
    if classifier.wide and inputs.wide_logits is not None:
        result["wide"] = wide_figures(inputs.dataset, inputs.wide_logits)
    return Winner(result, calibrated.classifier, {_name(trial): trial})


def _ensemble(
    folder: SearchFolder,
    inputs: Inputs,
    trials: Sequence[TrialOutcome],
    rounds: int,
    alone: Winner,
) -> Winner:
    """Chooses an ensemble on the validation rows among the trials whose weights are kept, saves and evaluates it.

    Where the best trial alone is better by what trials are ranked by, it is the only member.
    """
    from model.classifier import Classifier
    from model.ensemble import Ensemble, select_members
    from model.logits import softmax

    (best,) = alone.trials.values()
    single = {name: alone.result[name] for name in (*SIDES, "calibration")}
    others = [trial for trial in folder.kept(ranked_trials(trials)) if trial is not best]
    candidates = [best, *others]
    assert isinstance(alone.classifier, Classifier)
    first = replace(alone.classifier, temperature=1.0, wide=inputs.wide if alone.classifier.wide else None)  # of this machine
    classifiers = [first, *(_classifier(folder, inputs, trial) for trial in others)]
    rows = inputs.dataset.split.validation
    labels, texts = inputs.dataset.labels[rows], encoded(inputs)
    right = [softmax(classifier.logits(texts, rows))[np.arange(len(rows)), labels] for classifier in classifiers]
    weights = select_members(np.stack(right), rounds)
    nothing = alone._replace(result=alone.result | {"ensemble": [{"trial": best.number, "weight": 1.0}], "single": single})
    if len(weights) < 2:
        return nothing
    names = {place: _name(candidates[place]) for place in weights}
    together = Ensemble(
        {names[place]: classifiers[place] for place in weights}, {names[place]: weight for place, weight in weights.items()}
    )
    calibrated = calibrate(together, texts, inputs.dataset)
    figures = calibrated.figures()
    if best.objective.cost(figures["validation"]) >= best.objective.cost(single["validation"]):
        return nothing
    digest = hashlib.blake2b(json.dumps(together.weights).encode(), digest_size=4).hexdigest()
    path = folder.path / CLASSIFIERS / f"ensemble-{digest}"
    clear_damaged(path)
    if not path.exists():
        replace(calibrated.classifier, metrics={"search": folder.name, **figures}).save(path)
    members = [{"trial": candidates[place].number, "weight": weight} for place, weight in weights.items()]
    changed = {"checkpoint": str(path.relative_to(folder.path)), **figures, "ensemble": members, "single": single}
    return Winner(alone.result | changed, calibrated.classifier, {names[place]: candidates[place] for place in weights})


def encoded(inputs: Inputs) -> Encoded:
    """Returns the texts of a corpus as both branches read them."""
    from model.text_classifier import Encoded

    return Encoded(inputs.dataset.tokens, inputs.wide_logits, inputs.dataset.parts)


def _name(trial: TrialOutcome) -> str:
    return f"{trial.number:05d}"


def _classifier(folder: SearchFolder, inputs: Inputs, trial: TrialOutcome) -> Classifier:
    from model.classifier import Classifier

    hparams = HParams.from_dict(trial.hparams)
    trained = read_trained(folder.weights, trial.number)
    wide = inputs.wide if hparams.wide else None
    return Classifier(hparams, trained, inputs.vocabulary, inputs.corpus.classes, inputs.limit, wide=wide)
