"""One training of a configuration from its start to its own end, in a worker's process: no scheduler stops it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from data.dataset import Dataset
from model.hparams import HParams
from model.trained import Weights
from tune.ending import DIVERGED, Rules, kind_of
from tune.means import Means

FIGURES = ("loss", "accuracy", "macro_f1")


def train_again(
    hparams: dict[str, Any],
    seed: int,
    dataset: Dataset,
    wide: npt.NDArray[np.float32] | None,
    rules: Rules,
    means: Means,
) -> dict[str, Any] | None:
    """Trains, and evaluates the best epoch on the validation and test rows.

    Args:
        hparams: How.
        seed: Of the initial weights, the batches and the dropout.
        dataset: The corpus.
        wide: float32 (test rows, classes), or None: the wide branch's logits of them.
        rules: When it ends, as for trials.
        means: What to compute with.

    Returns:
        `epoch`, the best one; `epochs`, `seconds`, and under `validation` and `test` the figures of the best epoch; or
        `failed`, why there are none, and `seconds`. None if there was no time.
    """
    means.prepare()
    from model.training import OutOfTimeError, Training

    configuration = HParams.from_dict(hparams)
    lowest, seconds, found = math.inf, 0.0, dict[str, Any]()
    try:
        with Training(dataset, configuration, seed=seed, precision=means.precision) as training:
            ended = ""
            while not ended:
                report = training.run_epoch(means.deadline)
                seconds += report.seconds
                if (cost := rules.objective.cost(asdict(report))) < lowest:
                    lowest = cost
                    test = training.evaluate(dataset.split.test, means.deadline, wide=wide if configuration.wide else None)
                    found = {"epoch": report.epoch, "validation": {name: getattr(report, name) for name in FIGURES}}
                    found["test"] = {name: getattr(test, name) for name in FIGURES}
                ended = rules.why_ended(report.epoch, report.loss, found.get("epoch", 0))
    except (OutOfTimeError, TimeoutError):
        return None
    if kind_of(ended) == DIVERGED:
        return {"failed": ended, "seconds": seconds}
    return {**found, "epochs": report.epoch, "seconds": seconds}


def train_epochs(hparams: dict[str, Any], seed: int, passes: float, dataset: Dataset, means: Means) -> Weights | None:
    """Trains for so many passes over the training rows, the last perhaps but a part of one, and looks at no others.

    Returns:
        The LSTM's weights; None if there was no time.

    Raises:
        ValueError: If the loss, or what it came to, was not finite.
    """
    means.prepare()
    from model.training import OutOfTimeError, Training

    with Training(dataset, HParams.from_dict(hparams), seed=seed, precision=means.precision) as training:
        try:
            for epoch in range(1, math.ceil(passes) + 1):
                if not math.isfinite(training.train_epoch(means.deadline, part=min(1.0, passes - epoch + 1))):
                    raise ValueError(f"the loss was not finite in epoch {epoch}")
        except OutOfTimeError:
            return None
        weights = training.trained().weights
    if not all(np.isfinite(weight).all() for weight in weights):  # the last step's own loss is not seen
        raise ValueError(f"the weights were not finite after epoch {epoch}")
    return weights
