"""What may change from one training step to the next without compiling anew."""

from __future__ import annotations

from typing import NamedTuple

from model.hparams import HParams


class Knobs(NamedTuple):
    """Float32 scalars that every step takes."""

    learning_rate: float
    weight_decay: float
    clip_norm: float
    ema_momentum: float
    embedding_dropout: float
    lstm_dropout: float
    output_dropout: float
    recurrent_dropout: float
    weight_dropout: float
    dense_dropout: float
    focal_gamma: float
    label_smoothing: float

    @classmethod
    def of(cls, hparams: HParams) -> Knobs:
        """Picks the knobs out of the hyperparameters."""
        return cls(*(getattr(hparams, name) for name in cls._fields))
