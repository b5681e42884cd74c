"""Tune's control loop, but that workers last, and trials that have ended do not.

Tune ends a worker that has become idle while another was: of two trials that end at about the same time, one costs a new
process, which imports TensorFlow again. It takes a worker that died while it was idle for the failure of the next trial. And
it holds each trial to the end of the search, and looks through all of them at each step, while all that anybody asks of those
that have ended stands in the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import ray.tune.tune
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune import Callback
from ray.tune.execution.class_cache import _ActorClassCache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.utils.object_cache import _ObjectCache

from data.errors import first_line

DEAD_WORKERS = 16
"""So many dead workers a trial may be given, as where a node is gone, and so many may die in a row as they are made, as on a
node that lacks something; more are laid to the trials' account."""
NOT_ITS_DOING = ("node has died", "node was terminated", "exit_actor", "is unavailable:")
"""What Ray says when a node is gone or out of reach, or when a worker that had grown too large made room for another."""
FORGIVEN = 10
"""How often that is no failure of a trial: what ends its nodes again and again may be the trial after all."""


def as_death(error: Exception) -> Exception:
    """Returns an error as Tune knows it: what is neither a task's nor an actor's, as Ray's killing for want of memory, ends an
    actor too.
    """
    known = not isinstance(error, RayError) or isinstance(error, RayActorError | RayTaskError)
    return error if known else RayActorError(error_msg=first_line(error))


class IdleWorkers(_ObjectCache):
    """Workers that wait for a trial; none is ended before the search is."""

    def cache_object(self, key: Any, obj: Any) -> bool:
        """Takes a worker in."""
        self._cached_objects[key].append(obj)
        self._num_cached_objects += 1
        return True

    def flush_cached_objects(self, force_all: bool = False) -> Generator[Any]:
        """Gives back workers that are to end."""
        if force_all:
            yield from super().flush_cached_objects(force_all=True)


class Actors(_ActorClassCache):
    """What workers are made from: with no environment of their own, which no process that is there already would have.

    On this machine all is inherited from this process; on a cluster's nodes, the job has it.
    """

    def get(self, trainable_cls: type) -> Any:
        """Returns the actor class of a trial's class."""
        if trainable_cls not in self._cache:
            self._cache[trainable_cls] = ray.remote(trainable_cls)
        return self._cache[trainable_cls]


class Controller(TuneController):
    """Runs the trials of a search."""

    def __init__(self, *arguments: Any, callbacks: list[Callback], **named: Any) -> None:
        callbacks = [one for one in callbacks if not isinstance(one, TrialProgressCallback)]  # it prints nothing, but keeps all
        super().__init__(*arguments, callbacks=callbacks, **named)
        self._trials: list[Trial]
        self._actor_cache, self._class_cache = IdleWorkers(), Actors()
        self._given_dead: Counter[Trial] = Counter()
        self._forgiven: Counter[Trial] = Counter()
        self._to_begin: set[Trial] = set()
        self._stillborn = 0
        task_failed = self._actor_manager._actor_task_failed  # noqa: SLF001 - it ends the search with an error that it does not know

        def told(tracked_actor_task: Any, exception: Exception) -> None:
            task_failed(tracked_actor_task, as_death(exception))

        self._actor_manager._actor_task_failed = told  # noqa: SLF001

    def step(self) -> None:
        """Does what is next, and forgets the trials that have ended with it."""
        super().step()
        if ended := {trial for trial in self._stopped_trials | self._failed_trials if trial not in self._trial_to_actor}:
            self._trials = [trial for trial in self._trials if trial not in ended]
            self._stopped_trials -= ended
            self._failed_trials -= ended

    def _actor_started(self, tracked_actor: Any, log: str = "STARTED") -> None:
        if log == "STARTED":
            self._stillborn = 0
        super()._actor_started(tracked_actor, log)

    def _actor_failed(self, tracked_actor: Any, exception: Exception) -> None:
        trial, exception = self._actor_to_trial[tracked_actor], as_death(exception)
        in_a_row = 0
        if trial in self._resetting_trials:  # it has not begun
            self._resetting_trials.remove(trial)
            self._unstage_trial_with_resources(trial)
            self._set_trial_status(trial, Trial.RUNNING)  # what is pending could only fail
            in_a_row = 1
        elif trial in self._pending_trials:  # no worker could be made for it: the doing of a node, which the next one is given
            self._stillborn += 1
            in_a_row = self._stillborn
        if in_a_row:
            self._given_dead[trial] += 1
            if max(in_a_row, self._given_dead[trial]) <= DEAD_WORKERS:
                self._to_begin.add(trial)
        super()._actor_failed(tracked_actor, exception)  # which has `_trial_task_failure` called next

    def _trial_task_failure(self, trial: Trial, exception: Exception) -> None:
        if trial in self._to_begin:
            self._to_begin.remove(trial)
            self._set_trial_status(trial, Trial.PENDING)
        else:
            super()._trial_task_failure(trial, exception)

    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        """Has a trial run again, or fail; what was not its doing does not count among its failures."""
        if self._forgiven[trial] < FORGIVEN and any(words in str(exception) for words in NOT_ITS_DOING):
            self._forgiven[trial] += 1
            trial.run_metadata.num_failures -= 1  # it is counted now
        super()._process_trial_failure(trial, exception)
        trial.run_metadata.num_failures = max(0, trial.run_metadata.num_failures)  # Ray does not count nodes taken away

    def _mark_trial_to_checkpoint(self, trial: Trial) -> None:
        """Writes down nothing of a trial, in the end, in memory and twice on disk: 13 KiB that nobody reads."""


@contextmanager
def our_controller() -> Iterator[None]:
    """Has Tune run its trials so: there is no public way to give it a controller."""
    before = ray.tune.tune.TuneController
    ray.tune.tune.TuneController = Controller
    try:
        yield
    finally:
        ray.tune.tune.TuneController = before
