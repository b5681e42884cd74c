"""How long training the winner again will take."""

import math

import numpy as np
import pytest

from data.clock import now
from data.errors import InputError
from data.split import Split
from tune.outcome import TrialOutcome
from tune.refit_time import MARGIN, NEWS_SECONDS, RefitTime, epoch_seconds, training_seconds


def trial(number: int, losses: tuple[float, ...], seconds: float, state: str = "pruned") -> TrialOutcome:
    """One whose epochs took so many seconds each."""
    epochs = tuple({"loss": loss, "seconds": seconds} for loss in losses)
    return TrialOutcome(number, state, "", {}, epochs, 1000.0)


SLOW = trial(0, (3.0, 1.0, 2.0, 2.0), 10.0)  # 20 s to its best epoch
QUICK = trial(1, (2.0, 1.5), 2.0)  # 4 s
POOR = trial(2, (9.0,), 500.0)
SPLIT = Split(np.arange(40), np.arange(40, 60), np.arange(60, 99))


def test_the_best_are_trained_again_to_their_best_epochs_at_their_pace() -> None:
    assert training_seconds([POOR, QUICK, SLOW], members=1, workers=2) == 20
    assert training_seconds([POOR, QUICK, SLOW], members=2, workers=1) == 24
    assert training_seconds([POOR, QUICK, SLOW], members=3, workers=1) == 524


def test_of_several_workers_one_may_be_left_with_the_longest_training() -> None:
    ten = [trial(number, (1.0,), 10.0) for number in range(2)]
    assert training_seconds([*ten, trial(2, (2.0,), 20.0)], members=3, workers=2) == 30  # 10 beside 10, then 20


@pytest.mark.parametrize(
    ("state", "seconds"), [("running", 20), ("complete", 20), ("failed", 4)], ids=["leads while it runs", "ended", "failed"]
)
def test_a_trial_counts_unless_it_failed(state: str, seconds: float) -> None:
    leader = TrialOutcome(0, state, "", {}, SLOW.epochs, SLOW.seconds)
    assert training_seconds([leader, QUICK], members=1, workers=2) == seconds


def test_trials_with_no_figure_are_none_to_train_again() -> None:
    assert training_seconds([], members=5, workers=2) == 0
    assert training_seconds([trial(0, (), 3.0), trial(1, (math.nan,), 3.0)], members=5, workers=2) == 0


def test_the_study_is_not_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    trials, read, time = [QUICK], [0], [now()]

    def all_trials() -> list[TrialOutcome]:
        read[0] += 1
        return trials

    monkeypatch.setattr("tune.refit_time.now", lambda: time[0])
    estimate = RefitTime(all_trials, 1, lambda: 2, SPLIT, prepare=7.0)
    four = 7 + 1.5 * MARGIN * 4  # half as many validation rows as there are training rows
    assert estimate.seconds() == pytest.approx(four)
    trials.append(SLOW)
    assert estimate.seconds() == pytest.approx(four)
    assert read == [1]
    time[0] += NEWS_SECONDS + 1
    twenty = 7 + 1.5 * MARGIN * 20
    assert estimate.seconds() == pytest.approx(twenty)
    assert read == [2]


@pytest.mark.parametrize("error", [OSError("stale file handle"), InputError("the database does not answer")])
def test_what_was_known_holds_while_the_trials_are_out_of_reach(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    time, answers = [now()], [[QUICK], error, [SLOW]]

    def all_trials() -> list[TrialOutcome]:
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    monkeypatch.setattr("tune.refit_time.now", lambda: time[0])
    estimate = RefitTime(all_trials, 1, lambda: 2, SPLIT, prepare=7.0)
    told = []
    for _ in range(3):
        told.append(estimate.seconds())
        time[0] += NEWS_SECONDS + 1
    assert told[0] == told[1] < told[2]


def test_the_epochs_that_trials_are_in_are_waited_for() -> None:
    running = [trial(3, (5.0,), 8.0, "running"), trial(4, (), 9.0, "running"), QUICK]
    assert epoch_seconds(running) == 8
    assert epoch_seconds([QUICK]) == 0
    estimate = RefitTime(lambda: running, 1, lambda: 2, SPLIT, prepare=0.0)
    assert estimate.seconds() == pytest.approx(1.5 * MARGIN * 4 + 8)
