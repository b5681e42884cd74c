"""Ray Tune as its documentation teaches it: a function, ASHA, OptunaSearch, Ray's Keras callback, a core a trial.

Started by benchmarks/search.py. Trials are not checkpointed, which only takes time off.
"""

import os
from functools import partial
from typing import Any

import optuna
import ray
import ray.tune
from ray.tune import RunConfig, TuneConfig, Tuner, with_parameters, with_resources
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from task import EPOCHS, REDUCTION, Task, default_space, read_dataset, read_task

from data.dataset import Dataset
from tune.space import Space

CORES = 2
INHERITED = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",
}
"""What Ray's processes inherit: a trial computes with the one core that it has; and the epoch that a stopped trial is in may
end. With Tune's 2 s, the next trial in that process fails, OptunaSearch counts it as running for ever, and a core is idle
from then on."""


def suggest(space: Space, trial: optuna.Trial) -> dict[str, Any]:
    """Draws a trial's config; OptunaSearch pickles it, so that it may not stand within `main`."""
    return space.suggest(trial).to_dict()


def train(config: dict[str, Any], *, task: Task, dataset: Dataset) -> None:
    """Trains a network; imports TensorFlow, as the driver needs none."""
    import keras
    from ray.tune.integration.keras import TuneReportCheckpointCallback
    from training import LOSS, Reports, compiled, fit, with_usual_length

    from model.hparams import HParams

    keras.utils.set_random_seed(task.seed)
    hparams = with_usual_length(HParams.from_dict(config), dataset)
    reports = Reports(task, ray.tune.get_context().get_trial_id())
    tells_tune = TuneReportCheckpointCallback(metrics={"loss": LOSS}, checkpoint_on=[])
    fit(compiled(hparams, dataset), hparams, dataset, callbacks=[reports, tells_tune])


def main() -> None:
    task = read_task()
    os.environ.update(INHERITED)
    ray.init(address="local", num_cpus=CORES, include_dashboard=False)
    trainable = with_parameters(train, task=task, dataset=read_dataset(task.corpus))
    Tuner(
        with_resources(trainable, {"cpu": 1}),
        tune_config=TuneConfig(
            search_alg=OptunaSearch(partial(suggest, default_space()), metric="loss", mode="min", seed=task.seed),
            scheduler=ASHAScheduler(metric="loss", mode="min", max_t=EPOCHS, grace_period=1, reduction_factor=REDUCTION),
            num_samples=-1,
            max_concurrent_trials=CORES,
            time_budget_s=task.left(),
            reuse_actors=True,  # the documentation's advice: else each trial imports TensorFlow anew
        ),
        run_config=RunConfig(storage_path=str(task.curve.parent), name=task.curve.stem, verbose=0),
    ).fit()
    ray.shutdown()


if __name__ == "__main__":
    main()
