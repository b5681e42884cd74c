"""What an epoch of a training came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochReport:
    """Figures of an epoch.

    Attributes:
        epoch: Counted from 1.
        train_loss: Mean over the epoch's steps of the loss as trained, the top-k loss, dropout on. High by design.
        loss: The full loss on the validation rows: what trainings are ranked by. NaN ends a training. With a wide branch it
            is that of both together, mixed by two weights that were fitted on these rows.
        accuracy, macro_f1: On the validation rows.
        seconds: Wall time inside training and validation steps.
        tokens: Real (unpadded) tokens trained over, those of rows that were only ranked included.
        part: Of the rows, that which was trained on: below 1 where there was no time for more.
    """

    epoch: int
    train_loss: float
    loss: float
    accuracy: float
    macro_f1: float
    seconds: float
    tokens: int
    part: float = 1.0
