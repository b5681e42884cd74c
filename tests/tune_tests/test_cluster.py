"""Ray on this machine, for real."""

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from data.clock import now
from data.errors import InputError
from data.memory import all_memory
from model.linear import PLANS, Plan, Recipe
from tune import allowance
from tune.cluster import gpus, local_cluster
from tune.controller import our_controller
from tune.crew import run_on_workers
from tune.cudnn import obstacles
from tune.means import Means
from tune.memory import own_memory, pool_memory, worker_memory
from tune.nodes import _said
from tune.room import count_locally
from tune.run import _notices
from tune.searcher import ENDED, ended_as
from tune.settings import Settings
from tune.workers import Workers
from tune.written_space import parse_space


def test_trials_run_in_the_processes_that_were_started_first(tmp_path: Path) -> None:
    with local_cluster(1) as wait_for_ray:
        wait_for_ray()
        import ray
        from ray.tune import Callback, RunConfig, Trainable, Tuner

        told: list[dict[str, Any]] = []

        class Listen(Callback):
            def on_trial_result(self, *arguments: Any, result: dict[str, Any], **named: Any) -> None:
                told.append(result)

        class Tell(Trainable):
            def step(self) -> dict[str, object]:
                worker = ray.get_runtime_context().get_worker_id()
                return {"worker": worker, "imported": "tensorflow" in sys.modules, "done": True}

        before = ray._private.state.workers()
        with our_controller():
            Tuner(Tell, run_config=RunConfig(storage_path=str(tmp_path), verbose=0, callbacks=[Listen()])).fit()
        assert len(before) == ray.cluster_resources()["CPU"] == 1
        assert [(result["worker"] in before, result["imported"]) for result in told] == [(True, True)]


def test_gpus_are_counted_as_the_environment_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: iter([Path(f"/dev/nvidia{index}") for index in range(4)]))
    for visible, count in ((None, 4), ("", 0), ("-1", 0), ("2", 1), ("0,1", 2)):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert gpus() == count


def test_workers_fit_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune.room.cores", lambda: 16)
    monkeypatch.setattr("tune.room.gpus", lambda: 2)

    def count(**values: object) -> int:
        return count_locally(Settings.model_validate(values))

    assert count() == 16
    assert count(cpus_per_trial=3) == 5
    assert count(gpus_per_trial=0.25) == 8
    assert count(gpus_per_trial=0.1, cpus_per_trial=4) == 4
    assert count(gpus_per_trial=0.5, workers=3) == 3
    assert count(gpus_per_trial=0.4) == 4, "none is parted between two"
    assert count(gpus_per_trial=2) == count(gpus_per_trial=1, cpus_per_trial=32) == 1
    with pytest.raises(ValueError, match=r"0 to 1, or a whole number, got 1\.5"):
        count(gpus_per_trial=1.5)
    for values in ({"workers": 100}, {"gpus_per_trial": 0.5, "workers": 5}, {"gpus_per_trial": 3.0}):
        with pytest.raises(InputError, match=r"too (many|few)"):
            count(**values)
    monkeypatch.setattr("tune.room.gpus", lambda: 0)
    with pytest.raises(InputError, match=r"there is no GPU for 0\.5; 0 computes on cores"):
        count(gpus_per_trial=0.5)


def test_what_workers_may_hold_fits_into_the_machine() -> None:
    for workers in (1, 4, 64):
        limit = worker_memory(None, workers)
        assert workers * limit < all_memory()
        assert pool_memory(limit) <= limit / 2
    assert worker_memory(1.5, 8) == 1.5 * 2**30
    assert pool_memory(2**28) == 0
    assert 10 * 2**20 < own_memory() < all_memory()


def means(deadline: float) -> Means:
    return Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=deadline)


@pytest.mark.usefixtures("two_workers")
def test_work_that_there_is_no_time_for_is_not_begun_and_what_does_not_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tune.crew.LATE_SECONDS", 0.5)

    def piece(ends: bool, _shared: int, _means: Means) -> str:
        if not ends:
            threading.Event().wait()
        return "done"

    def outcomes(ends: bool, seconds: float) -> dict[int, str]:
        works = dict.fromkeys(range(3), (ends,))
        return dict(run_on_workers(piece, works, (0,), means(now() + seconds), Workers(1, 1, None), threading.Event()))

    assert outcomes(True, math.inf) == dict.fromkeys(range(3), "done")
    assert outcomes(True, -1) == outcomes(False, 1) == dict.fromkeys(range(3))


@pytest.mark.usefixtures("two_workers")
def test_work_fills_the_workers_that_have_come_since(tmp_path: Path) -> None:
    class Grown:
        def trials(self) -> int:
            return 2

    def meets(one: int, folder: Path, _means: Means) -> bool:
        (folder / str(one)).touch()
        until = time.monotonic() + 20
        while time.monotonic() < until and len(list(folder.iterdir())) < 2:
            time.sleep(0.01)
        return len(list(folder.iterdir())) == 2

    began_alone = Workers(1, 1, None, on_nodes=True, room=Grown())  # type: ignore[arg-type]
    works = {one: (one,) for one in range(2)}
    met = dict(run_on_workers(meets, works, (tmp_path,), means(math.inf), began_alone, threading.Event()))
    assert met == {0: True, 1: True}


@pytest.mark.usefixtures("two_workers")
def test_a_node_says_yes_or_no_or_nothing() -> None:
    import ray

    def refuse() -> bool:
        raise OSError("read-only")

    def say_nothing() -> None:
        time.sleep(600)

    def die() -> None:
        os._exit(1)

    remote = ray.remote(num_cpus=0, max_retries=0)
    functions = (lambda: True, lambda: False, refuse, say_nothing, die)
    answers = [remote(function).remote() for function in functions]
    ray.wait([*answers[:3], answers[4]], num_returns=4)
    assert [_said(answer) for answer in answers] == [True, False, False, None, "WorkerCrashedError"]


def test_what_keeps_trainings_from_cudnn_is_named() -> None:
    assert [line.split()[0] for line in obstacles(0.3, "bfloat16")] == ["recurrent_dropout", "precision"]
    assert not list(obstacles(0.0, "float16"))


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("time limit: in epoch 3", "stopped"),
        ("nan: the loss was not finite in epoch 2", "failed"),
        ("crashed: MemoryError", "failed"),
        ("all 3 epochs", "complete"),
        ("no better since epoch 2", "complete"),
    ],
)
def test_a_trial_that_time_cut_short_is_not_told_as_complete(reason: str, end: str) -> None:
    assert ended_as({ENDED: reason}) == end
    assert ended_as({ENDED: "", "done": True}) == "stopped"
    assert ended_as({ENDED: ""}) is None


def test_a_search_tells_of_that_on_gpus_alone() -> None:
    space = SimpleNamespace(space=parse_space({"recurrent_dropout": {"float": [0, 0.3]}, "lstm_dropout": 0.2}), recipe=None)

    def told(gpus_per_trial: float) -> list[str]:
        settings = Settings(gpus_per_trial=gpus_per_trial, precision="bfloat16")
        return [line.split()[0] for line in _notices(settings, space)]  # type: ignore[arg-type]

    assert told(0.5) == ["recurrent_dropout", "precision"]
    assert told(0.0) == []


def test_a_search_tells_of_a_wide_branch_that_was_cut_short() -> None:
    def told(plan: Plan) -> list[str]:
        inputs = SimpleNamespace(space=parse_space({}), recipe=Recipe(plan, 1.0, None))
        return list(_notices(Settings(), inputs))  # type: ignore[arg-type]

    assert told(PLANS[0]) == []
    assert "in 3 epochs, for want" in told(PLANS[1])[0]
    assert "in 3 epochs, without runs of characters, for want" in told(PLANS[2])[0]
    assert "in 2 epochs, without runs of characters and pairs of words, for want" in told(PLANS[3])[0]


def test_a_process_that_takes_more_than_its_part_and_what_is_to_spare_says_so_and_ends() -> None:
    script = (
        "import sys, threading, tune.allowance as allowance; allowance.all_memory = lambda: 2**32\n"
        "allowance.watch_memory(2**27, lambda reason: print(reason, flush=True)); held = bytearray(b'1') * 2**30\n"
        "threading.Event().wait(60)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == allowance.ENDED
    assert done.stdout == "took 1.0 GiB of memory, more than its worker's 0.1 GiB (worker_memory) and 0.6 GiB to spare\n"
