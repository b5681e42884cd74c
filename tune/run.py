"""One run of trials over a search's folder, from the study as it stands to the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from typing import Any

import optuna

from tune.baseline import Baseline
from tune.chatter import divert_chatter
from tune.cluster import ray_log
from tune.display import Display
from tune.folder import ABOUT, LOG, RAY, RESULT, SearchFolder
from tune.inputs import Inputs
from tune.interrupt import interruptible
from tune.memory import worker_memory
from tune.outcome import counts, podium, read_trials, useful_share
from tune.podium import Podium
from tune.provenance import count_workers
from tune.record import Record
from tune.settings import Settings
from tune.study import make_sampler, repair_journal
from tune.weights import weights_file
from tune.winner import evaluate_best

FINISH_SECONDS = 4.0
TOKENS_PER_SECOND = 300_000
FINISH_SHARE = 0.3
"""Kept of a time limit for evaluating the winner: so many seconds, and the time to read the corpus once, by a cautious
rate; but no more than this share of the limit."""
RETRIES = 1
"""How often a trial is run again, from its start and with the same seed, when its process ends under it: killed for want of
memory, say, or by itself, having grown too large (`tune.trial`)."""
LATE_SECONDS = 5.0
"""How long after a time limit the linear baseline is waited for."""
BASELINE_SHARE = 0.2
"""Of a time limit, when the linear baseline begins, if no trial has ended before: the first trials have the cores to
themselves."""
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

    Raises:
        KeyboardInterrupt: If the user stopped it; what is finished is kept.
    """
    deadline = started + settings.time_limit if settings.time_limit else None
    repair_journal(folder.path)
    study = folder.study(make_sampler(settings.sampler, settings.seed + len(folder.trials())))
    workers = count_workers(settings)
    clock = _Clock(folder, started)
    divert_chatter(folder.path / LOG)
    display.start(folder, settings, inputs, workers, limit, deadline)
    import ray  # `topknot --help` must not load it

    baseline = Baseline(inputs.dataset, settings.seed)
    with ray_log(folder.path / LOG), closing(baseline):
        try:
            with interruptible(display.say) as interrupted:
                dataset = ray.put(inputs.dataset)
                _tune(folder, settings, study, inputs, dataset, workers, limit, deadline, interrupted, display, clock, baseline)
            if interrupted.is_set():
                raise KeyboardInterrupt
            display.say("Evaluating the best trial")
            result = evaluate_best(folder, inputs)
            result["baseline"] = _wait_for(baseline, deadline, display)
        finally:
            wall = clock.write()
    trials = folder.trials()
    result |= {"wall_seconds": wall, "useful_share": useful_share(trials, workers, wall), "trials": counts(trials)}
    folder.write_json(RESULT, result)
    folder.write_json(ABOUT, folder.read_json(ABOUT) | {"finished": True})
    return result


class _Clock:
    """Adds the time since a run of a search began to what earlier runs took, and writes it down."""

    def __init__(self, folder: SearchFolder, started: float) -> None:
        self._folder, self._started = folder, started
        about = folder.read_json(ABOUT)
        self._before = float(about["wall_seconds"])
        folder.write_json(ABOUT, about | {"finished": False})

    def write(self) -> float:
        """Writes and returns the search's wall seconds."""
        wall = self._before + time.time() - self._started
        self._folder.write_json(ABOUT, self._folder.read_json(ABOUT) | {"wall_seconds": wall})
        return wall


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
    clock: _Clock,
    baseline: Baseline,
) -> None:
    """Runs trials until there are enough, time is up or the user stops it."""
    from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner, with_parameters, with_resources

    from tune.scheduler import make_scheduler
    from tune.searcher import NUMBER, Housekeeping, InterruptStopper, StudyCallback, StudySearcher
    from tune.trial import LSTMTrial

    trials_end = deadline - _finish_seconds(settings, inputs) if deadline else float("inf")
    timers = [_at(trials_end - IMPORT_SECONDS, import_module, "model.classifier")]
    if deadline:
        timers.append(_at(time.time() + BASELINE_SHARE * (deadline - time.time()), baseline.start))
    trials = read_trials(study)
    best = podium(trials, settings.keep)
    record = Record(study, inputs.space, limit, best, settings.first_trials())
    trainable = with_parameters(
        LSTMTrial,
        dataset=dataset,
        weights=folder.weights,
        seed=settings.seed,
        epochs=settings.max_epochs,
        patience=settings.patience,
        cpus=settings.cpus_per_trial,
        gpu=settings.gpus_per_trial > 0,
        precision=settings.precision,
        memory=worker_memory(settings.worker_memory, workers),
        deadline=trials_end,
    )
    Tuner(
        with_resources(trainable, {"cpu": 1, "gpu": settings.gpus_per_trial}),
        tune_config=TuneConfig(
            search_alg=StudySearcher(record, trials_end),
            scheduler=make_scheduler(settings, trials, len(record.first)),
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
            failure_config=FailureConfig(max_failures=RETRIES),
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),  # trials write their best weights themselves
            callbacks=[
                StudyCallback(record),
                Housekeeping(lambda: _tidy(folder, best, clock, baseline)),
                display,
            ],
        ),
    ).fit()
    for timer in timers:
        timer.cancel()


def _finish_seconds(settings: Settings, inputs: Inputs) -> float:
    """Returns what to keep of a time limit for evaluating the winner on all three sides."""
    estimate = FINISH_SECONDS + len(inputs.dataset.tokens.flat) / TOKENS_PER_SECOND
    return min(estimate, FINISH_SHARE * float(settings.time_limit or 0))


def _tidy(folder: SearchFolder, best: Podium, clock: _Clock, baseline: Baseline) -> None:
    clock.write()
    baseline.start()
    while best.fallen:
        weights_file(folder.weights, best.fallen.pop()).unlink(missing_ok=True)


def _wait_for(baseline: Baseline, deadline: float | None, display: Display) -> dict[str, Any] | None:
    """Returns the baseline's figures on each side; None if it failed or is too slow for the time limit."""
    try:
        return baseline.result(max(deadline - time.time(), 0) + LATE_SECONDS if deadline else None)
    except TimeoutError:
        display.say("The linear baseline was not ready in time; the result stands without it")
    except RuntimeError as error:
        display.say(f"The linear baseline failed: {error}")
    return None


def _at(moment: float, function: Callable[..., Any], *arguments: Any) -> threading.Timer:
    """Calls a function at a time as `time.time` gives it, in a thread of its own."""
    timer = threading.Timer(min(max(moment - time.time(), 0), threading.TIMEOUT_MAX), function, arguments)
    timer.daemon = True
    timer.start()
    return timer
