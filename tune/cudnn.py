"""What keeps LSTM layers from cuDNN on a GPU: such trainings take a loop over the steps, many times slower."""

from __future__ import annotations

from collections.abc import Iterator

from model.hparams import Precision


def obstacles(recurrent_dropout: float, precision: Precision) -> Iterator[str]:
    """Yields a warning for each hyperparameter and setting of a training on a GPU that cuDNN cannot compute.

    Args:
        recurrent_dropout: The greatest that may be drawn.
        precision: What LSTM layers are computed in.
    """
    if recurrent_dropout > 0:
        yield (
            f"recurrent_dropout (up to {recurrent_dropout:g}): cuDNN has none, so what has any trains in a slow loop; "
            "weight_dropout does the like on cuDNN"
        )
    if precision == "bfloat16":
        yield "precision bfloat16: cuDNN's gradients are wrong in it, so a slow loop is taken; float16 runs on cuDNN"
