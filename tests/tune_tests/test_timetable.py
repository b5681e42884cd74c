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
)


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_of_a_time_limit_so_much_is_kept_for_what_follows_the_trials() -> None:
    def ends(**values: object) -> tuple[float, ...]:
        return make_timetable(settings(**values), 1000.0, 100.0, 4.0)

    assert ends() == (1096, 1096, 1096, 1100)
    assert ends(refit=True) == (1076, 1076, 1096, 1100)
    assert ends(repeat=2) == (1071, 1096, 1096, 1100)
    assert ends(repeat=2, refit=True) == (1051, 1076, 1096, 1100)


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.booleans(), st.integers(0, 2))
def test_parts_follow_one_another_and_trials_have_a_quarter_of_any_limit(
    seconds: float, finish: float, refit: bool, repeat: int
) -> None:
    times = make_timetable(settings(refit=refit, repeat=repeat), 50.0, seconds, finish)
    assert list(times) == sorted(times)
    assert times.deadline == 50.0 + seconds
    assert times.deadline - times.refit <= FINISH_SHARE * seconds + 1e-6
    assert times.trials - 50.0 >= 0.25 * seconds - 1e-6


def test_what_is_kept_is_told_and_without_a_limit_there_is_nothing_to_tell() -> None:
    asked = settings(refit=True, repeat=2)
    told = list(make_timetable(asked, 0.0, 100.0, 4.0).told())
    assert [line.split(" of ")[0] for line in told] == ["25 s", "20 s"]
    assert "other seeds" in told[0]
    assert "train and validation rows" in told[1]
    assert list(make_timetable(settings(), 0.0, 100.0, 4.0).told()) == []
    endless = make_timetable(asked, 0.0, None, 4.0)
    assert set(endless) == {math.inf}
    assert list(endless.told()) == []


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
