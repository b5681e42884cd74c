"""The original notebook's search: a hundred random draws, each trained to the end, texts padded to the longest.

Started by benchmarks/search.py. Each draw gets all its 30 epochs of plain Keras `fit`, and no early stopping. `max_length` is
not drawn: texts are as long as they are, up to 3,000 tokens.
"""

import math
import random
from dataclasses import replace
from typing import Any

import keras
from task import default_space, read_dataset, read_task
from training import Reports, compiled, fit

from model.hparams import HParams
from tune.space import Dimension, Space

DRAWS = 100


def draw(space: Space, rng: random.Random) -> HParams:
    """Draws hyperparameters by chance alone."""
    chosen: dict[str, Any] = {}
    for dimension in space.dimensions:
        if dimension.exists(chosen):
            chosen[dimension.name] = _draw(dimension, rng)
    return HParams(**chosen)


def _draw(dimension: Dimension, rng: random.Random) -> Any:
    low, high = dimension.values[0], dimension.values[-1]
    if dimension.kind in {"choice", "fixed"}:
        return rng.choice(dimension.values)
    if dimension.log:
        value = math.exp(rng.uniform(math.log(low), math.log(high)))
        return round(value) if dimension.kind == "int" else value
    return rng.randint(low, high) if dimension.kind == "int" else rng.uniform(low, high)


def main() -> None:
    task = read_task()
    keras.utils.set_random_seed(task.seed)
    dataset, space, rng = read_dataset(task.corpus), default_space(), random.Random(task.seed)
    longest = int(dataset.tokens.lengths(dataset.split.train).max())
    for trial in range(DRAWS):
        hparams = replace(draw(space, rng), max_length=longest)
        fit(compiled(hparams, dataset), hparams, dataset, callbacks=[Reports(task, trial)], patience=None)


if __name__ == "__main__":
    main()
