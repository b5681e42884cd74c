"""What stops trials, and the reasons it gives."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune.epoch_budget import EpochBudget
from tune.objective import Objective
from tune.outcome import TrialOutcome
from tune.scheduler import EndedTrial, make_scheduler
from tune.settings import Settings


def scheduler(before: list[list[float]] | None = None, credited: int = 0, **settings: Any) -> Any:
    """A scheduler that has seen trials of these losses."""
    wanted = Settings.model_validate({"max_epochs": 9, "grace_period": 1} | settings)
    objective = wanted.objective
    ended = [TrialOutcome(n, "pruned", "", {}, losses(values), 1.0, objective) for n, values in enumerate(before or [])]
    return make_scheduler(wanted, ended, credited)


def decisions(made: Any, number: int, values: list[float], metric: str = "loss", told: int = 0) -> list[str]:
    """What is decided on a trial of these values, of which it has told so many before."""
    trial = EndedTrial(str(number), {"number": number, "epochs": told})
    made.on_trial_add(None, trial)
    return [made.on_trial_result(None, trial, {"epoch": epoch, metric: value}) for epoch, value in enumerate(values, 1)]


def losses(values: list[float]) -> tuple[dict[str, float], ...]:
    return tuple({"loss": value, "macro_f1": value} for value in values)


SIX = [[1.0], [1.1], [1.2], [3.0], [3.1], [3.2]]


def test_asha_resumed_decides_as_if_it_had_seen_the_trials_before() -> None:
    resumed, fresh = scheduler(SIX), scheduler()
    assert decisions(resumed, 6, [2.0]) == ["STOP"]
    assert decisions(fresh, 6, [2.0]) == ["CONTINUE"]


def test_asha_says_what_the_cutoff_was_and_of_how_many() -> None:
    asha = scheduler(SIX)
    decisions(asha, 6, [2.0])
    assert asha.reasons[6] == "stopped by ASHA after epoch 1: 2.0000, cutoff 1.1667 (best third of 6)"


def test_higher_is_better_where_the_metric_says_so() -> None:
    asha = scheduler([[0.9], [0.8], [0.7], [0.1]], metric="macro_f1")
    assert decisions(asha, 4, [0.85], "macro_f1") == ["CONTINUE"]
    assert decisions(asha, 5, [0.2], "macro_f1") == ["STOP"]
    assert "0.2000, cutoff 0.8" in asha.reasons[5]


def test_brackets_give_asha_so_many_grace_periods_and_most_trials_the_first() -> None:
    def stopped_after(**settings: Any) -> list[int]:
        made = scheduler(**settings)
        ends = [decisions(made, number, [float(number)] * 9).index("STOP") + 1 for number in range(60)]
        return [end for end in ends if end < 9]

    assert set(stopped_after()) == {1}
    two = stopped_after(brackets=2)
    assert set(two) == {1, 3}
    assert two.count(1) > two.count(3)
    assert stopped_after(brackets=3) == stopped_after(scheduler="hyperband")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"brackets": 4}, "brackets must be 1 to 3, got 4"),
        ({"brackets": 2, "grace_period": 40}, "brackets must be 1 to 1, got 2"),
        ({"brackets": 2, "scheduler": "hyperband"}, "brackets are of asha alone"),
    ],
)
def test_brackets_that_no_trial_could_end_in_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.model_validate(settings)


@pytest.mark.parametrize("resumed", [False, True])
def test_where_trials_have_costs_one_that_none_at_its_rung_beats_in_everything_goes_on(resumed: bool) -> None:
    rung = [(1.0, 50), (1.1, 50), (1.2, 50)]
    objective = Objective("loss", ("size",))
    ended = [TrialOutcome(n, "pruned", "", {}, ({"loss": v},), 1.0, objective, {"size": s}) for n, (v, s) in enumerate(rung)]
    asha = make_scheduler(Settings(max_epochs=9, grace_period=1, metric="loss,size"), ended if resumed else [])

    def decided(number: int, loss: float, size: int, last: bool = False) -> str:
        trial = EndedTrial(str(number), {"number": number})
        asha.on_trial_add(None, trial)
        tell = asha.on_trial_complete if last else asha.on_trial_result
        return str(tell(None, trial, {"epoch": 1, "loss": loss, "size": size}))

    for number, (loss, size) in enumerate([] if resumed else rung):
        decided(number, loss, size, last=number == 1)
    assert decided(3, loss=3.0, size=10) == "CONTINUE", "the smallest"
    assert decided(4, loss=2.0, size=60) == "STOP"
    assert decided(5, loss=2.0, size=50) == "STOP", "no smaller than one that is better"
    assert decided(6, loss=9.0, size=9) == "CONTINUE"
    assert {4, 5} <= set(asha.reasons) <= {1, 2, 4, 5}


def test_asha_stops_no_trial_of_the_portfolio_before_its_credit_is_spent() -> None:
    asha = scheduler(credited=2)
    curves = {0: [1.0, 0.9, 0.8], 1: [2.0, 1.9, 1.8, 1.7, 1.6], 2: [3.0]}
    made = {number: decisions(asha, number, losses) for number, losses in curves.items()}
    assert made == {0: ["CONTINUE"] * 3, 1: ["CONTINUE"] * 5, 2: ["STOP"]}


def test_hyperband_lets_some_trials_go_on_longer_and_deals_them_out_by_the_seed() -> None:
    def stops(seed: int) -> list[int]:
        hyperband = scheduler(scheduler="hyperband", seed=seed)
        return [decisions(hyperband, number, [float(number)] * 3).count("STOP") for number in range(30)]

    assert stops(0) == stops(0) != stops(1)
    assert len(scheduler(scheduler="hyperband")._brackets) == 3
    first_stops = scheduler(scheduler="hyperband")
    curves = [decisions(first_stops, number, [float(number)] * 3) for number in range(30)]
    assert any("STOP" in curve and curve[0] == "CONTINUE" for curve in curves), "a bracket that waits for epoch 3"
    assert all("HyperBand" in reason for reason in first_stops.reasons.values())


def test_the_median_rule_compares_with_the_means_of_the_others_and_never_pauses() -> None:
    median = scheduler([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], scheduler="median")
    assert decisions(median, 3, [1.9, 1.9]) == ["CONTINUE", "CONTINUE"]
    assert decisions(median, 4, [2.6]) == ["STOP"]
    assert median.reasons[4].startswith("stopped by the median rule after epoch 1: best 2.6000, median of 4 others")
    assert decisions(scheduler([[1.0]], scheduler="median"), 1, [9.0]) == ["CONTINUE"], "too few to judge by"


def test_the_median_rule_counts_the_last_epoch_of_a_trial_once_that_ray_tells_of_again() -> None:
    live = scheduler(scheduler="median")
    for number in range(3):
        trial = EndedTrial(str(number), {"number": number, "epochs": 0})
        live.on_trial_add(None, trial)
        for epoch, loss in ((1, 3.0), (2, 1.0)):
            live.on_trial_result(None, trial, {"epoch": epoch, "loss": loss})
        live.on_trial_complete(None, trial, {"epoch": 2, "loss": 1.0})
    again = scheduler([[3.0, 1.0]] * 3, scheduler="median")
    assert [decisions(one, 3, [1.9, 1.9]) for one in (live, again)] == [["CONTINUE", "CONTINUE"]] * 2


def test_the_median_rule_resumed_does_not_judge_again_what_it_let_go_on() -> None:
    median = scheduler([[0.5, 0.4]] * 3 + [[0.9, 0.3]], scheduler="median")
    assert decisions(median, 4, [9.0]) == ["STOP"]


def test_the_median_rule_counts_neither_an_epoch_twice_nor_what_is_no_number() -> None:
    before = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [math.nan, math.nan]]
    made = scheduler(before, scheduler="median")
    trial = EndedTrial("4", {"number": 4, "epochs": 2})
    for epoch, loss in ((1, 8.0), (2, 1.5), (1, 8.0), (2, 1.5)):  # its process has died, and it tells again
        made.on_trial_result(None, trial, {"epoch": epoch, "loss": loss})
    assert [result["epoch"] for result in made._results[trial]] == [1, 2]
    assert decisions(made, 5, [9.0]) == ["STOP"]
    assert made.reasons[5] == "stopped by the median rule after epoch 1: best 9.0000, median of 4 others 2.5000"


def test_pasha_ends_trials_at_the_second_rung_while_the_ranking_holds() -> None:
    pasha = scheduler(scheduler="pasha")
    first = decisions(pasha, 0, [3.0, 2.0, 1.0])
    assert first == ["CONTINUE", "CONTINUE", "STOP"]
    assert decisions(pasha, 1, [2.9, 1.9, 0.9]) == ["CONTINUE", "CONTINUE", "STOP"], "better at both rungs"
    assert pasha.reasons[1] == "stopped by PASHA after epoch 3: the ranking is the same as at the rung before"


def test_pasha_lets_trials_go_on_once_the_ranking_has_changed() -> None:
    pasha = scheduler([[2.0, 1.5, 1.4]], scheduler="pasha")
    assert decisions(pasha, 1, [1.9, 1.8, 1.7]) == ["CONTINUE"] * 2 + ["STOP"], "by ASHA, being behind there"
    assert decisions(pasha, 2, [1.8, 1.0, 0.5, 0.4, 0.3, 0.2]) == ["CONTINUE"] * 6
    resumed = scheduler([[2.0, 1.5, 1.4], [1.9, 1.8, 1.7], [1.8, 1.0, 0.5]], scheduler="pasha")
    assert decisions(resumed, 3, [1.7, 0.9, 0.4, 0.3]) == ["CONTINUE"] * 4


def test_pasha_resumed_is_not_moved_by_a_report_that_it_was_not_asked_about() -> None:
    before = [
        TrialOutcome(0, "pruned", "stopped by PASHA", {}, losses([2.0, 1.9, 1.8]), 1.0),
        TrialOutcome(1, "pruned", "stopped by PASHA", {}, losses([1.9, 1.8, 1.7]), 1.0),
        TrialOutcome(2, "failed", "nan: the loss was not finite in epoch 3", {}, losses([1.8, 1.0, math.nan]), 1.0),
    ]
    resumed = make_scheduler(Settings(max_epochs=9, grace_period=1, scheduler="pasha"), before)
    assert decisions(resumed, 3, [1.5, 1.2, 1.1]) == ["CONTINUE", "CONTINUE", "STOP"], "the ranking is what it was"


@pytest.mark.parametrize("kind", ["asha", "pasha", "median"])
def test_an_epoch_that_was_cut_short_is_no_measure_for_others(kind: str) -> None:
    cut = losses([1.0, 0.1])
    cut[-1]["part"] = 0.25
    before = [TrialOutcome(number, "pruned", "time limit: cut short in epoch 2", {}, cut, 1.0) for number in range(4)]
    without = [TrialOutcome(number, "pruned", "time limit", {}, cut[:1], 1.0) for number in range(4)]
    resumed, other = (
        make_scheduler(Settings(max_epochs=9, grace_period=2, scheduler=kind), ended) for ended in (before, without)
    )
    assert decisions(resumed, 5, [0.9, 0.5]) == decisions(other, 5, [0.9, 0.5]) == ["CONTINUE"] * 2


def test_trials_that_overtake_each_other_again_and_again_count_as_equal() -> None:
    budget = EpochBudget(1, 3, 9)
    for trial, curve in enumerate([[1.0, 0.9, 0.81], [0.99, 0.91, 0.80], [1.5, 1.4, 1.3]]):
        for epoch, cost in enumerate(curve, 1):
            budget.take(trial, epoch, cost)
            budget.take(trial, epoch, cost + 9)  # what was told is told again after a crash
    assert not budget.grow()
    for epoch, cost in enumerate([2.0, 1.0, 0.5], 1):
        budget.take(3, epoch, cost)
    assert budget.grow()
    assert budget.epochs == 9


@given(st.lists(st.lists(st.floats(0, 10), min_size=9, max_size=9), min_size=1, max_size=8))
def test_the_epoch_budget_never_grows_beyond_the_most(curves: list[list[float]]) -> None:
    budget = EpochBudget(1, 3, 9)
    for trial, curve in enumerate(curves):
        for epoch, cost in enumerate(curve, 1):
            budget.take(trial, epoch, cost)
    grown = [budget.grow() for _ in range(3)]
    assert (budget.epochs, grown) in [(3, [False] * 3), (9, [True, False, False])]
    if len(curves) == 1:
        assert budget.epochs == 3, "one trial alone says nothing"


@pytest.mark.parametrize("kind", ["asha", "pasha", "hyperband", "median"])
def test_a_trial_that_is_run_again_is_not_stopped_where_it_went_on_before(kind: str) -> None:
    others = [[1.0] * 9] * 6
    assert decisions(scheduler(others, scheduler=kind, seed=1), 6, [9.0]) == ["STOP"]
    curve = decisions(scheduler(others, scheduler=kind, seed=1), 6, [9.0] * (4 if kind == "median" else 9), told=3)
    assert curve[:3] == ["CONTINUE"] * 3
    assert "STOP" in curve


def test_none_stops_nothing() -> None:
    assert decisions(scheduler(SIX, scheduler="none"), 6, [9.0] * 3) == ["CONTINUE"] * 3


@given(
    st.lists(st.floats(0, 10) | st.just(math.nan), min_size=1, max_size=9), st.sampled_from(["loss", "accuracy", "macro_f1"])
)
def test_the_best_epoch_is_that_of_the_best_figure_whose_loss_is_finite(values: list[float], metric: Any) -> None:
    objective = Objective(metric)
    epochs = tuple({"loss": value, "accuracy": value / 10, "macro_f1": value / 10} for value in values)
    trial = TrialOutcome(0, "complete", "", {}, epochs, 1.0, objective)
    finite = [value for value in values if math.isfinite(value)]
    best = (min if objective.mode == "min" else max)(finite, default=math.nan)
    assert trial.best_epoch == (values.index(best) + 1 if finite else None)
    assert objective.cost_of(objective.cost_of(0.25)) == 0.25
