"""One training with given hyperparameters: `topknot train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from data.errors import InputError
from data.split import SIDES
from model.hparams import HParams
from tune.inputs import read_settings_corpus
from tune.settings import Settings


def train_once(
    settings: Settings, assignments: Sequence[str], export: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Trains once, and evaluates on all three sides.

    Args:
        settings: The corpus, its split, epochs, patience and seed.
        assignments: Hyperparameters as 'name=value'; the others at their defaults.
        export: Where to write the classifier, or None.
        say: Shows a line.

    Raises:
        InputError: Naming a hyperparameter or what else is wrong.
    """
    hparams = parse_assignments(assignments)
    corpus = read_settings_corpus(settings)
    from model.experiment import run_experiment  # TensorFlow comes when the input is known to be good

    say(f"{len(corpus):,} texts of {len(corpus.classes)} classes")
    result = run_experiment(
        corpus,
        validation=settings.validation,
        test=settings.test,
        epochs=settings.max_epochs,
        patience=settings.patience,
        seed=settings.seed,
        on_epoch=lambda report: say(
            f"epoch {report.epoch}: trained to {report.train_loss:.3f}; validation loss {report.loss:.3f}, "
            f"accuracy {report.accuracy:.3f}, macro-F1 {report.macro_f1:.3f} ({report.seconds:.1f} s)"
        ),
        **hparams.to_dict(),
    )
    if export is not None:
        try:
            result.classifier.save(export)
        except OSError as error:
            raise InputError(f"{export} cannot be written: {error.strerror or error}. Choose another --export.") from None
    sides = {side: getattr(result, side).summary() for side in SIDES}
    return {
        "epoch": result.epoch,
        "epochs": len(result.reports),
        "hparams": hparams.to_dict(),
        "checkpoint": str(export) if export else None,
        **sides,
    }


def parse_assignments(assignments: Sequence[str]) -> HParams:
    """Makes hyperparameters of 'name=value' pairs.

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
        return HParams.from_dict(values)
    except ValueError as error:
        raise InputError(f"--set: {error}") from None


def _value(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
        return float(value) if isinstance(value, str) else value  # YAML takes 1e-3 for a text
    except (ValueError, yaml.YAMLError):
        return text
