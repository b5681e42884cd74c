import pytest

from tune.provenance import Goal
from tune.search import resumed_goal


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
