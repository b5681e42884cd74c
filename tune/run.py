"""One run of trials over a search's folder, from the study as it stands to the result."""

from __future__ import annotations

import os
import threading
import time
from importlib import import_module
from typing import Any

import optuna

from data.dataset import Dataset
from model.baseline import evaluate_baseline
from model.evaluation import Evaluation
from tune.chatter import divert_chatter
from tune.cluster import ray_log
from tune.display import Display
from tune.errors import SearchInterruptedError
from tune.folder import ABOUT, LOG, RAY, RESULT, SearchFolder
from tune.inputs import Inputs
from tune.interrupt import interruptible
from tune.outcome import counts, expendable, read_trials, useful_share
from tune.provenance import count_workers
from tune.record import Record
from tune.settings import Settings
from tune.study import make_sampler, open_study, repair_journal
from tune.weights import weights_file
from tune.winner import evaluate_best

FINISH_SECONDS = 4.0
"""Kept of a time limit for evaluating the winner."""
IMPORT_SECONDS = 12.0
"""Before the trials' end, how early this process begins to import TensorFlow, so that the winner need not wait for it."""


def run_trials(
    folder: SearchFolder, settings: Settings, inputs: Inputs, limit: int | None, display: Display, started: float
) -> dict[str, Any]:
    """Runs trials until the study holds so many or time is up; evaluates the best.

    Args:
        folder: Of the search; Ray has been started.
        settings: Of the search.
        inputs: Its corpus.
        limit: How many trials the study shall hold, or None.
        display: What the user sees.
        started: When the user asked for it, as `time.time` gives it; the time limit counts from there.

    Returns:
        What result.json holds.
    """
    deadline = started + settings.time_limit if settings.time_limit else None
    repair_journal(folder.path)
    sampler = make_sampler(settings.sampler, settings.seed + len(read_trials(open_study(folder.path, folder.name))))
    study = open_study(folder.path, folder.name, sampler)
    workers = count_workers(settings)
    about = folder.read_json(ABOUT)
    divert_chatter(folder.path / LOG)
    display.start(folder, settings, inputs, workers, limit, deadline)
    with ray_log(folder.path / LOG), interruptible(display.say) as interrupted:
        import ray  # `topknot --help` must not load it

        dataset = ray.put(inputs.dataset)
        baseline = _start_baseline(dataset, settings.seed)
        timer = _import_ahead(deadline)
        try:
            _tune(folder, settings, study, inputs, dataset, workers, limit, deadline, interrupted, display)
        finally:
            timer.cancel()
            folder.write_json(ABOUT, about | {"wall_seconds": about["wall_seconds"] + time.time() - started})
        if interrupted.is_set():
            raise SearchInterruptedError(
                f"Stopped. Everything is kept; go on with: topknot resume {folder.name}{folder.storage_flag()}"
            )
        display.say("Evaluating the best trial")
        trials = read_trials(study)
        result = evaluate_best(folder, trials, inputs)
        result["baseline"] = {side: evaluation.summary() for side, evaluation in ray.get(baseline).items()}
    wall = about["wall_seconds"] + time.time() - started
    result |= {
        "wall_seconds": wall,
        "useful_share": useful_share(trials, workers, wall),
        "trials": counts(trials),
    }
    folder.write_json(ABOUT, about | {"wall_seconds": wall})
    folder.write_json(RESULT, result)
    return result


def _tune(
    folder: SearchFolder,
    settings: Settings,
    study: optuna.Study,
    inputs: Inputs,
    dataset: Any,
    workers: int,
    limit: int | None,
    deadline: float | None,
    interrupted: threading.Event,
    display: Display,
) -> None:
    """Runs trials until there are enough, time is up or the user stops it."""
    from ray.tune import CheckpointConfig, RunConfig, TuneConfig, Tuner, with_parameters, with_resources

    from tune.scheduler import make_scheduler
    from tune.searcher import NUMBER, Housekeeping, InterruptStopper, StudyCallback, StudySearcher
    from tune.trial import LSTMTrial

    trials_end = deadline - FINISH_SECONDS if deadline else float("inf")
    record = Record(study, inputs.space, limit)
    trainable = with_parameters(
        LSTMTrial,
        dataset=dataset,
        weights=folder.weights,
        seed=settings.seed,
        epochs=settings.max_epochs,
        patience=settings.patience,
        cpus=settings.cpus_per_trial,
        deadline=trials_end,
    )
    Tuner(
        with_resources(trainable, {"cpu": settings.cpus_per_trial}),
        tune_config=TuneConfig(
            search_alg=StudySearcher(record, trials_end),
            scheduler=make_scheduler(settings, read_trials(study)),
            num_samples=-1,
            max_concurrent_trials=workers,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: f"{trial.config[NUMBER]:05d}",
        ),
        run_config=RunConfig(
            name=RAY,
            storage_path=str(folder.path),
            stop=InterruptStopper(interrupted),
            verbose=0,
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),  # trials write their best weights themselves
            callbacks=[StudyCallback(record), Housekeeping(lambda: _tidy(folder, study, settings.keep)), display],
        ),
    ).fit()


def _tidy(folder: SearchFolder, study: optuna.Study, keep: int) -> None:
    for number in expendable(read_trials(study), keep):
        weights_file(folder.weights, number).unlink(missing_ok=True)


def _start_baseline(dataset: Any, seed: int) -> Any:
    """Fits the linear baseline beside the trials, in a process of its own."""
    import ray

    return ray.remote(num_cpus=0, max_calls=1)(_nice_baseline).remote(dataset, seed)


def _nice_baseline(dataset: Dataset, seed: int) -> dict[str, Evaluation]:
    os.nice(10)  # it has the whole search's time, and the trials have not
    return evaluate_baseline(dataset, seed)


def _import_ahead(deadline: float | None) -> threading.Timer:
    wait = deadline - IMPORT_SECONDS - FINISH_SECONDS - time.time() if deadline else float("inf")
    timer = threading.Timer(min(max(wait, 0), threading.TIMEOUT_MAX), import_module, ["model.classifier"])
    timer.daemon = True
    timer.start()
    return timer
