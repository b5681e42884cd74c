"""KerasTuner's Hyperband, in one process; TensorFlow has all cores.

Started by benchmarks/search.py. Needs the packages keras-tuner and tensorboard. A configuration that Hyperband promotes goes
on from its weights under a new trial id; here it keeps its first one, so that it counts as one trial.
"""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import keras
import keras_tuner
from keras_tuner import HyperParameters
from task import EPOCHS, REDUCTION, Task, default_space, read_dataset, read_task
from training import LOSS, compiled, fit, with_usual_length

from data.dataset import Dataset
from model.hparams import HParams
from tune.space import Dimension, Space


def choose(space: Space, hp: HyperParameters) -> HParams:
    """Asks KerasTuner for each dimension, under the conditions that it has."""
    chosen: dict[str, Any] = {}
    for dimension in space.dimensions:
        with ExitStack() as scopes:
            for parent, condition in dimension.when:
                alone = replace(dimension, when=((parent, condition),))
                allowed = [value for value in _values(space, parent) if alone.exists({parent: value})]
                scopes.enter_context(hp.conditional_scope(parent, allowed))
            value = _ask(hp, dimension)
        if dimension.exists(chosen):
            chosen[dimension.name] = value
    return HParams(**chosen)


def _values(space: Space, name: str) -> list[Any]:
    dimension = next(dimension for dimension in space.dimensions if dimension.name == name)
    if dimension.kind == "float":
        raise ValueError(f"KerasTuner knows no conditions on a range of floats such as {name}.")
    low, high = dimension.values[0], dimension.values[-1]
    return list(range(low, high + 1)) if dimension.kind == "int" else list(dimension.values)


def _ask(hp: HyperParameters, dimension: Dimension) -> Any:
    name, low, high = dimension.name, dimension.values[0], dimension.values[-1]
    sampling = "log" if dimension.log else "linear"
    match dimension.kind:
        case "int":
            return hp.Int(name, low, high, sampling=sampling)
        case "float":
            return hp.Float(name, low, high, sampling=sampling)
        case "choice" if set(dimension.values) == {False, True}:  # its Choice makes integers of them
            return hp.Boolean(name)
        case "choice":
            return hp.Choice(name, list(dimension.values))
    return hp.Fixed(name, low)


class Classifier(keras_tuner.HyperModel):
    """Builds and fits a network by KerasTuner's hyperparameters."""

    def __init__(self, dataset: Dataset, space: Space) -> None:
        super().__init__()
        self._dataset, self._space = dataset, space

    def build(self, hp: HyperParameters) -> keras.Model:
        return compiled(choose(self._space, hp), self._dataset)

    def fit(self, hp: HyperParameters, model: keras.Model, **arguments: Any) -> keras.callbacks.History:
        hparams = with_usual_length(choose(self._space, hp), self._dataset)
        return fit(model, hparams, self._dataset, **arguments)


class Hyperband(keras_tuner.Hyperband):
    """Hyperband that writes each epoch into a task's curve."""

    def __init__(self, task: Task, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._task = task
        self._first: dict[str, str] = {}

    def on_epoch_end(self, trial: Any, model: keras.Model, epoch: int, logs: dict[str, float]) -> None:
        promoted = trial.hyperparameters.values.get("tuner/trial_id")
        first = self._first.setdefault(trial.trial_id, self._first[promoted] if promoted else trial.trial_id)
        self._task.report(first, epoch + 1, logs[LOSS])


def main() -> None:
    task = read_task()
    keras.utils.set_random_seed(task.seed)
    tuner = Hyperband(
        task,
        hypermodel=Classifier(read_dataset(task.corpus), default_space()),
        objective=keras_tuner.Objective(LOSS, "min"),
        max_epochs=EPOCHS,
        factor=REDUCTION,
        hyperband_iterations=100,  # "as high a value as is within your resource budget": time is what ends it
        seed=task.seed,
        directory=task.curve.parent,
        project_name=task.curve.stem,
        overwrite=True,
    )
    tuner.search(verbose=0)


if __name__ == "__main__":
    main()
