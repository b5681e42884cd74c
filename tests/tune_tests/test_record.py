import math
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from data.clock import now
from model.hparams import HParams
from tune.attributes import epoch_key
from tune.ending import ending_of
from tune.folder import SearchFolder
from tune.objective import Objective
from tune.outcome import best_trial, counts, front_trials, leaderboard, podium, read_trials, useful_share
from tune.podium import Podium
from tune.record import Record
from tune.samplers import make_sampler
from tune.searcher import ENDED, SearchStopper, StudyCallback
from tune.study import create_study, open_study, repair_journal
from tune.study_address import JOURNAL
from tune.tuning import passed
from tune.written_space import parse_space

SPACE = parse_space({"lstm_size": {"int": [4, 64]}, "pooling": {"choice": ["last", "max"]}})


def epoch(number: int, loss: float) -> dict[str, Any]:
    return {
        "epoch": number,
        "train_loss": 2 * loss,
        "loss": loss,
        "accuracy": 0.5,
        "macro_f1": 0.4,
        "seconds": 1.5,
        "tokens": 9,
        "at": 1.7e9 + number,
    }


def record_in(folder: Path, limit: int | None = None, sampler: str = "random") -> Record:
    if not (folder / JOURNAL).exists():
        create_study(folder, "s")
    study = open_study(folder, make_sampler(sampler, 0))
    return Record(study, SPACE, limit, podium(read_trials(study), keep=2))


def run(record: Record, losses: list[float], state: TrialState | None, reason: str = "why") -> int:
    proposal = record.propose()
    assert proposal
    for index, loss in enumerate(losses, start=1):
        record.report(proposal[0], epoch(index, loss))
    if state is not None:
        record.end(proposal[0], state, reason)
    return proposal[0]


def test_the_study_is_told_every_value_and_every_end(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    run(record, [3, 1, 2], TrialState.COMPLETE)
    run(record, [4, 3.5], TrialState.PRUNED)
    run(record, [5, math.nan], TrialState.FAIL)
    run(record, [], TrialState.FAIL)
    run(record, [2.5], None)
    complete, pruned, failed, crashed, running = open_study(tmp_path).trials
    assert (complete.state, complete.value, complete.intermediate_values) == (TrialState.COMPLETE, 1, {1: 3, 2: 1, 3: 2})
    assert (pruned.state, pruned.intermediate_values) == (TrialState.PRUNED, {1: 4, 2: 3.5})
    assert failed.state is TrialState.FAIL
    assert math.isnan(failed.intermediate_values[2])
    assert (crashed.state, crashed.intermediate_values) == (TrialState.FAIL, {})
    assert running.state is TrialState.RUNNING
    assert [trial.state for trial in read_trials(record.study)] == ["complete", "pruned", "failed", "failed", "running"]


def test_an_end_told_twice_counts_once(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    number = run(record, [1], TrialState.PRUNED, "first")
    record.end(number, TrialState.FAIL, "second")
    (trial,) = read_trials(record.study)
    assert (trial.state, trial.reason) == ("pruned", "first")


def test_a_curve_that_peaks_in_the_middle_yields_the_middle_epoch(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    run(record, [3, 1, 2], TrialState.COMPLETE)
    run(record, [0.5, math.nan], TrialState.FAIL)
    run(record, [2, 1.5], TrialState.PRUNED)
    trials = read_trials(record.study)
    best = best_trial(trials)
    assert best
    assert (best.number, best.best_epoch, best.cost) == (0, 2, 1)
    assert [trial.number for trial in leaderboard(trials)] == [0, 2, 1], "what failed comes last"
    assert counts(trials) == {"complete": 1, "pruned": 1, "failed": 1, "running": 0}
    assert useful_share(trials, workers=2, wall_seconds=21) == pytest.approx(7 * 1.5 / 42)


def test_the_best_may_be_one_that_was_stopped_and_there_may_be_none(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    assert best_trial(read_trials(record.study)) is None
    run(record, [math.nan], TrialState.FAIL)
    assert best_trial(read_trials(record.study)) is None
    run(record, [2], TrialState.COMPLETE)
    run(record, [1], TrialState.PRUNED)
    best = best_trial(read_trials(record.study))
    assert best
    assert best.number == 2


def test_weights_are_kept_of_what_runs_and_of_the_best(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    for losses, state in (
        ([3], TrialState.COMPLETE),
        ([1], TrialState.PRUNED),
        ([0.1], TrialState.FAIL),
        ([2], TrialState.PRUNED),
    ):
        run(record, losses, state)
    run(record, [9], None)
    assert sorted(record.podium.fallen) == [0, 2]
    assert sorted(podium(read_trials(record.study), keep=2).fallen) == [0, 2], "a search resumed sees it so too"


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, math.inf])), st.integers(1, 4))
def test_the_podium_holds_the_top_of_the_leaderboard_and_its_bar_only_falls(losses: list[float], size: int) -> None:
    best, bars = Podium(size), [math.inf]
    for number, loss in enumerate(losses):
        best.add(number, loss)
        bars.append(best.bar)
    ranked = sorted((loss, number) for number, loss in enumerate(losses) if math.isfinite(loss))
    assert sorted(best.fallen) == sorted(set(range(len(losses))) - {number for _, number in ranked[:size]})
    assert bars == sorted(bars, reverse=True)
    assert best.bar == (ranked[size - 1][0] if len(ranked) >= size else math.inf)


def test_there_are_never_more_trials_than_asked_for(tmp_path: Path) -> None:
    record = record_in(tmp_path, limit=2)
    run(record, [1], TrialState.COMPLETE)
    run(record, [1], TrialState.COMPLETE)
    assert record.propose() is None
    assert record_in(tmp_path, limit=2).propose() is None
    assert record_in(tmp_path, limit=3).propose() is not None


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_trial_left_running_is_done_again_under_its_number_and_reported_once(tmp_path: Path, sampler: str) -> None:
    killed = record_in(tmp_path, limit=3, sampler=sampler)
    run(killed, [1], TrialState.COMPLETE)
    proposal = killed.propose()
    assert proposal
    for number, loss in ((1, 2.0), (2, 1.8)):
        killed.report(proposal[0], epoch(number, loss))
    resumed = record_in(tmp_path, limit=3, sampler=sampler)
    assert resumed.propose() == proposal._replace(reported=1.8, epochs=2), "weights of a better epoch are there already"
    for number, loss in ((1, 2.0), (2, 1.8), (3, 1.7)):
        resumed.report(proposal[0], epoch(number, loss))
    resumed.end(proposal[0], TrialState.COMPLETE, "done")
    run(resumed, [4], TrialState.COMPLETE)
    assert resumed.propose() is None
    trials = read_trials(resumed.study)
    assert [(trial.number, len(trial.epochs), trial.cost) for trial in trials] == [(0, 1, 1), (1, 3, 1.7), (2, 1, 4)]


def test_a_trial_that_is_run_again_knows_the_best_that_it_has_ever_reported(tmp_path: Path) -> None:
    killed = record_in(tmp_path)
    proposal = killed.propose()
    assert proposal
    killed.report(proposal.number, epoch(1, 1.8))
    resumed = record_in(tmp_path)
    again = resumed.propose()
    assert again
    config = {"number": again.number, "reported": again.reported, "epochs": again.epochs}
    callback, trial = StudyCallback(resumed, {}), SimpleNamespace(config=config, error_file=None)
    callback.on_trial_recover(0, [], trial)  # its process ended before it reported anything
    assert trial.config["reported"] == 1.8
    resumed.report(again.number, epoch(1, 1.8))
    resumed.report(again.number, epoch(2, 1.5))
    callback.on_trial_recover(0, [], trial)
    assert (trial.config["reported"], trial.config["epochs"]) == (1.5, 2)


def test_what_a_trial_reported_before_the_search_was_killed_counts_although_it_comes_less_far_again(tmp_path: Path) -> None:
    killed = record_in(tmp_path)
    for loss in (1.0, 0.9):
        run(killed, [loss], TrialState.COMPLETE)
    proposal = killed.propose()
    assert proposal
    for number, loss in ((1, 2.0), (2, 0.5)):
        killed.report(proposal.number, epoch(number, loss))
    resumed = record_in(tmp_path)
    assert resumed.propose()
    resumed.report(proposal.number, epoch(1, 2.0))
    resumed.end(proposal.number, TrialState.PRUNED, "time limit")
    best = best_trial(read_trials(resumed.study))
    assert best
    assert (best.number, best.best_epoch, best.cost) == (proposal.number, 2, 0.5)
    assert resumed.podium.fallen == [0], "the weights of the best are kept"


def test_an_epoch_whose_value_was_not_written_any_more_gets_it_when_the_search_is_resumed(tmp_path: Path) -> None:
    killed = record_in(tmp_path)
    proposal = killed.propose()
    assert proposal
    killed.report(proposal.number, epoch(1, 2.0))
    killed._live[proposal.number].set_user_attr(epoch_key(2), epoch(2, 1.0))
    resumed = record_in(tmp_path)
    assert resumed.propose() == proposal._replace(reported=1.0, epochs=2)
    (trial,), (told,) = read_trials(resumed.study), resumed.study.trials
    assert [figures["loss"] for figures in trial.epochs] == list(told.intermediate_values.values()) == [2.0, 1.0]


@pytest.mark.parametrize("valued", [True, False])
def test_a_trial_whose_epoch_was_cut_short_is_not_run_again(tmp_path: Path, valued: bool) -> None:
    killed = record_in(tmp_path)
    assert killed.propose()
    killed.report(0, epoch(1, 2.0) | {"part": 1.0})
    if valued:
        killed.report(0, epoch(2, 1.0) | {"part": 0.25})
    else:
        killed._live[0].set_user_attr(epoch_key(2), epoch(2, 1.0) | {"part": 0.25})
    resumed = record_in(tmp_path, limit=2)
    proposal = resumed.propose()
    assert proposal
    assert proposal.number == 1
    first = read_trials(resumed.study)[0]
    assert (first.state, first.reason) == ("pruned", "time limit: cut short in epoch 2")
    assert (first.best_epoch, first.passes) == (2, 1.25)


def test_once_closed_it_proposes_no_more(tmp_path: Path) -> None:
    run(record_in(tmp_path), [3.0], None)
    record = record_in(tmp_path)
    record.closed = True
    assert record.propose() is None
    record.end_orphans("time limit: before it began")
    assert [trial.state for trial in read_trials(record.study)] == ["pruned"]


def test_trials_that_are_not_heard_of_again_end_as_they_stand(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    run(record, [], None)
    run(record, [3.0, 2.0], None)
    run(record, [1.0], TrialState.COMPLETE, "done")
    record.end_live("time limit")
    assert record.running == set()
    ends = [(trial.state, trial.reason, trial.best_epoch) for trial in read_trials(record.study)]
    assert ends == [("pruned", "time limit", None), ("pruned", "time limit", 2), ("complete", "done", 1)]


def test_a_trial_is_spared_for_a_while_after_its_end(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    run(record, [3.0], None)
    run(record, [1.0], TrialState.COMPLETE, "done")
    assert record.unfinished(60.0) == {0, 1}
    assert record.unfinished(0.0) == {0}


def never() -> bool:
    return False


def test_when_the_trials_time_becomes_shorter_they_end_with_the_epoch_that_they_are_in() -> None:
    end = [math.inf]
    over = passed(lambda: end[0])
    stopper = SearchStopper(threading.Event(), over, math.inf)
    first, own = ({"epoch": 3, ENDED: reason} for reason in ("", "no better since epoch 1"))
    assert not stopper("", first)
    end[0] = now() - 1
    assert stopper("", first)
    assert ending_of(first[ENDED]) == "stopped"
    assert not stopper("", own)  # it has ended of itself, and said why
    assert own[ENDED] == "no better since epoch 1"
    end[0] = math.inf
    assert over()  # else workers would be idle whose trials were stopped already
    assert not stopper.stop_all()


def test_a_search_is_stopped_by_its_user_and_at_its_time() -> None:
    user = threading.Event()
    assert not SearchStopper(user, never, math.inf).stop_all()
    assert SearchStopper(user, never, now() - 1).stop_all()
    user.set()
    assert SearchStopper(user, never, math.inf).stop_all()


def test_trials_that_there_is_no_time_to_run_again_end_as_they_stand(tmp_path: Path) -> None:
    killed = record_in(tmp_path)
    first, second = killed.propose(), killed.propose()
    assert first
    assert second
    killed.report(second.number, epoch(1, 2.0))
    resumed = record_in(tmp_path)
    resumed.end_orphans("time limit")
    assert resumed.running == set()
    trials = read_trials(resumed.study)
    assert [(trial.state, trial.reason, trial.best_epoch) for trial in trials] == [
        ("pruned", "time limit", None),
        ("pruned", "time limit", 1),
    ]
    best = best_trial(trials)
    assert best
    assert best.number == second.number


def test_readers_write_nothing(tmp_path: Path) -> None:
    run(record_in(tmp_path), [1], None)
    before = (tmp_path / JOURNAL).read_bytes()
    read_trials(open_study(tmp_path))
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_a_torn_last_line_of_the_journal_costs_that_line_alone(tmp_path: Path) -> None:
    run(record_in(tmp_path), [1, 2], TrialState.COMPLETE)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code": 6, "worker_id')
    assert [trial.cost for trial in read_trials(open_study(tmp_path))] == [1], "readers pass over it"
    repair_journal(tmp_path)
    record = record_in(tmp_path)
    run(record, [3], TrialState.COMPLETE)
    assert [trial.cost for trial in read_trials(open_study(tmp_path))] == [1, 3]


def test_a_killed_driver_holds_the_journal_no_longer_also_where_the_folder_was_moved(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path / "moved")
    folder.path.mkdir()
    create_study(folder.path, "s")
    half_done = ["study.journal.lock", ".search.json.tmp", "weights/.00003.npz.411", "classifiers/.00003-x2/classifier.json"]
    (folder.path / half_done[0]).symlink_to(tmp_path / "before" / JOURNAL)
    for name in half_done[1:]:
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).touch()
    kept = [folder.path / "weights/00003.npz", folder.path / "classifiers/00003"]
    kept[0].touch()
    kept[1].mkdir()
    folder.repair()
    assert {path for path in folder.path.rglob("*") if not path.is_dir()} == {folder.path / JOURNAL, kept[0]}
    assert list((folder.path / "classifiers").iterdir()) == [kept[1]]
    run(record_in(folder.path), [1], TrialState.COMPLETE)  # waits for no lock


def test_the_portfolio_comes_first_and_once_and_what_lies_outside_the_space_is_passed_over(tmp_path: Path) -> None:
    create_study(tmp_path, "s")
    first = [HParams(lstm_size=size) for size in (8, 65, 16)]
    for _ in range(2):  # the second is the search resumed
        study = open_study(tmp_path, make_sampler("random", 0))
        record = Record(study, SPACE, None, Podium(2), first)
        for _ in range(2):
            run(record, [1], TrialState.COMPLETE)
    assert [trial.hparams["lstm_size"] for trial in read_trials(study)][:2] == [8, 16]
    assert len(study.trials) == 4
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(1, 50)), min_size=1, max_size=12), st.integers(0, 120))
def test_what_is_kept_fits_the_budget_but_for_the_best(trials: list[tuple[float, int]], budget: int) -> None:
    best = Podium(5)
    for number, (loss, _) in enumerate(trials):
        best.add(number, loss)
        best.fit(budget, lambda number: trials[number][1])
    ranked = sorted((loss, number) for number, (loss, _) in enumerate(trials))
    kept = [number for _, number in ranked if number not in best.fallen]
    assert ranked[0][1] == kept[0]
    taken = sum(trials[number][1] for number in kept)
    assert len(kept) == 1 or taken <= budget
    assert len(kept) <= 5
    room = len(kept) < 5 and budget - taken >= min(trials[number][1] for number in kept)
    assert best.bar == (math.inf if room else trials[kept[-1]][0])


def test_one_large_trial_does_not_cost_all_others_their_places_in_a_budget() -> None:
    sizes = [5, 98, 5, 5, 5]
    best = Podium(10)
    for number in range(len(sizes)):
        best.add(number, float(number))
    best.fit(100, sizes.__getitem__)
    assert best.fallen == [1]
    best.add(5, 5.0)
    best.fit(100, lambda _: 5)
    assert best.fallen == [1], "there is room for it still"


def test_a_study_in_a_database_is_told_the_same_as_one_in_a_journal(tmp_path: Path) -> None:
    told = []
    for address in (None, "sqlite", f"sqlite:///{tmp_path}/elsewhere.db"):
        folder = tmp_path / str(len(told))
        folder.mkdir()
        create_study(folder, "s", address=address)
        record = Record(open_study(folder, make_sampler("tpe", 0), address, "s"), SPACE, None, Podium(2))
        run(record, [3, 1, 2], TrialState.COMPLETE)
        run(record, [5, math.nan], TrialState.FAIL)
        told.append([trial.to_dict() for trial in read_trials(open_study(folder, address=address, name="s"))])
    assert told[0] == told[1] == told[2]
    assert (tmp_path / "1/study.db").exists()


SEVERAL = Objective("macro_f1", ("size", "latency"))


def several_in(folder: Path, sampler: str = "tpe") -> Record:
    """A record of a study that weighs macro-F1 against a size of 100 bytes a unit, and latency."""
    if not (folder / JOURNAL).exists():
        create_study(folder, "s", SEVERAL)
    study = open_study(folder, make_sampler(sampler, 0))
    best = podium(read_trials(study), keep=2)
    return Record(study, SPACE, None, best, size_of=lambda hparams: 100 * hparams.lstm_size)


def run_several(record: Record, values: list[float], latency: float, state: TrialState | None) -> int:
    proposal = record.propose()
    assert proposal
    for index, value in enumerate(values, start=1):
        costs = {"size": proposal.size, "latency": latency + index - 1}
        record.report(proposal.number, epoch(index, 1 - value) | {"macro_f1": value} | costs)
    if state is not None:
        record.end(proposal.number, state, "why")
    return proposal.number


def test_a_study_of_several_metrics_is_told_every_value_and_what_each_trial_costs(tmp_path: Path) -> None:
    record = several_in(tmp_path)
    run_several(record, [0.3, 0.9, 0.8], 2.0, TrialState.COMPLETE)
    run_several(record, [0.4, 0.5], 1.0, TrialState.PRUNED)
    run_several(record, [0.5, math.nan], 1.0, TrialState.FAIL)
    run_several(record, [], 1.0, TrialState.FAIL)
    study = open_study(tmp_path)
    assert study.metric_names == ["macro_f1", "size", "latency"]
    complete, pruned, failed, crashed = study.trials
    assert complete.values == [0.9, 100 * complete.params["lstm_size"], 2.0], "the best epoch's, and the costs as first known"
    assert complete.intermediate_values == {1: 0.3, 2: 0.9, 3: 0.8}
    assert (pruned.state, pruned.values, pruned.intermediate_values) == (TrialState.PRUNED, None, {1: 0.4, 2: 0.5})
    assert [trial.state for trial in (failed, crashed)] == [TrialState.FAIL] * 2
    outcomes = read_trials(study)
    assert [outcome.costs for outcome in outcomes[:2]] == [
        {"size": 100 * trial.params["lstm_size"], "latency": latency} for trial, latency in ((complete, 2.0), (pruned, 1.0))
    ]
    assert outcomes[3].costs == {}
    best = best_trial(outcomes)
    assert best
    assert (best.number, best.best_epoch) == (0, 2)


@settings(max_examples=12)
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=6))
def test_the_front_begins_with_the_best_and_where_all_complete_is_the_one_that_optuna_has(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[float, float]]
) -> None:
    record = several_in(tmp_path_factory.mktemp("front"), "random")
    for value, latency in drawn:
        run_several(record, [value], latency, TrialState.COMPLETE)
    trials = read_trials(record.study)
    front = front_trials(trials)
    assert front[0] is best_trial(trials)
    points = {tuple(trial.values) for trial in record.study.best_trials}
    assert {(trial.epochs[0]["macro_f1"], trial.costs["size"], trial.costs["latency"]) for trial in front} == points


def test_a_trial_of_several_metrics_that_is_run_again_keeps_its_costs(tmp_path: Path) -> None:
    killed = several_in(tmp_path)
    number = run_several(killed, [0.5], 2.0, None)
    resumed = several_in(tmp_path)
    again = resumed.propose()
    assert again
    assert (again.number, again.reported, again.epochs) == (number, -0.5, 1)
    for index, value in ((1, 0.5), (2, 0.7)):
        resumed.report(number, epoch(index, 1 - value) | {"macro_f1": value, "size": again.size, "latency": 9.0})
    resumed.end(number, TrialState.COMPLETE, "done")
    (trial,) = resumed.study.trials
    assert trial.values == [0.7, 100 * trial.params["lstm_size"], 2.0]
