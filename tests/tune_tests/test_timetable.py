import math
from types import SimpleNamespace

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
    finish_seconds,
    make_timetable,
    told,
)


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_of_a_time_limit_so_much_is_kept_for_what_follows_the_trials() -> None:
    def ends(refit_seconds: float = 0.0, **values: object) -> tuple[float, ...]:
        return make_timetable(settings(**values), 1000.0, 100.0, 4.0, refit_seconds)

    assert ends() == ends(30) == (1096, 1096, 1096, 1100)
    assert ends(repeat=2) == (1071, 1096, 1096, 1100)
    assert ends(refit=True) == (1096, 1096, 1096, 1100)
    assert ends(30, refit=True) == (1066, 1066, 1096, 1100)
    assert ends(30, repeat=2, refit=True) == (1041, 1066, 1096, 1100)
    assert ends(1e9, refit=True) == (1048, 1048, 1096, 1100)


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.booleans(), st.integers(0, 2), st.floats(0, 1e9))
def test_parts_follow_one_another_and_trials_have_a_fifth_of_any_limit(
    seconds: float, finish: float, refit: bool, repeat: int, again: float
) -> None:
    times = make_timetable(settings(refit=refit, repeat=repeat), 50.0, seconds, finish, again)
    assert list(times) == sorted(times)
    assert times.deadline == 50.0 + seconds
    assert times.deadline - times.refit <= FINISH_SHARE * seconds + 1e-6
    assert times.trials - 50.0 >= 0.2 * seconds - 1e-6


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

    def seconds(longest: int, **values: object) -> float:
        inputs = SimpleNamespace(dataset=SimpleNamespace(tokens=tokens), space=SimpleNamespace(longest_text=longest))
        return finish_seconds(settings(**values), inputs)  # type: ignore[arg-type]

    assert seconds(10**9) == pytest.approx(FINISH_SECONDS + 4)
    assert seconds(TOKENS_PER_SECOND) == pytest.approx(FINISH_SECONDS + 2)
    more = 6 * (CANDIDATE_SECONDS + 0.25 * 4) + 3 * 4
    assert seconds(10**9, ensemble=3, keep=6, validation=0.25) == pytest.approx(FINISH_SECONDS + 4 + more)
