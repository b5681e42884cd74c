"""Ray Tune over an Optuna study: the trials of one run of a search."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna

from data.clock import now
from data.errors import InputError
from model.hparams import HParams
from tune.ending import TIME_LIMIT, Rules
from tune.folder import RAY, SearchFolder
from tune.inputs import Inputs
from tune.means import Means
from tune.outcome import podium, read_trials
from tune.record import Record
from tune.settings import Settings
from tune.workers import Workers

if TYPE_CHECKING:
    from ray.tune import Callback

LATE_SECONDS = 10.0
"""How long after the trials' time trials are waited for. Each ends by itself within a step; but not one whose process is still
starting, which takes minutes where others keep the cores busy: Ray's workers stand behind them, at a niceness of 15."""
UNSENT_SECONDS = 120.0
"""How long after a trial's end its snapshot is kept under an address, where as a rule the end has been sent by then
(`tune.mirror`): whoever resumes the search without it can go on with the trial, and need not train it anew."""
RETRIES = 1
"""How often a trial is run again, from its last snapshot or with the same seed from its start, when its process ends under
it: killed for want of memory, say, or by itself, having grown too large (`tune.trial`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What a run of trials needs.

    Attributes:
        folder: Of the search.
        settings: Of the search.
        inputs: Its corpus.
        study: With its sampler.
        workers: That run trials.
        first: The configurations to begin with.
        limit: How many trials the study shall hold, or None.
        end: Tells when trials are to end, as `data.clock.now` gives it; infinite where there is no time limit. It is asked
            anew as they go on.
        last: The latest that this may become.
    """

    folder: SearchFolder
    settings: Settings
    inputs: Inputs
    study: optuna.Study
    workers: Workers
    first: list[HParams]
    limit: int | None
    end: Callable[[], float]
    last: float

    def run(
        self,
        interrupted: threading.Event,
        watchers: Sequence[Callback],
        trial_ended: Callable[[], None],
        reported: Callable[[], None],
    ) -> None:
        """Runs trials until there are enough, time is up or the user stops it.

        Args:
            interrupted: Set when the user stops it.
            watchers: What the user sees, and what other programs are told.
            trial_ended: Called whenever a trial has ended.
            reported: Called whenever one has told of an epoch.
        """
        import ray  # `topknot --help` must not load it
        from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner, with_parameters, with_resources

        from tune.controller import our_controller
        from tune.scheduler import make_scheduler
        from tune.searcher import NUMBER, Housekeeping, SearchStopper, StudyCallback, StudySearcher
        from tune.trial import LSTMTrial

        settings, trials, room = self.settings, read_trials(self.study), self.workers.room
        over = passed(self.end)
        weights, snapshots = self.folder.weights, self.folder.snapshots
        kept, left = weights.at_once(), snapshots.at_once()
        spared = UNSENT_SECONDS if self.folder.storage else 0.0
        best = podium(trials, settings.keep, weights.trials().__contains__)
        record = Record(self.study, self.inputs.space, self.limit, best, self.first, self.inputs.size_of)

        def tidy() -> None:
            with suppress(OSError):  # out of reach for now: the next time will do
                if settings.checkpoint_budget is not None:
                    best.fit(settings.checkpoint_budget * 2**30, kept.size)
                while best.fallen:
                    kept.remove(best.fallen[-1])
                    best.fallen.pop()
                left.keep_only(record.unfinished(spared))

        def ended() -> None:
            with suppress(OSError, InputError):  # as above; what was written down cannot be read then
                trial_ended()
            tidy()

        def news() -> None:
            with suppress(OSError, InputError):
                reported()

        weights.keep_only({trial.number for trial in trials})  # of others, nothing was written down
        tidy()  # what a search that was killed had no time to
        scheduler = make_scheduler(settings, trials, len(record.first))
        trainable = with_parameters(
            LSTMTrial,
            dataset=ray.put(self.inputs.dataset),
            weights=weights,
            snapshots=snapshots,
            seed=settings.seed,
            rules=Rules(settings.max_epochs, settings.patience, record.objective),
            means=Means.of(settings, self.workers, self.last),
            each_epoch=self.workers.on_nodes,
        )
        tuner = Tuner(
            with_resources(trainable, {"cpu": self.workers.cpus, "gpu": settings.gpus_per_trial}),
            tune_config=TuneConfig(
                search_alg=StudySearcher(record, over, room.wanted if room else None),
                scheduler=scheduler,
                num_samples=-1,
                max_concurrent_trials=None if room else self.workers.count,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: f"{trial.config[NUMBER]:05d}",
            ),
            run_config=RunConfig(
                name=RAY,
                storage_path=str(self.folder.path),
                stop=SearchStopper(interrupted, over, self.last + LATE_SECONDS),
                verbose=0,
                failure_config=FailureConfig(max_failures=RETRIES),
                checkpoint_config=CheckpointConfig(checkpoint_at_end=False),  # trials write their best weights themselves
                callbacks=[StudyCallback(record, getattr(scheduler, "reasons", {})), Housekeeping(ended, news), *watchers],
            ),
        )
        with our_controller():
            tuner.fit()
        if not interrupted.is_set():
            record.end_orphans(f"{TIME_LIMIT}: before it was run again")
            record.end_live(f"{TIME_LIMIT}: before it was heard of again")
            spared = 0.0
            tidy()


def passed(end: Callable[[], float]) -> Callable[[], bool]:
    """Returns what tells whether a time has passed that may yet become another; once it has, that stays so."""
    over = False

    def tell() -> bool:
        nonlocal over
        over = over or now() >= end()
        return over

    return tell
