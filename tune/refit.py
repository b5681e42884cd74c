"""The winner trained again on train and validation rows, when both have done their work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from data.clock import now
from data.errors import InputError
from data.split import SIDES, Split
from model.trained import Trained
from tune.again import train_epochs
from tune.calibrated import evaluate_sides
from tune.crew import run_on_workers
from tune.errors import SearchFailedError
from tune.folder import SearchFolder
from tune.inputs import Inputs, prepare_inputs
from tune.means import Means
from tune.outcome import TrialOutcome
from tune.settings import Settings
from tune.trial_seed import trial_seed
from tune.watchdog import ended_process
from tune.winner import Winner, clear_damaged, encoded
from tune.workers import Workers

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.ensemble import Ensemble

logger = logging.getLogger(__name__)
NO_TIME = "there was no time"
SUFFIX = "-refit"
"""What the folder of the refitted classifier has behind the original's name."""


def refit_winner(
    folder: SearchFolder,
    settings: Settings,
    inputs: Inputs,
    winner: Winner,
    workers: Workers,
    deadline: float,
    interrupted: threading.Event,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Trains the winner, or each member of the ensemble, again on train and validation rows; saves and evaluates it.

    Each is trained with its trial's seed for as many epochs as its best one has. Vocabulary and wide branch are fitted
    anew, the latter in the way that was found before; the mixture, the ensemble's weights and the temperature stay as they
    were fitted on the validation rows, for there are no others left to fit them on.

    Args:
        folder: Of the search.
        settings: Of the search.
        inputs: Its corpus.
        winner: What is refitted.
        workers: That train.
        deadline: When to end, as `data.clock.now` gives it.
        interrupted: Set when the user stops it.
        say: Shows a line.

    Returns:
        What it changes in the result: the figures, checkpoint and calibration are those of the refitted classifier, those
        of the other stand under `original`, and `refit` has rows and epochs. Where there was no time, or a training
        failed, `refit` is None and all else stays.

    Raises:
        KeyboardInterrupt: If the user stopped it.
    """
    changed: dict[str, Any] = {"refit": None}
    with _failures_told(say):
        if now() > deadline:
            raise NotRefittedError(NO_TIME)
        say("Training the winner again on train and validation rows")
        again = prepare_inputs(settings, inputs.corpus, join(inputs.dataset.split), inputs.recipe)
        path = folder.path / f"{winner.result['checkpoint']}{SUFFIX}"
        from model.ensemble import load_classifier

        clear_damaged(path)
        new: Classifier | Ensemble | None = None
        if not path.exists():
            weights: dict[str, Any] = {}
            works = {name: _work(settings, trial) for name, trial in winner.trials.items()}
            means = Means.of(settings, workers, deadline)
            for name, learned in run_on_workers(train_epochs, works, (again.dataset,), means, workers, interrupted):
                if learned is None or isinstance(learned, Exception):
                    raise NotRefittedError(NO_TIME if learned is None else str(learned).strip().splitlines()[-1])
                weights[name] = learned
            new = rebuild(winner, again, weights)
        if interrupted.is_set():
            raise KeyboardInterrupt
        epochs = {str(trial.number): trial.best_epoch for trial in winner.trials.values()}
        refit = {"rows": len(again.dataset.split.train), "epochs": epochs}
        split, classifier = inputs.dataset.split, new or load_classifier(path)
        sides = evaluate_sides(classifier, encoded(again), again.dataset.labels, split, {"test"}, {})  # the only rows left out
        figures = sides.figures()
        if new:
            replace(new, metrics={"search": folder.name, "refit": refit, **figures}).save(path)
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
        reason = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0][:200]
    else:
        return
    say(f"The winner could not be trained on train and validation rows ({reason}); it stays as it was")


def _work(settings: Settings, trial: TrialOutcome) -> tuple[dict[str, Any], int, int | None]:
    return trial.hparams, trial_seed(settings.seed, trial.number), trial.best_epoch


def join(split: Split) -> Split:
    """Returns the split whose training rows are those to train on and those to choose by; none are left to choose by."""
    return Split(np.sort(np.concatenate([split.train, split.validation])), split.validation[:0], split.test)


def rebuild(winner: Winner, inputs: Inputs, weights: dict[str, Any]) -> Classifier | Ensemble:
    """Puts weights trained on other rows into the winner, by the names of its trials, beside what those rows gave.

    Args:
        winner: Whose mixtures, ensemble weights and temperature stay.
        inputs: With the vocabulary and the wide branch of the other rows.
        weights: Of each LSTM.
    """
    from model.ensemble import Ensemble

    def renew(name: str, old: Classifier) -> Classifier:
        trained = Trained(weights[name], old.trained.mixture)
        wide = inputs.wide if old.hparams.wide else None
        return replace(old, trained=trained, vocabulary=inputs.vocabulary, wide=wide, metrics={})

    old = winner.classifier
    if isinstance(old, Ensemble):
        return replace(old, members={name: renew(name, member) for name, member in old.members.items()})
    (name,) = winner.trials
    return renew(name, old)
