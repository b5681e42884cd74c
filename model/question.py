"""The trainings of the original question, and the smallest network of its answer, by name. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.hparams import HParams


@dataclass(frozen=True, slots=True)
class SingleTraining:
    """A training as it is to be run.

    Attributes:
        hparams: How to train.
        epochs: How long, without an early end.
    """

    hparams: HParams
    epochs: int


def single_training(name: str, classes: int, changes: Mapping[str, Any] | None = None) -> SingleTraining:
    """Returns a training of the question.

    Args:
        name: A key of `TRAININGS`.
        classes: Of the corpus: the network of `baseline` has a quarter as many units, one at least.
        changes: Hyperparameters that are to be others.

    Raises:
        ValueError: Naming what there is no training of, or a hyperparameter that is unknown or out of range.
    """
    if name not in TRAININGS:
        raise ValueError(f"There is no training {name!r}; there are {', '.join(TRAININGS)}.")
    training = TRAININGS[name]
    size = {"lstm_size": max(1, classes // 4)} if name == "baseline" else {}
    return SingleTraining(HParams.from_dict({**training.hparams.to_dict(), **size, **(changes or {})}), training.epochs)


_NO_CLIPPING = 1e9
_COMMON: dict[str, Any] = {
    "embedding_size": 80,
    "max_length": 3_000,
    "batch_size": 100,
    "learning_rate": 1e-3,  # Keras's default
    "clip_norm": _NO_CLIPPING,
    "top_k": 1.0,
    "lstm_size": 100,
    "lstm_dropout": 0.0,
    "dense_dropout": 0.0,
}
# What passes SpatialDropout1D passes the LSTM layer's own dropout of inputs too: of two rates p the one 1 - (1 - p)^2 is left.
_MODELS: dict[str, dict[str, Any]] = {
    "model_1": {"lstm_dropout": 0.36, "recurrent_dropout": 0.2},
    "model_2": {
        "dense_layers": 2,
        "dense_size": 128,
        "dense_taper": True,
        "dense_init": "he_uniform",
        "dense_dropout": 0.5,
    },
    "model_3": {
        "train_embedding": False,
        "lstm_dropout": 0.64,
        "recurrent_dropout": 0.4,
        "dense_layers": 3,
        "dense_size": 128,
        "dense_taper": True,
        "dense_activation": "sigmoid",
        "dense_init": "normal",
        "batch_norm": True,
    },
}
_BASELINE = _COMMON | {"batch_size": 128, "top_k": 16 / 128}
TRAININGS: dict[str, SingleTraining] = {
    **{name: SingleTraining(HParams.from_dict(_COMMON | own), 50) for name, own in _MODELS.items()},
    "baseline": SingleTraining(HParams.from_dict(_BASELINE), 100),
}
"""By name. `baseline` is given its LSTM's size by the corpus."""
