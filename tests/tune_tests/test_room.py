"""A cluster's room for trials follows its nodes; what waits for more is bounded by what may come."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.nodes import Node
from tune.room import AHEAD, READ_SECONDS, STALE_SECONDS, Room, told_of_no_room
from tune.settings import Settings
from tune.workers import Workers


class Cluster:
    """One whose nodes and time are set by hand."""

    def __init__(self, *cpus: int, most: float | None = None) -> None:
        self.cpus, self.most, self.time = list(cpus), most, 100.0

    def room(self, **settings: object) -> Room:
        def nodes() -> list[Node]:
            return [Node(str(index), "10.0.0.1", cpus, 0) for index, cpus in enumerate(self.cpus)]

        return Room(Settings.model_validate(settings), nodes, lambda: self.most, lambda: self.time)

    def turn(self, seconds: float, *cpus: int) -> None:
        """Lets time pass, and has other nodes from then on."""
        self.time += seconds
        self.cpus = list(cpus)


def test_one_that_does_not_grow_is_filled_and_no_more() -> None:
    room = Cluster(16, 7, most=None).room(cpus_per_trial=4)
    assert (room.trials(), room.wanted()) == (5, 5)


def test_an_empty_one_that_grows_has_some_trials_wait_for_its_nodes() -> None:
    cluster = Cluster(most=64)
    room = cluster.room()
    assert (room.trials(), room.wanted()) == (0, AHEAD)
    cluster.turn(READ_SECONDS, 16)
    assert (room.trials(), room.wanted()) == (16, 32)
    cluster.turn(READ_SECONDS, 16, 16, 16)
    assert (room.trials(), room.wanted()) == (48, 64)
    cluster.turn(READ_SECONDS, 16, 16, 16, 16)
    assert (room.trials(), room.wanted()) == (64, 64)
    cluster.turn(READ_SECONDS, 16)
    assert (room.trials(), room.wanted()) == (16, 32)


def test_one_that_has_long_had_no_new_node_and_does_not_say_how_far_it_grows_has_few_wait() -> None:
    cluster = Cluster(16, most=math.inf)
    room = cluster.room()
    assert room.wanted() == 32
    cluster.turn(STALE_SECONDS + 1, 16)
    assert room.wanted() == 16 + AHEAD
    cluster.turn(READ_SECONDS, 16, 16)
    assert room.wanted() == 64


@given(st.lists(st.integers(0, 64), max_size=8), st.none() | st.integers(0, 600), st.integers(1, 8))
def test_what_is_wanted_is_never_more_than_there_is_or_may_come(cpus: list[int], most: int | None, each: int) -> None:
    room = Cluster(*cpus, most=most).room(cpus_per_trial=each)
    assert room.trials() <= room.wanted() <= max(room.trials(), (most or 0) // each + room.trials())
    assert room.wanted() <= room.trials() + max(AHEAD, room.trials())


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 64)), min_size=1, max_size=10))
def test_the_mean_is_that_over_time(turns: list[tuple[int, int]]) -> None:
    cluster = Cluster(8)
    room, began, paid, had = cluster.room(), cluster.time, 0, 8
    for steps, cpus in turns:
        for _ in range(steps):
            cluster.turn(READ_SECONDS, cpus)
            room.trials()
        paid += int(READ_SECONDS) * (had + (steps - 1) * cpus)
        had = cpus
    assert abs(room.mean() - paid / (cluster.time - began)) < 1e-9


def test_trials_that_no_node_can_run_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune.room.read_nodes", lambda: [Node("1", "10.0.0.1", 16, 0), Node("2", "10.0.0.2", 8, 0)])

    def told(on_nodes: bool = True, **settings: object) -> list[str]:
        return list(told_of_no_room(Settings.model_validate(settings), Workers(4, 1, None, on_nodes=on_nodes)))

    assert told() == told(cpus_per_trial=16) == told(on_nodes=False, gpus_per_trial=1) == []
    assert "which takes 1 CPU and 0.5 GPUs; trials wait" in told(gpus_per_trial=0.5)[0]
    assert "which takes 17 CPUs; trials wait" in told(cpus_per_trial=17)[0]
