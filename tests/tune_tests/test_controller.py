"""Tune's control loop with ours in its place, on a real Ray."""

import gc
import os
import signal
import weakref
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray.tune.tune
from ray.exceptions import OutOfMemoryError, RayActorError, TaskCancelledError
from ray.tune import Callback, CheckpointConfig, RunConfig, Trainable, TuneConfig, Tuner
from ray.tune.execution.tune_controller import TuneController

from tune.controller import FORGIVEN, Controller, IdleWorkers, as_death, our_controller

WORKERS, TRIALS = 2, 16

pytestmark = pytest.mark.usefixtures("two_workers")


class Tell(Trainable):
    """A trial that takes no time, and tells which process ran it."""

    def step(self) -> dict[str, Any]:
        return {"process": os.getpid(), "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True


class Watch(Callback):
    """Notes which process ran each trial, and which trials failed; may end two of them, as they wait for the next.

    Attributes:
        kills: Whether it does.
    """

    def __init__(self, *, kills: bool) -> None:
        self.kills = kills
        self.processes: list[int] = []
        self.failed: list[str] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.processes.append(trial.last_result["process"])
        if self.kills and len(self.processes) % 8 == 4:
            with suppress(ProcessLookupError):
                os.kill(self.processes[-1], signal.SIGKILL)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.failed.append(str(trial))


def run(folder: Path, *watchers: Callback, kills: bool = False) -> Watch:
    watch = Watch(kills=kills)
    tuner = Tuner(
        Tell,
        tune_config=TuneConfig(num_samples=TRIALS, max_concurrent_trials=WORKERS, reuse_actors=True),
        run_config=RunConfig(
            storage_path=str(folder),
            verbose=0,
            callbacks=[watch, *watchers],
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    with our_controller():
        tuner.fit()
    return watch


def test_as_many_processes_as_there_are_workers_run_all_trials_however_short(tmp_path: Path) -> None:
    watch = run(tmp_path)
    assert len(watch.processes) == TRIALS
    assert len(set(watch.processes)) <= WORKERS


def test_a_worker_that_died_while_it_was_idle_is_no_failure_of_the_next_trial(tmp_path: Path) -> None:
    watch = run(tmp_path, kills=True)
    assert len(watch.processes) == TRIALS
    assert not watch.failed
    assert len(set(watch.processes)) > WORKERS


class Fallen:
    """A trial as far as its failures go."""

    def __init__(self, failures: int) -> None:
        self.run_metadata = SimpleNamespace(num_failures=failures)


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("The actor died because its node has died. Node Id: 12ab", 0),
        ("the actor's node was terminated unexpectedly: health check failed", 0),
        ("The actor 12ab is unavailable: the connection is broken. The task may or may not have been executed", 0),
        ("The actor exited: exit_actor() is called.", 0),
        ("The actor died: its worker process has died. Worker exit detail: out of memory, SIGKILL", 1),
        ("ValueError: k must be positive", 1),
    ],
)
@pytest.mark.parametrize("before", [0, 1])
def test_a_node_that_is_gone_is_no_failure_of_its_trial_whatever_has_befallen_it_before(
    monkeypatch: pytest.MonkeyPatch, said: str, counted: int, before: int
) -> None:
    asked = []

    def judge(_: TuneController, trial: Any, __: Exception) -> None:
        trial.run_metadata.num_failures += 1
        asked.append(trial.run_metadata.num_failures)

    monkeypatch.setattr(TuneController, "_process_trial_failure", judge)
    controller = object.__new__(Controller)
    controller._forgiven = Counter()
    trial: Any = Fallen(before)
    controller._process_trial_failure(trial, RuntimeError(said))
    assert asked == [before + counted], "it is Tune that judges, by what counts"
    for _ in range(FORGIVEN + 5):
        controller._process_trial_failure(trial, RuntimeError(said))
    assert asked[-1] > before + 1  # what ends its nodes again and again may be the trial


class Stillborn(Tell):
    """A trial whose first processes die as they are made."""

    def setup(self, config: dict[str, Any]) -> None:
        folder = Path(config["folder"])
        if len(list(folder.iterdir())) < 4:
            (folder / str(os.getpid())).touch()
            raise ImportError("this node lacks it")


def test_a_worker_that_cannot_be_made_is_no_failure_of_the_trial(tmp_path: Path) -> None:
    watch = Watch(kills=False)
    (tmp_path / "made").mkdir()
    tuner = Tuner(
        Stillborn,
        param_space={"folder": str(tmp_path / "made")},
        tune_config=TuneConfig(num_samples=1, max_concurrent_trials=1, reuse_actors=True),
        run_config=RunConfig(
            storage_path=str(tmp_path),
            verbose=0,
            callbacks=[watch],
            checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    with our_controller():
        tuner.fit()
    assert len(watch.processes) == 1
    assert not watch.failed
    assert len(list((tmp_path / "made").iterdir())) == 4


def test_what_ray_kills_for_want_of_memory_is_a_dead_worker_to_tune() -> None:
    killed = as_death(OutOfMemoryError("Memory on the node was running low\nand much more"))
    assert isinstance(killed, RayActorError)
    assert str(killed).splitlines()[-1] == "Memory on the node was running low"
    for known in (RayActorError(), TaskCancelledError(), ValueError()):
        assert isinstance(as_death(known), type(known) if not isinstance(known, TaskCancelledError) else RayActorError)


def test_what_has_ended_is_not_held(tmp_path: Path) -> None:
    seen: list[weakref.ref[Any]] = []

    class Count(Callback):
        def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            seen.append(weakref.ref(trial))
            gc.collect()
            alive.append(sum(one() is not None for one in seen))

    alive: list[int] = []
    run(tmp_path, Count())
    assert len(seen) == TRIALS
    assert max(alive) <= 2 * WORKERS + 1, "those that run, those that wait, and the one that ended just now"


def test_several_workers_may_be_idle_and_are_ended_with_the_search_alone() -> None:
    idle = IdleWorkers()
    assert all(idle.cache_object("one CPU", worker) for worker in range(3))
    assert not list(idle.flush_cached_objects())
    assert idle.pop_cached_object("one CPU") == 0
    assert list(idle.flush_cached_objects(force_all=True)) == [1, 2]
    assert not idle.num_cached_objects


def test_tune_has_its_own_controller_back_afterwards() -> None:
    with suppress(RuntimeError), our_controller():
        assert ray.tune.tune.TuneController is not TuneController
        raise RuntimeError
    assert ray.tune.tune.TuneController is TuneController
