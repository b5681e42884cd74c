from pathlib import Path
from types import SimpleNamespace

import pytest

from data.clock import now
from tune.folder import SearchFolder
from tune.goal import LEAST_SECONDS, TRIALS_OVER, Goal, resumed_goal, seconds_left
from tune.objective import Objective
from tune.outcome import TrialOutcome, elapsed_seconds
from tune.stopwatch import Stopwatch


@pytest.mark.parametrize(
    ("goal", "finished", "trials", "time_limit", "expected"),
    [
        pytest.param(Goal(60, None), False, None, None, Goal(60, None), id="interrupted by trials: the rest"),
        pytest.param(Goal(None, 600), False, None, None, Goal(None, 600), id="interrupted by time: what is left"),
        pytest.param(Goal(60, None), True, None, None, Goal(60, None), id="finished, a part of it lost"),
        pytest.param(
            Goal(None, 600), True, None, None, Goal(40, None), id="finished by time, a part of it lost: no more trials"
        ),
        pytest.param(Goal(60, 600), True, None, None, Goal(40, None), id="finished by time before its trials, a part lost"),
        pytest.param(Goal(60, None), False, 10, None, Goal(70, None), id="interrupted, and more"),
        pytest.param(Goal(60, None), True, 10, None, Goal(50, None), id="finished, and more"),
        pytest.param(Goal(None, 600), True, 10, None, Goal(50, None), id="finished by time, and more trials"),
        pytest.param(Goal(60, None), False, None, 300, Goal(None, 400), id="so many minutes more, whatever the trials"),
        pytest.param(Goal(None, 600), True, 5, 300, Goal(45, 400), id="both"),
    ],
)
def test_what_a_resumed_search_shall_come_to(
    goal: Goal, finished: bool, trials: int | None, time_limit: float | None, expected: Goal
) -> None:
    about = {"finished": finished, "wall_seconds": 100.0}
    assert resumed_goal(goal, about, 40, trials, time_limit) == expected


def test_a_search_whose_trials_are_over_gets_no_more_of_them_unasked_and_the_time_that_the_rest_takes() -> None:
    about = {"finished": False, TRIALS_OVER: True, "wall_seconds": 100.0}
    assert resumed_goal(Goal(None, 600), about, 40, None, None) == Goal(40, None)
    assert resumed_goal(Goal(60, None), about, 60, None, None) == Goal(60, None)
    assert resumed_goal(Goal(None, 600), about, 40, 10, None) == Goal(50, None)
    assert resumed_goal(Goal(None, 600), about, 40, None, 300) == Goal(None, 400)


@pytest.mark.parametrize(
    ("about", "reported", "seconds"),
    [
        pytest.param({"wall_seconds": 9.0, "finished": True, "began": 1000.0}, [1100.0], 9.0, id="finished"),
        pytest.param({"wall_seconds": 9.0, "finished": False, "began": 1000.0}, [1005.0], 9.0, id="killed as a trial ended"),
        pytest.param({"wall_seconds": 9.0, "finished": False, "began": 1000.0}, [1005.0, 1012.0], 12.0, id="killed after"),
        pytest.param({"wall_seconds": 9.0, "finished": False, "began": 1000.0}, [1005.0, 9000.0], 19.0, id="after a sleep"),
        pytest.param({"wall_seconds": 0.0, "finished": False, "began": 1000.0}, [], 0.0, id="killed before a report"),
        pytest.param({"wall_seconds": 0.0, "finished": False}, [1120.0], 0.0, id="killed before it ran"),
    ],
)
def test_a_search_that_was_killed_has_taken_the_time_until_its_last_report(
    about: dict[str, object], reported: list[float], seconds: float
) -> None:
    trials = [TrialOutcome(n, "running", "", {}, ({"at": at},), 1.0, Objective("loss")) for n, at in enumerate(reported)]
    assert elapsed_seconds(about, trials) == seconds


def test_what_is_left_of_a_time_limit_is_what_was_not_taken() -> None:
    assert seconds_left(Goal(None, 600), 450.0) == 150.0
    assert seconds_left(Goal(None, 600), 700.0) == seconds_left(Goal(None, 600), 600.0) == LEAST_SECONDS
    assert seconds_left(Goal(60, None), 450.0) is None


def test_time_and_workers_are_those_of_all_runs_of_a_search(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.write_json("search.json", {"wall_seconds": 9.0, "workers": 1.0, "finished": True})
    stopwatch = Stopwatch(folder, now() - 5, SimpleNamespace(mean=lambda: 2.0))  # type: ignore[arg-type]
    assert folder.read_json("search.json")["finished"] is False
    assert stopwatch.write() == pytest.approx(14, abs=0.5)
    about = folder.read_json("search.json")
    assert about["workers"] == pytest.approx((9 * 1 + 5 * 2) / 14, abs=0.05)
    assert about["wall_seconds"] == pytest.approx(14, abs=0.5)
    stopwatch.keep()
    assert folder.read_json("search.json") == about, "it was just written"
