"""One training with given hyperparameters: `topknot train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from data.errors import InputError
from data.split import SIDES
from model.hparams import HParams
from model.question import TRAININGS, single_training
from tune.cluster import gpus
from tune.cudnn import obstacles
from tune.destination import check_new, written
from tune.inputs import read_settings_corpus, remedies_told
from tune.program import program
from tune.settings import EMBEDDING, Settings
from tune.written_yaml import parse_yaml


def train_once(
    settings: Settings, assignments: Sequence[str], export: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Trains once, and evaluates on all three sides.

    Args:
        settings: The corpus, its split, preset, epochs, patience and seed.
        assignments: Hyperparameters as 'name=value'; the others as the preset has them.
        export: Where to write the classifier, or None.
        say: Shows a line.

    Raises:
        InputError: Naming a hyperparameter or what else is wrong.
    """
    assigned = parse_assignments(assignments)
    if settings.vectors is not None:
        length = settings.space[EMBEDDING]
        if assigned.setdefault(EMBEDDING, length) != length:
            raise InputError(
                f"--set {EMBEDDING}={assigned[EMBEDDING]}: the vectors of {settings.vectors} are of {length} numbers."
            )
    if settings.preset not in {"default", *TRAININGS}:
        raise InputError(
            f"--preset {settings.preset} is a space, which `{program()} search --preset {settings.preset}` searches; "
            f"one training starts from default, the hyperparameters' defaults, or {', '.join(TRAININGS)}."
        )
    if unheeded := sorted(set(settings.space) - ({EMBEDDING, "subwords"} if settings.vectors else set())):
        raise InputError(
            f"space, {unheeded[0]}: one training draws nothing from a space; give it as --set, as in --set lstm_size=64."
        )
    if export is not None:
        check_new(export, "--export")
    corpus = read_settings_corpus(settings)
    hparams, epochs, patience = plan(settings, assigned, len(corpus.classes))
    if settings.vectors is not None and hparams.subwords:
        raise InputError("--set subwords: they cannot be mixed with --vectors; choose one of the two.")
    from model.experiment import run_experiment  # TensorFlow comes when the input is known to be good

    say(f"{len(corpus):,} texts of {len(corpus.classes)} classes")
    for line in (*corpus.told(), *(obstacles(hparams.recurrent_dropout, "float32") if gpus() else ())):
        say(line)
    with remedies_told(settings):
        result = run_experiment(
            corpus,
            validation=settings.validation,
            test=settings.test,
            epochs=epochs,
            patience=patience,
            seed=settings.seed,
            vectors=settings.vectors,
            on_epoch=lambda report: say(
                f"epoch {report.epoch}: trained to {report.train_loss:.3f}; validation loss {report.loss:.3f}, "
                f"accuracy {report.accuracy:.3f}, macro-F1 {report.macro_f1:.3f} ({report.seconds:.1f} s)"
            ),
            **hparams.to_dict(),
        )
    if export is not None:
        with written(export, "--export"):
            result.classifier.save(export)
    sides = {side: getattr(result, side).summary() for side in SIDES}
    return {
        "epoch": result.epoch,
        "epochs": len(result.reports),
        "hparams": hparams.to_dict(),
        "checkpoint": str(export) if export else None,
        **sides,
    }


def plan(settings: Settings, assigned: Mapping[str, Any], classes: int) -> tuple[HParams, int, int]:
    """Returns hyperparameters, epochs and patience of a training: what was given, and for the rest the preset's.

    Args:
        settings: The preset, and perhaps epochs and patience.
        assigned: Hyperparameters that were given.
        classes: Of the corpus.
    """
    if settings.preset not in TRAININGS:
        return HParams.from_dict(assigned), settings.max_epochs, settings.patience
    training = single_training(settings.preset, classes, assigned)
    given = settings.model_fields_set
    epochs = settings.max_epochs if "max_epochs" in given else training.epochs
    return training.hparams, epochs, settings.patience if "patience" in given else epochs


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Reads hyperparameters from 'name=value' pairs.

    Raises:
        InputError: Naming the pair and what would be right.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: it must look like lstm_size=64.")
        values[name.strip()] = _value(value)
    try:
        HParams.from_dict(values)  # each is valid or not, whatever the others are
    except ValueError as error:
        raise InputError(f"--set: {error}") from None
    return values


def _value(text: str) -> Any:
    try:
        value = parse_yaml(text)
        return float(value) if isinstance(value, str) else value  # YAML takes 1e-3 for a text
    except (ValueError, yaml.YAMLError):
        return text
