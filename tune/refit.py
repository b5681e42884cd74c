"""The winner trained again on train and validation rows, when both have done their work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from data.clock import now
from data.errors import InputError, first_line, last_line
from data.split import SIDES, Split
from model.trained import Weights
from tune.again import train_epochs
from tune.calibrated import evaluate_sides
from tune.crew import run_on_workers
from tune.errors import SearchFailedError
from tune.folder import SearchFolder
from tune.inputs import Inputs, prepare_inputs
from tune.means import Means
from tune.outcome import TrialOutcome
from tune.refitted import by_weight, made_before, part_of, place, rebuild, weights_of
from tune.run_times import RunTimes
from tune.settings import Settings
from tune.trial_seed import trial_seed
from tune.watchdog import ended_process
from tune.winner import Winner, encoded
from tune.workers import Workers

logger = logging.getLogger(__name__)
NO_TIME = "there was no time"


def refit_winner(
    folder: SearchFolder,
    settings: Settings,
    inputs: Inputs,
    winner: Winner,
    workers: Workers,
    times: RunTimes,
    interrupted: threading.Event,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Trains the winner, or each member of the ensemble, again on train and validation rows; saves and evaluates it.

    Each is trained with its trial's seed for as many epochs as its best one has. Vocabulary and wide branch are fitted
    anew, the latter in the way that was found before; the mixture, the ensemble's weights and the temperature stay as they
    were fitted on the validation rows, for there are no others left to fit them on. Members that weigh more come first;
    those that there was no time for, and those whose training failed, are left out: the temperature is then that of the
    original's members that are left.

    Args:
        folder: Of the search.
        settings: Of the search.
        inputs: Its corpus.
        winner: What is refitted.
        workers: That train.
        times: Of this run: when to end, and how long preparing takes.
        interrupted: Set when the user stops it.
        say: Shows a line.

    Returns:
        What it changes in the result: the figures, checkpoint and calibration are those of the refitted classifier, those
        of the other stand under `original`, and `refit` has rows, and the epochs of each trial. Where there was no time for
        any, or all failed, `refit` is None and all else stays.

    Raises:
        KeyboardInterrupt: If the user stopped it; members that were trained by then are kept for the next time.
    """
    changed: dict[str, Any] = {"refit": None}
    with _failures_told(say):
        base = folder.path / winner.result["checkpoint"]
        classifier = before = made_before(base, winner)
        deadline = times.latest.refit
        if now() + times.prepare > deadline and before is None:
            raise NotRefittedError(NO_TIME)
        say("Training the winner again on train and validation rows")
        again = prepare_inputs(settings, inputs.corpus, join(inputs.dataset.split), inputs.recipe)
        weights, failures = weights_of(before, winner) if before else {}, list[str]()
        known = len(weights)
        if works := {name: _work(settings, winner.trials[name]) for name in by_weight(winner) if name not in weights}:
            means = Means.of(settings, workers, deadline)
            results = run_on_workers(train_epochs, works, (again.dataset,), means, workers, interrupted)
            failures = _take(results, weights)
            if len(weights) > known:
                classifier = rebuild(part_of(winner, weights, inputs), again, weights)
        if interrupted.is_set() and len(weights) == known:  # what was learned by then is saved first
            raise KeyboardInterrupt
        if classifier is None:
            raise NotRefittedError(next(iter(failures), NO_TIME))
        if len(weights) < len(winner.trials) and not interrupted.is_set():
            why = f"A training failed ({failures[0]}); there are" if failures else "There was time for"
            say(f"{why} {len(weights)} of the ensemble's {len(winner.trials)} classifiers")
        epochs = {str(winner.trials[name].number): winner.trials[name].best_epoch for name in winner.trials if name in weights}
        refit = {"rows": len(again.dataset.split.train), "epochs": epochs}
        labels, split, path = again.dataset.labels, inputs.dataset.split, place(base, len(weights), len(winner.trials))
        figures = evaluate_sides(classifier, encoded(again), labels, split, {"test"}, {}).figures()  # the only rows left out
        if classifier is not before:
            replace(classifier, metrics={"search": folder.name, "refit": refit, **figures}).save(path)
        if interrupted.is_set():
            raise KeyboardInterrupt
        changed |= {
            "checkpoint": str(path.relative_to(folder.path)),
            **figures,
            "original": {name: winner.result[name] for name in ("checkpoint", *SIDES, "calibration")},
            "refit": refit,
        }
    return changed


class NotRefittedError(Exception):
    """Why the winner could not be trained again."""


@contextmanager
def _failures_told(say: Callable[[str], None]) -> Iterator[None]:
    """Says why the winner could not be trained again, and lets go on: its result is there, and must not be lost with this.

    Errors of the storage and of Ray are raised: a search that is resumed refits then.
    """
    try:
        yield
    except NotRefittedError as error:
        reason = str(error)
    except (OSError, InputError, SearchFailedError):
        raise
    except Exception as error:
        if ended_process():
            raise
        logger.warning("The winner could not be trained again", exc_info=error)
        reason = f"{type(error).__name__}: {first_line(error)}"[:200]
    else:
        return
    say(f"The winner could not be trained on train and validation rows ({reason}); it stays as it was")


def _take(results: Iterable[tuple[str, Any]], weights: dict[str, Weights]) -> list[str]:
    """Adds the weights that trainings come to, by the names of their trials; returns why others failed."""
    failures: list[str] = []
    for name, learned in results:
        if isinstance(learned, Exception):
            failures.append(last_line(learned))
        elif learned is not None:
            weights[name] = learned
    return failures


def _work(settings: Settings, trial: TrialOutcome) -> tuple[dict[str, Any], int, float]:
    return trial.hparams, trial_seed(settings.seed, trial.number), trial.passes


def join(split: Split) -> Split:
    """Returns the split whose training rows are those to train on and those to choose by; none are left to choose by."""
    return Split(np.sort(np.concatenate([split.train, split.validation])), split.validation[:0], split.test)
