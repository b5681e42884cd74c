"""The best configurations trained again with other seeds, after the search: how much of the ranking is luck."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from data.errors import last_line
from tune.again import FIGURES, train_again
from tune.crew import run_on_workers
from tune.ending import Rules
from tune.folder import REPEATS, SearchFolder
from tune.inputs import Inputs
from tune.means import Means
from tune.objective import Metric
from tune.outcome import TrialOutcome, ranked_trials
from tune.repeat_file import read_runs
from tune.settings import Settings
from tune.trial_seed import trial_seed
from tune.workers import Workers

SIDES = ("validation", "test")


def repeat_best(
    folder: SearchFolder,
    settings: Settings,
    inputs: Inputs,
    workers: Workers,
    deadline: float,
    interrupted: threading.Event,
    say: Callable[[str], None],
    ran: Callable[[], Any],
) -> dict[str, Any]:
    """Trains the best configurations again with other seeds; those that an earlier run of the search has trained are kept.

    Args:
        folder: Of the search; repeats.json takes each as it ends.
        settings: Of the search: `repeat` seeds of the best `repeat_top` trials.
        inputs: The corpus.
        workers: That train.
        deadline: When to end, as `data.clock.now` gives it; what is not done by then is left out.
        interrupted: Set when the user stops it.
        say: Shows a line.
        ran: Called whenever one has been written down.

    Returns:
        What the result says of them (see `summarise`).

    Raises:
        KeyboardInterrupt: If the user stopped it.
    """
    trials = ranked_trials(folder.trials())[: settings.repeat_top]
    done = read_runs(folder)
    works = {
        run_key(trial.number, seed): (trial.hparams, trial_seed(settings.seed, trial.number, seed))
        for trial, seed in left(trials, done, settings.repeat)
    }
    rows = inputs.dataset.split.test
    wide = None if inputs.wide_logits is None else inputs.wide_logits[rows]
    rules = Rules(settings.max_epochs, settings.patience, settings.objective)
    shared, means = (inputs.dataset, wide, rules), Means.of(settings, workers, deadline)
    if works:
        say(f"Training the best {len(trials)} configurations again with {settings.repeat} other seeds each")
    for key, run in run_on_workers(train_again, works, shared, means, workers, interrupted):
        if isinstance(run, Exception):
            say(f"Repeat {key} failed: {last_line(run)}")
        elif run is not None:
            done[key] = run
            folder.write_json(REPEATS, done)
            ran()
    if interrupted.is_set():
        raise KeyboardInterrupt
    return summarise(trials, done, settings.repeat, settings.objective.metric)


def left(trials: Sequence[TrialOutcome], done: Collection[str], seeds: int) -> list[tuple[TrialOutcome, int]]:
    """Returns the repeats that are still to be run, each as its trial and its seed.

    All configurations with their first seed come first, then all with their second: so that each has its share if time is up.

    Args:
        trials: To repeat.
        done: What was run, by `run_key`.
        seeds: Of each.
    """
    wanted = [(trial, seed) for seed in range(1, seeds + 1) for trial in trials]
    return [(trial, seed) for trial, seed in wanted if run_key(trial.number, seed) not in done]


def run_key(trial: int, seed: int) -> str:
    """Returns the name of a trial's repeat in repeats.json; seeds are counted from 1."""
    return f"{trial}/{seed}"


def summarise(
    trials: Sequence[TrialOutcome], runs: Mapping[str, Mapping[str, Any]], seeds: int, metric: Metric = "loss"
) -> dict[str, Any]:
    """Returns how configurations did with other seeds.

    Args:
        trials: As the search ranks them.
        runs: By `run_key`, what `tune.again.train_again` came to.
        seeds: How many were wanted of each.
        metric: What trials are ranked by.

    Returns:
        `seeds`, `metric`, and under `configurations`, for each trial: its `trial` number; `searched`, its validation figures
        in the search; `runs`, each with its `seed`; `failed`, how many diverged; and `mean` and `spread` (the standard
        deviation of a sample; None of fewer than two) of the figures on either side. The search's own run is in neither: it
        was chosen for its luck.
    """
    return {"seeds": seeds, "metric": metric, "configurations": [_configuration(trial, runs, seeds) for trial in trials]}


def _configuration(trial: TrialOutcome, runs: Mapping[str, Mapping[str, Any]], seeds: int) -> dict[str, Any]:
    keys = {seed: run_key(trial.number, seed) for seed in range(1, seeds + 1)}
    ended = [{"seed": seed, **runs[key]} for seed, key in keys.items() if key in runs]
    good = [run for run in ended if "failed" not in run]
    values = {side: {name: [run[side][name] for run in good] for name in FIGURES} for side in SIDES}
    return {
        "trial": trial.number,
        "searched": trial.to_dict()["validation"],
        "runs": good,
        "failed": len(ended) - len(good),
        "mean": _each(values, lambda numbers: statistics.fmean(numbers) if numbers else None),
        "spread": _each(values, lambda numbers: statistics.stdev(numbers) if len(numbers) > 1 else None),
    }


def _each(values: Mapping[str, Mapping[str, list[float]]], function: Callable[[list[float]], float | None]) -> dict[str, Any]:
    return {side: {name: function(numbers) for name, numbers in figures.items()} for side, figures in values.items()}
