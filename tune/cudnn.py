"""What keeps LSTM layers from cuDNN on a GPU: such trials take a loop over the steps, many times slower."""

from __future__ import annotations

from collections.abc import Iterator

from tune.settings import Settings
from tune.space import Space


def obstacles(settings: Settings, space: Space) -> Iterator[str]:
    """Yields a warning for each setting and hyperparameter of a search on GPUs that cuDNN cannot compute."""
    if not settings.gpus_per_trial:
        return
    if (rate := space.largest().recurrent_dropout) > 0:
        yield (
            f"recurrent_dropout (up to {rate:g} in this space): cuDNN has none, so trials that draw it train in a slow loop; "
            "weight_dropout does the like on cuDNN"
        )
    if settings.precision == "bfloat16":
        yield "precision bfloat16: cuDNN's gradients are wrong in it, so a slow loop is taken; float16 runs on cuDNN"
