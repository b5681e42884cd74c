"""How long training the winner again will take."""

import math

import pytest

from data.clock import now
from tune.outcome import TrialOutcome
from tune.refit_time import MARGIN, NEWS_SECONDS, RefitTime, training_seconds


def trial(number: int, losses: tuple[float, ...], seconds: float, state: str = "pruned") -> TrialOutcome:
    epochs = tuple({"loss": loss} for loss in losses)
    return TrialOutcome(number, state, "", {}, epochs, seconds)


SLOW = trial(0, (3.0, 1.0, 2.0, 2.0), 40.0)  # 20 s to its best epoch
QUICK = trial(1, (2.0, 1.5), 4.0)  # 4 s
POOR = trial(2, (9.0,), 500.0)


def test_the_best_are_trained_again_to_their_best_epochs_at_their_pace() -> None:
    assert training_seconds([POOR, QUICK, SLOW], members=1, workers=2) == 20
    assert training_seconds([POOR, QUICK, SLOW], members=2, workers=1) == 24
    assert training_seconds([POOR, QUICK, SLOW], members=3, workers=1) == 524


def test_no_training_is_shared_among_workers() -> None:
    assert training_seconds([QUICK, SLOW], members=2, workers=2) == 20
    assert training_seconds([QUICK, SLOW, trial(3, (1.8,), 20.0)], members=3, workers=2) == 22


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
    estimate = RefitTime(all_trials, members=1, workers=2, prepare=7.0)
    assert estimate.seconds() == 7 + MARGIN * 4
    trials.append(SLOW)
    assert estimate.seconds() == 7 + MARGIN * 4
    assert read == [1]
    time[0] += NEWS_SECONDS + 1
    assert estimate.seconds() == 7 + MARGIN * 20
    assert read == [2]
