"""Optuna in one process: TPE proposes, HyperbandPruner stops weak trials, TensorFlow has all cores.

Started by benchmarks/search.py.
"""

import keras
import optuna
from task import EPOCHS, REDUCTION, default_space, read_dataset, read_task
from training import LOSS, Reports, compiled, fit, with_usual_length


class Pruning(keras.callbacks.Callback):
    """Tells a trial's losses to Optuna, and ends it when Optuna would prune it."""

    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self._trial = trial

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._trial.report(logs[LOSS], epoch + 1)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def main() -> None:
    task = read_task()
    keras.utils.set_random_seed(task.seed)
    dataset, space = read_dataset(task.corpus), default_space()

    def objective(trial: optuna.Trial) -> float:
        hparams = with_usual_length(space.suggest(trial), dataset)
        callbacks = [Reports(task, trial.number), Pruning(trial)]
        return min(fit(compiled(hparams, dataset), hparams, dataset, callbacks=callbacks).history[LOSS])

    study = optuna.create_study(
        study_name="search",  # the pruner deals trials out to its brackets by this name
        sampler=optuna.samplers.TPESampler(seed=task.seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=REDUCTION),
    )
    study.optimize(objective, timeout=task.left())


if __name__ == "__main__":
    main()
