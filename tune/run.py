"""One run of trials over a search's folder, from the study as it stands to the result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from typing import Any

from optuna.samplers import BaseSampler

from data.clock import now
from model.linear import PLANS
from tune.baselines import Baselines
from tune.chatter import divert_chatter
from tune.cluster import ray_log
from tune.cudnn import obstacles
from tune.display import Display
from tune.first import read_first
from tune.folder import ABOUT, LOG, RESULT, SearchFolder
from tune.goal import TRIALS_OVER
from tune.inputs import Inputs
from tune.interrupt import interruptible
from tune.outcome import TrialOutcome, best_trial, counts, useful_share
from tune.refit import refit_winner
from tune.repeat_file import repeat_seconds
from tune.repeats import repeat_best
from tune.room import told_of_no_room
from tune.run_times import RunTimes
from tune.samplers import make_sampler
from tune.settings import Settings
from tune.stopwatch import Stopwatch
from tune.study import explained
from tune.timetable import Timetable, told
from tune.tracking.tracker import Tracker
from tune.tuning import Tuning
from tune.winner import evaluate_best
from tune.workers import Workers

BASELINE_SHARE = 0.2
"""Of a time limit, when the linear baselines begin, if no trial has ended before: the first trials have the cores to
themselves."""
IMPORT_SECONDS = 12.0
"""Before the trials' end, how early this process begins to import TensorFlow, so that the winner need not wait for it."""


def run_trials(
    folder: SearchFolder,
    settings: Settings,
    inputs: Inputs,
    workers: Workers,
    limit: int | None,
    seconds: float | None,
    display: Display,
    started: float,
    trackers: Mapping[str, Tracker],
) -> dict[str, Any]:
    """Runs trials until the study holds so many or time is up; evaluates the best.

    Args:
        folder: Of the search; Ray has been started.
        settings: Of the search.
        inputs: Its corpus.
        workers: That run its trials.
        limit: How many trials the study shall hold, or None.
        seconds: What this run may take from `started`, or None; of a resumed search, less than its settings' time limit.
        display: What the user sees.
        started: When the user asked for it, as `data.clock.now` gives it.
        trackers: Other programs that are told, by the names that the user gave.

    Returns:
        What result.json holds.

    Raises:
        KeyboardInterrupt: If the user stopped it; what is finished is kept.
    """
    from tune.tracking.tracking import Tracking  # and with it Ray, which is there by now

    folder.repair()
    study = folder.study(_sampler(folder, settings, inputs))
    times = RunTimes(settings, inputs, workers, lambda: folder.trials(study), started, seconds)
    tuning = Tuning(
        folder=folder,
        settings=settings,
        inputs=inputs,
        study=study,
        workers=workers,
        first=read_first(folder.read_json(ABOUT)),
        limit=limit,
        end=lambda: times.by_now().trials,
        last=times.latest.trials,
    )
    stopwatch = Stopwatch(folder, started, workers)
    divert_chatter(folder.path / LOG)
    deadline = times.latest.deadline
    display.start(folder, settings, inputs, workers, limit, deadline if seconds else None, stopwatch)
    for line in [*told_of_no_room(settings, workers), *_notices(settings, inputs), *told(settings, seconds)]:
        display.say(line)
    baselines = Baselines.of(folder, settings, inputs)

    def trial_ended() -> None:
        stopwatch.write()
        baselines.start()

    with ExitStack() as stack:
        stack.callback(display.stop)
        stack.enter_context(ray_log(folder.path / LOG))
        stack.enter_context(closing(baselines))
        tracking = Tracking(trackers, settings.objective, display.say)
        stack.enter_context(closing(tracking))
        stack.enter_context(_calls(_ahead(times.earliest, baselines)))
        try:
            repeats = None
            with interruptible(display.say) as interrupted:
                with explained(settings.study, opened=True):
                    tuning.run(interrupted, [display, tracking], trial_ended, stopwatch.keep)
                if interrupted.is_set():
                    raise KeyboardInterrupt
                if best_trial(folder.trials(study)):
                    folder.write_json(ABOUT, folder.read_json(ABOUT) | {TRIALS_OVER: True})
                if settings.repeat:
                    repeats = repeat_best(
                        folder, settings, inputs, workers, times.by_now().repeats, interrupted, display.say, stopwatch.write
                    )
            display.say("Evaluating the best trial")
            winner = evaluate_best(folder, inputs, settings.ensemble, folder.trials(study))
            result = winner.result | ({"repeats": repeats} if repeats else {})
            if settings.refit:
                with interruptible(display.say) as interrupted:
                    result |= refit_winner(folder, settings, inputs, winner, workers, times, interrupted, display.say)
                if interrupted.is_set():
                    raise KeyboardInterrupt
            result |= baselines.result(deadline, display.say)
        finally:
            wall = stopwatch.write()
        result |= _told_of_trials(folder, folder.trials(study), wall)
        folder.write_json(RESULT, result)
        folder.write_json(ABOUT, folder.read_json(ABOUT) | {"finished": True})
        tracking.finish(result, folder.path / result["checkpoint"])
    return result


def _told_of_trials(folder: SearchFolder, trials: Sequence[TrialOutcome], wall: float) -> dict[str, Any]:
    """Returns what a result says of the search's trials, and of the wall seconds that it took."""
    share = useful_share(trials, folder.read_json(ABOUT)["workers"], wall, repeat_seconds(folder))
    return {"wall_seconds": wall, "useful_share": share, "trials": counts(trials)}


def _sampler(folder: SearchFolder, settings: Settings, inputs: Inputs) -> BaseSampler:
    return make_sampler(settings.sampler, settings.seed, len(folder.trials()), inputs.space)


def _notices(settings: Settings, inputs: Inputs) -> Iterator[str]:
    """Yields what the wide branch lacks, and what makes trials slow."""
    if inputs.recipe and (plan := inputs.recipe.plan) != PLANS[0]:
        names = {"characters": "runs of characters", "pairs": "pairs of words"}
        without = " and ".join(name for kind, name in names.items() if kind not in plan.kinds)
        how = f"in {plan.epochs} epochs" + (f", without {without}" if without else "")
        longer = "a longer" if settings.time_limit else "a long"
        yield f"The wide branch is fitted {how}, for want of time or memory; with {longer} --time-limit it may be fitted better"
    if settings.gpus_per_trial:
        yield from obstacles(inputs.space.largest().recurrent_dropout, settings.precision)


def _ahead(times: Timetable, baselines: Baselines) -> list[tuple[float, Callable[[], Any]]]:
    """Returns what is to be done when, as `data.clock.now` gives it, while trials run."""
    return [
        (times.trials - IMPORT_SECONDS, lambda: import_module("model.classifier")),
        (now() + BASELINE_SHARE * (times.deadline - now()), baselines.start),
    ]


@contextmanager
def _calls(ahead: list[tuple[float, Callable[[], Any]]]) -> Iterator[None]:
    """Calls functions at their times, each in a thread of its own; those whose time has not come at the end, not."""
    timers = [threading.Timer(min(max(moment - now(), 0), threading.TIMEOUT_MAX), function) for moment, function in ahead]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
