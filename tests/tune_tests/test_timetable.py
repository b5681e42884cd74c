import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.tokens import Tokens
from tune.settings import Settings
from tune.timetable import (
    CANDIDATE_SECONDS,
    FINISH_SECONDS,
    FINISH_SHARE,
    TOKENS_PER_SECOND,
    Again,
    finish_seconds,
    make_timetable,
    retest_seconds,
    told,
)


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_of_a_time_limit_so_much_is_kept_for_what_follows_the_trials() -> None:
    def ends(refit: float | None = None, **values: object) -> tuple[float, ...]:
        again = None if refit is None else Again(refit, evaluation=2.0, began=1010.0)
        return make_timetable(settings(**values), 1000.0, 100.0, 4.0, again)

    assert ends() == (1096, 1096, 1096, 1100)
    assert ends(repeat=2) == (1071, 1096, 1096, 1100)
    assert ends(30) == (1064, 1064, 1098, 1100)
    assert ends(27.5, repeat=2) == (1041.5, 1066.5, 1098, 1100)
    assert ends(math.inf) == (1054, 1054, 1098, 1100)


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.integers(0, 2), st.none() | st.floats(0, 1e9), st.floats(0, 1))
def test_parts_follow_one_another_and_of_what_there_is_for_training_half_at_least_is_for_trials(
    seconds: float, finish: float, repeat: int, refit: float | None, prepared: float
) -> None:
    began = 50.0 + prepared * seconds
    again = None if refit is None else Again(refit, evaluation=finish, began=began)
    times = make_timetable(settings(repeat=repeat), 50.0, seconds, finish, again)
    assert list(times) == sorted(times)
    assert times.deadline == 50.0 + seconds
    assert times.deadline - times.refit <= FINISH_SHARE * seconds + 1e-6
    repeats = times.repeats - times.trials
    training = max(times.refit - repeats - began, 0)
    assert times.trials >= min(times.refit - repeats, began + training / 2) - 1e-6


def test_what_is_kept_is_told_and_without_a_limit_there_is_nothing_to_tell() -> None:
    asked = settings(refit=True, repeat=2)
    seeds, again = told(asked, 100.0)
    assert seeds.startswith("25 s of that are kept")
    assert "other seeds" in seeds
    assert "train and validation rows" in again
    assert list(told(settings(), 100.0)) == []
    assert set(make_timetable(asked, 0.0, None, 4.0)) == {math.inf}
    assert list(told(asked, None)) == []


def test_evaluating_is_given_the_time_to_read_the_tokens_that_are_looked_at_and_each_candidate_of_an_ensemble_more() -> None:
    lengths = [TOKENS_PER_SECOND, 3 * TOKENS_PER_SECOND]
    tokens = Tokens(np.zeros(sum(lengths), np.int32), np.cumsum([0, *lengths]))

    def inputs(longest: int) -> Any:
        return SimpleNamespace(dataset=SimpleNamespace(tokens=tokens), space=SimpleNamespace(longest_text=longest))

    def seconds(longest: int, **values: object) -> float:
        return finish_seconds(settings(**values), inputs(longest))

    def retested(longest: int, **values: object) -> float:
        return retest_seconds(settings(**values), inputs(longest))

    assert seconds(10**9) == pytest.approx(FINISH_SECONDS + 4)
    assert seconds(TOKENS_PER_SECOND) == pytest.approx(FINISH_SECONDS + 2)
    more = 6 * (CANDIDATE_SECONDS + 0.25 * 4) + 3 * 4
    assert seconds(10**9, ensemble=3, keep=6, validation=0.25) == pytest.approx(FINISH_SECONDS + 4 + more)
    test_rows = 3 * 0.5 * 4
    assert retested(10**9, ensemble=3, test=0.5, validation=0.25) == pytest.approx(FINISH_SECONDS + test_rows)
