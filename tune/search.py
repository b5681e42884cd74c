"""A search from its settings to its result: started, or resumed."""

from __future__ import annotations

import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from types import FrameType
from typing import Any

import optuna

from data.errors import InputError
from data.split import SIDES
from tune.chatter import divert_chatter
from tune.cluster import cores, local_cluster, ray_log
from tune.display import Display
from tune.folder import ABOUT, LOG, RAY, RESULT, SearchFolder
from tune.inputs import Inputs, read_inputs
from tune.outcome import TrialOutcome, best_trial, counts, expendable, read_trials, useful_share
from tune.record import Record
from tune.settings import Settings
from tune.space import parse_space
from tune.study import make_sampler, open_study
from tune.weights import read_weights, weights_file

DEFAULT_TRIALS = 60
FINISH_SECONDS = 4.0
"""Kept of a time limit for evaluating the winner; more where validation is slow."""
IMPORT_SECONDS = 12.0
"""Before the deadline, how early this process begins to import TensorFlow, so that the winner need not wait for it."""


class SearchFailed(Exception):
    """The search ran, and came to nothing."""


class SearchInterrupted(Exception):
    """Ctrl-C; the message says how to go on."""


def start_search(settings: Settings, display: Display, started: float) -> dict[str, Any]:
    """Runs a new search to its end.

    Args:
        settings: What to do.
        display: What the user sees of it.
        started: When the user asked for it, as `time.time` gives it; the time limit counts from there.

    Returns:
        The document of `topknot best --json`.

    Raises:
        InputError: If the settings or the corpus cannot be used, or the name is taken; nothing is left behind.
        SearchFailed: If no trial came to a result.
        SearchInterrupted: If the user stopped it.
    """
    name = settings.name or f"{settings.data.name.split('.')[0] if settings.data else 'industries'}-{time.strftime('%Y%m%d-%H%M%S')}"
    if (settings.storage / name).exists():  # told before the corpus is read; `create` makes sure of it
        SearchFolder.create(settings, name, {})
    parse_space(settings.written_space())
    if settings.data is not None and not settings.data.exists():
        raise InputError(f"{settings.data} does not exist.")
    with local_cluster(_workers(settings), settings.cpus_per_trial):
        return _start(settings, name, display, started)


def _start(settings: Settings, name: str, display: Display, started: float) -> dict[str, Any]:
    display.say("Reading the corpus")
    inputs = read_inputs(settings)
    settings = settings.model_copy(update={"name": name, "data": settings.data and settings.data.absolute()})
    folder = SearchFolder.create(settings, name, _about(settings, inputs))
    limit = settings.trials or (None if settings.time_limit else DEFAULT_TRIALS)
    try:
        return _run(folder, settings, inputs, limit, display, started)
    except BaseException:
        if not read_trials(open_study(folder.path, name)):
            folder.remove()
        raise


def resume_search(
    folder: SearchFolder, trials: int | None, time_limit: float | None, display: Display, started: float
) -> dict[str, Any]:
    """Finishes an interrupted search, or adds trials to a finished one.

    Args:
        folder: Of the search.
        trials: How many to add; None to finish what was asked for.
        time_limit: Seconds from `started`; None for the search's own.
        display: What the user sees.
        started: When the user asked for it.

    Raises:
        InputError: If the corpus is not the one that the search was started on.
    """
    settings = folder.settings()
    with local_cluster(_workers(settings), settings.cpus_per_trial):
        return _resume(folder, settings, trials, time_limit, display, started)


def _resume(
    folder: SearchFolder, settings: Settings, trials: int | None, time_limit: float | None, display: Display, started: float
) -> dict[str, Any]:
    about = folder.read_json(ABOUT)
    display.say("Reading the corpus")
    inputs = read_inputs(settings)
    check_fingerprint(folder, settings, inputs)
    present = len(read_trials(open_study(folder.path, folder.name)))
    asked = about["trials"]
    if trials is not None:
        asked = max(asked or 0, present) + trials
    if time_limit is not None:
        settings = settings.model_copy(update={"time_limit": time_limit})
        asked = asked if trials is not None else None
    elif trials is not None:
        settings = settings.model_copy(update={"time_limit": None})
    folder.write_json(ABOUT, about | {"trials": asked})
    return _run(folder, settings, inputs, asked, display, started)


def check_fingerprint(folder: SearchFolder, settings: Settings, inputs: Inputs) -> None:
    """Makes sure that a corpus is the one that a search was started on.

    Raises:
        InputError: If it is another.
    """
    about = folder.read_json(ABOUT)
    if inputs.corpus.fingerprint() != about["fingerprint"]:
        raise InputError(
            f"{settings.data or 'The embedded corpus'} has changed since the search {folder.name!r} was started: "
            f"then {about['rows']} rows of {about['classes']} classes, now {len(inputs.corpus)} of {len(inputs.corpus.classes)}. "
            "Start a new search on it."
        )


def _about(settings: Settings, inputs: Inputs) -> dict[str, Any]:
    packages = ("topknot", "ray", "optuna", "keras", "tensorflow", "numpy", "scikit-learn")
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "fingerprint": inputs.corpus.fingerprint(),
        "rows": len(inputs.corpus),
        "classes": len(inputs.corpus.classes),
        "trials": settings.trials or (None if settings.time_limit else DEFAULT_TRIALS),
        "workers": _workers(settings),
        "cores": cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "wall_seconds": 0.0,
    }


def _workers(settings: Settings) -> int:
    return max(1, cores() // settings.cpus_per_trial) if settings.workers == "auto" else settings.workers


def _run(
    folder: SearchFolder, settings: Settings, inputs: Inputs, limit: int | None, display: Display, started: float
) -> dict[str, Any]:
    deadline = started + settings.time_limit if settings.time_limit else None
    sampler = make_sampler(settings.sampler, settings.seed + len(read_trials(open_study(folder.path, folder.name))))
    study = open_study(folder.path, folder.name, sampler)
    workers = _workers(settings)
    about = folder.read_json(ABOUT)
    divert_chatter(folder.path / LOG)
    display.start(folder, settings, inputs, workers, limit, deadline)
    with ray_log(folder.path / LOG), _interruptible(display) as interrupted:
        import ray  # noqa: PLC0415 - `topknot --help` must not load it

        dataset = ray.put(inputs.dataset)
        baseline = _start_baseline(dataset, settings.seed)
        timer = _import_ahead(deadline)
        try:
            _tune(folder, settings, study, inputs, dataset, workers, limit, deadline, interrupted, display)
        finally:
            timer.cancel()
            folder.write_json(ABOUT, about | {"wall_seconds": about["wall_seconds"] + time.time() - started})
        if interrupted.is_set():
            raise SearchInterrupted(f"Stopped. Everything is kept; go on with: topknot resume {folder.name}{_storage_flag(settings)}")
        display.say("Evaluating the best trial")
        trials = read_trials(study)
        result = _evaluate_best(folder, trials, inputs)
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
    from ray.tune import CheckpointConfig, RunConfig, TuneConfig, Tuner, with_parameters, with_resources  # noqa: PLC0415

    from tune.scheduler import make_scheduler  # noqa: PLC0415
    from tune.searcher import NUMBER, Housekeeping, InterruptStopper, StudyCallback, StudySearcher  # noqa: PLC0415
    from tune.trial import LSTMTrial  # noqa: PLC0415

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
    import ray  # noqa: PLC0415

    from model.baseline import evaluate_baseline  # noqa: PLC0415

    return ray.remote(num_cpus=0)(evaluate_baseline).remote(dataset, seed)


def _evaluate_best(folder: SearchFolder, trials: list[TrialOutcome], inputs: Inputs) -> dict[str, Any]:
    """Makes a classifier of the best trial, and evaluates it on all three sides: the only time that test is looked at."""
    best = best_trial(trials)
    if best is None:
        ended = "; ".join(sorted({trial.reason for trial in trials if trial.reason})[:3]) or "none had the time to finish an epoch"
        raise SearchFailed(f"No trial came to a result: {ended}. See {folder.path / LOG}.")
    from model.classifier import Classifier  # noqa: PLC0415 - the driver loads TensorFlow for the winner alone
    from model.hparams import HParams  # noqa: PLC0415

    path = folder.classifier(best.number)
    if path.exists():
        classifier = Classifier.load(path)
    else:
        kept = weights_file(folder.weights, best.number)
        if not kept.exists():
            raise SearchFailed(f"{kept} is missing: the weights of the best trial.")
        hparams = HParams.from_dict(best.hparams)
        classifier = Classifier(hparams, read_weights(kept), inputs.vocabulary, inputs.corpus.classes, inputs.limit)
    dataset = inputs.dataset
    sides = {side: classifier.evaluate(dataset.tokens, dataset.labels, dataset.split.side(side)).summary() for side in SIDES}
    classifier.metrics.update(search=folder.name, trial=best.number, epoch=best.best_epoch, **sides)
    if not path.exists():
        classifier.save(path)
    return {
        "name": folder.name,
        "trial": best.number,
        "epoch": best.best_epoch,
        "hparams": best.hparams,
        "checkpoint": str(path.relative_to(folder.path)),
        **sides,
    }


def _import_ahead(deadline: float | None) -> threading.Timer:
    wait = deadline - IMPORT_SECONDS - FINISH_SECONDS - time.time() if deadline else float("inf")
    timer = threading.Timer(min(max(wait, 0), threading.TIMEOUT_MAX), import_module, ["model.classifier"])
    timer.daemon = True
    timer.start()
    return timer


@contextmanager
def _interruptible(display: Display) -> Iterator[threading.Event]:
    """Makes of the first Ctrl-C (or SIGTERM) an event, of the second what it is by default."""
    event = threading.Event()
    before: dict[signal.Signals, Any] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        display.say("Stopping; what is finished is kept")
        event.set()
        for kind, handler in before.items():
            signal.signal(kind, handler)

    if threading.current_thread() is threading.main_thread():
        before = {kind: signal.signal(kind, on_signal) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _storage_flag(settings: Settings) -> str:
    default: Callable[[], Any] = Settings.model_fields["storage"].get_default
    return "" if settings.storage == default() else f" --storage {settings.storage}"
