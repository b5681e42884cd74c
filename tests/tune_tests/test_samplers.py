import math
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from data.errors import InputError
from model.hparams import HParams
from tune.attributes import epoch_key
from tune.hyperopt_sampler import _expression, _point, _value
from tune.informed import Informed
from tune.objective import Objective
from tune.podium import Podium
from tune.record import Proposal, Record
from tune.samplers import make_sampler
from tune.space import Space
from tune.study import create_study, open_study
from tune.written_space import parse_space

SAMPLERS = ["tpe", "random", "gp", "cmaes", "qmc", "hyperopt"]
MIXED = parse_space(
    {
        "lstm_size": {"int": [10, 58], "step": 16},
        "embedding_size": {"int": [16, 128], "log": True},
        "dense_layers": {"int": [0, 2]},
        "dense_size": {"choice": [64, 16], "when": {"dense_layers": "> 0"}},
        "learning_rate": {"float": [1e-4, 1e-2], "log": True},
        "lstm_dropout": {"float": [0.1, 0.4], "step": 0.1},
        "top_k": {"float": [0.5, 1.0]},
        "top_k_schedule": {"choice": ["constant", "warmup"], "when": {"top_k": "< 0.75"}},
        "bidirectional": {"choice": [False, True]},
        "max_length": {"int": [9, 9]},
        "batch_size": 32,
    }
)
DROPOUTS = ("embedding_dropout", "lstm_dropout", "dense_dropout")
PLAIN = parse_space({name: {"float": [0.0, 1 - 1e-9]} for name in DROPOUTS} | {"pooling": {"choice": ["last", "max", "mean"]}})
RANDOM_DISTANCE = 3 * 0.29
"""The mean of `distance_of` over random draws from PLAIN: from .3 a number in [0, 1) is .3 * .15 + .7 * .35 away."""


def needs_torch(sampler: str) -> None:
    if sampler == "gp":
        pytest.importorskip("torch", reason="NOT TESTED: the sampler gp; PyTorch is not installed (pip install torch)")


def open_record(folder: Path, sampler: str, space: Space, seed: int = 0) -> Record:
    needs_torch(sampler)
    if not folder.exists():
        folder.mkdir()
        create_study(folder, "s")
    trials = len(open_study(folder).trials)
    return Record(open_study(folder, make_sampler(sampler, seed, trials, space)), space, None, Podium(2))


def distance_of(hparams: HParams) -> float:
    return sum(abs(getattr(hparams, name) - 0.3) for name in DROPOUTS)


def loss_of(hparams: HParams) -> float:
    return distance_of(hparams) + 0.3 * (hparams.pooling != "max")


def run(record: Record, count: int, together: int = 1) -> list[HParams]:
    """Runs trials, so many at a time, which do not end in their order."""
    proposed, running = [], []
    for _ in range(count):
        proposal = record.propose()
        assert proposal
        proposed.append(proposal.hparams)
        running.append(proposal)
        if len(running) == together:
            finish(record, running.pop(proposal.number % together))
    for proposal in running:
        finish(record, proposal)
    return proposed


def finish(record: Record, proposal: Proposal) -> None:
    """Ends a trial as a scheduler has it: the best third of those so far complete, the rest are pruned; some fail."""
    loss = loss_of(proposal.hparams)
    for epoch, value in ((1, loss), (2, loss + 0.1)):
        figures = {"train_loss": 1.0, "accuracy": 0.5, "macro_f1": 0.4, "seconds": 1.0, "tokens": 9, "at": 1.7e9}
        record.report(proposal.number, figures | {"epoch": epoch, "loss": value})
    reported = [trial for trial in record.study.get_trials(deepcopy=False) if trial.intermediate_values]
    losses = sorted(trial.intermediate_values[1] for trial in reported)
    good = TrialState.COMPLETE if loss <= losses[len(losses) // 3] else TrialState.PRUNED
    record.end(proposal.number, TrialState.FAIL if proposal.number % 7 == 6 else good, "why")


@pytest.mark.parametrize("sampler", ["cmaes", "gp"])
def test_where_some_hyperparameters_have_conditions_the_rest_is_still_proposed_together(tmp_path: Path, sampler: str) -> None:
    space = parse_space(
        {
            "lstm_size": {"int": [8, 64]},
            "dense_layers": {"int": [0, 8]},
            "dense_size": {"int": [8, 64], "when": {"dense_layers": "> 0"}},
            "learning_rate": {"float": [1e-4, 1e-2], "log": True},
        }
    )
    for seed in range(3):
        record = open_record(tmp_path / str(seed), sampler, space, seed)
        learner, drawn = record.study.sampler, list[set[str]]()
        proposed = learner.sample_relative

        def spy(*told: Any, proposed: Any = proposed, drawn: list[set[str]] = drawn) -> dict[str, Any]:
            drawn.append(set(together := proposed(*told)))
            return dict(together)

        learner.sample_relative = spy  # type: ignore[method-assign]
        run(record, 40 if sampler == "cmaes" else 16)
        assert {name for names in drawn for name in names} == {"lstm_size", "dense_layers", "learning_rate"}
        assert all(drawn[-3:]), "it has not given up"


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_and_the_same_results_give_the_same_proposals_and_another_seed_others(
    tmp_path: Path, sampler: str, together: int
) -> None:
    drawn = [
        run(open_record(tmp_path / str(index), sampler, MIXED, seed), 14, together) for index, seed in enumerate((0, 0, 1))
    ]
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_proposed_lies_in_the_space_and_stands_in_the_study_as_it_was_drawn(tmp_path: Path, sampler: str) -> None:
    record = open_record(tmp_path / "s", sampler, MIXED)
    proposed = run(record, 25)
    for hparams, trial in zip(proposed, record.study.trials, strict=True):
        assert MIXED.place(hparams) == trial.params
        assert type(hparams.lstm_size) is int
        assert type(hparams.bidirectional) is bool
    assert len(set(proposed)) == 25


@pytest.mark.parametrize(
    ("before", "sampler", "trials"), [("qmc", "tpe", 30), ("qmc", "hyperopt", 30), ("qmc", "gp", 30), ("cmaes", "cmaes", 80)]
)
def test_a_search_moved_and_extended_goes_on_by_what_it_has_seen(
    tmp_path: Path, before: str, sampler: str, trials: int
) -> None:
    run(open_record(tmp_path / "before", before, PLAIN), trials)
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    shutil.rmtree(tmp_path / "before")
    proposed = run(open_record(tmp_path / "after", sampler, PLAIN), 8)
    assert sum(map(distance_of, proposed)) / 8 < RANDOM_DISTANCE / 2


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_goes_on_proposes_nothing_twice(tmp_path: Path, sampler: str) -> None:
    before = run(open_record(tmp_path / "s", sampler, MIXED), 4)
    assert not set(before) & set(run(open_record(tmp_path / "s", sampler, MIXED), 4))


@pytest.mark.parametrize("sampler", ["hyperopt", "qmc"])
def test_what_hyperopt_and_qmc_propose_does_not_depend_on_where_a_search_was_cut(tmp_path: Path, sampler: str) -> None:
    whole = run(open_record(tmp_path / "whole", sampler, PLAIN), 16)
    parts = [run(open_record(tmp_path / "parts", sampler, PLAIN), count) for count in (3, 9, 4)]
    assert [*parts[0], *parts[1], *parts[2]] == whole


def test_hyperopt_is_told_every_trial_that_did_not_fail_and_of_each_what_exists_in_it(tmp_path: Path) -> None:
    record = open_record(tmp_path / "s", "hyperopt", MIXED)
    run(record, 15)
    running = record.propose()
    assert running
    record.propose()
    assert isinstance(record.study.sampler, Informed)
    told = record.study.sampler._sampler._search._hpopt_trials.trials[:-1]  # the last is the proposal
    trials = [trial for trial in record.study.trials[:-1] if trial.state is not TrialState.FAIL]
    assert len(told) == len(trials) == 14
    for document, trial in zip(told, trials, strict=True):
        losses = trial.intermediate_values.values()
        assert document["result"].get("loss") == (min(losses) if losses else None)
        shown = {name: values[0] for name, values in document["misc"]["vals"].items() if values}
        assert {name: _value(trial.distributions[name], point) for name, point in shown.items()} | {
            "max_length": 9
        } == trial.params
    assert trials[-1].number == running.number


def test_hyperopt_proposes_for_more_is_better_what_it_proposes_for_less_is_better(tmp_path: Path) -> None:
    drawn = []
    for metric, sign in (("loss", 1), ("accuracy", -1)):
        (tmp_path / metric).mkdir()
        create_study(tmp_path / metric, "s", Objective(metric))
        study = open_study(tmp_path / metric, make_sampler("hyperopt", 0, 0, PLAIN))
        for _ in range(14):
            trial = study.ask()
            study.tell(trial, sign * loss_of(PLAIN.suggest(trial)))
        drawn.append([trial.params for trial in study.trials])
    assert drawn[0] == drawn[1]


def test_tpe_proposes_again_what_the_best_trials_of_all_have_though_a_scheduler_stopped_them(tmp_path: Path) -> None:
    """TPE itself ranks a pruned trial, whatever it reported, behind the worst completed one."""
    create_study(tmp_path, "s")
    study = open_study(tmp_path, make_sampler("tpe", 0, 0, PLAIN))
    for number in range(40):
        best = number % 8 == 0
        params = dict.fromkeys(DROPOUTS, 0.3 + number / 400) | {"pooling": "max" if best else "mean"}
        trial = optuna.trial.create_trial(
            state=TrialState.PRUNED if best else TrialState.COMPLETE,
            params=params,
            distributions=PLAIN.distributions,
            value=0.9 if best else 0.5,
            intermediate_values={6: 0.1, 9: 0.9} if best else {6: 0.5},
        )
        study.add_trial(trial)
    assert [PLAIN.suggest(study.ask()).pooling for _ in range(4)] == ["max"] * 4


numbers = st.integers(1, 999)


@st.composite
def distributions(draw: st.DrawFn) -> BaseDistribution:
    low, extent, step = draw(numbers), draw(numbers), draw(st.integers(1, 9))
    kinds = [
        IntDistribution(low, low + extent, log=True),
        IntDistribution(low, low + extent * step, step=step),
        FloatDistribution(low / 7, (low + extent) / 7),
        FloatDistribution(low / 1e6, (low + extent) / 7, log=True),
        FloatDistribution(low / 8, (low + extent * step) / 8, step=step / 8),
        CategoricalDistribution(["last", 4, 0.5, False, None][: draw(st.integers(2, 5))]),
    ]
    return draw(st.sampled_from(kinds))


@given(distributions(), st.integers(0, 2**31 - 1))
def test_what_hyperopt_draws_is_a_value_of_ours_and_is_told_back_as_it_was(distribution: BaseDistribution, seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    value = study.ask({"x": distribution}).params["x"]
    again = _value(distribution, _point(distribution, value))
    assert (type(again), again) == (type(value), value)


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(10, 58, step=16),
        IntDistribution(1, 4),
        FloatDistribution(0.1, 0.4, step=0.1),
        CategoricalDistribution(["a", "b", "c", "d"]),
    ],
    ids=str,
)
def test_hyperopt_draws_each_of_so_many_values_as_often(distribution: BaseDistribution) -> None:
    from hyperopt.pyll.stochastic import sample

    random = np.random.default_rng(0)
    expression = _expression("x", distribution)
    values = [_value(distribution, sample(expression, random)) for _ in range(800)]
    assert all(distribution._contains(distribution.to_internal_repr(value)) for value in values)
    assert {value: abs(values.count(value) - 200) < 50 for value in values} == dict.fromkeys(values, True)
    assert len(set(values)) == 4


def test_a_trial_that_had_no_time_for_a_whole_epoch_is_no_lesson(tmp_path: Path) -> None:
    create_study(tmp_path, "s")
    seen: list[tuple[int, TrialState]] = []

    class Looking(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
            seen[:] = [(trial.number, trial.state) for trial in study.get_trials(deepcopy=False)]
            return {}

    study = open_study(tmp_path, Informed(Looking(seed=0)))
    for values, part in (([], 1), ([0.2], 0.25), ([0.3], 1)):
        trial = study.ask()
        PLAIN.suggest(trial)
        for step, value in enumerate(values):
            trial.set_user_attr(epoch_key(step), {"part": part})
            trial.report(value, step)
        study.tell(trial, None, TrialState.PRUNED)
    PLAIN.suggest(study.ask())
    assert seen == [(2, TrialState.COMPLETE), (3, TrialState.RUNNING)]


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize(("metric", "best", "worst"), [("loss", 0.1, 0.5), ("accuracy", 0.3, 0.3)])
def test_pruned_trials_are_shown_with_their_best_value_failed_ones_with_the_worst_of_all_and_stay_what_they_are(
    tmp_path: Path, metric: Any, best: float, worst: float, failed: bool
) -> None:
    create_study(tmp_path, "s", Objective(metric))
    seen: list[tuple[TrialState, float | None]] = []

    class Looking(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
            seen[:] = [(trial.state, trial.value) for trial in study.get_trials(deepcopy=False)]
            return {}

    study = open_study(tmp_path, Informed(Looking(seed=0), failed=failed))
    pruned, fail, complete = TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE
    for state, values in ((pruned, [0.3, 0.1, math.nan]), (pruned, [math.nan]), (fail, [0.05, math.nan]), (complete, [0.5])):
        trial = study.ask()
        PLAIN.suggest(trial)
        for step, value in enumerate(values):
            trial.report(value, step)
        study.tell(trial, values[0] if state is complete else None, state)
    PLAIN.suggest(study.ask())
    assert seen[0] == (complete, best)
    assert seen[1][0] is pruned
    assert seen[2] == (complete, worst) if failed else seen[2][0] is fail
    assert seen[3:] == [(complete, 0.5), (TrialState.RUNNING, None)]
    assert [trial.state for trial in study.trials[:4]] == [pruned, pruned, fail, complete]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "qmc", "random"])
def test_of_several_metrics_samplers_learn_from_pruned_trials_too(tmp_path: Path, sampler: str) -> None:
    needs_torch(sampler)
    create_study(tmp_path, "s", Objective("macro_f1", ("size",)))
    study = open_study(tmp_path, make_sampler(sampler, 0, 0, PLAIN))
    record = Record(study, PLAIN, None, Podium(2), size_of=lambda hparams: int(1e6 * distance_of(hparams)))
    proposed = []
    for number in range(28):
        proposal = record.propose()
        assert proposal
        proposed.append(proposal.hparams)
        figures: dict[str, Any] = {"train_loss": 1.0, "loss": 1.0, "accuracy": 0.5, "seconds": 1.0, "tokens": 9, "at": 1.7e9}
        figures |= {"epoch": 1, "macro_f1": 1 - loss_of(proposal.hparams) / 4, "size": proposal.size}
        record.report(proposal.number, figures)
        record.end(proposal.number, TrialState.FAIL if number % 7 == 6 else TrialState.PRUNED, "why")
    assert len(set(proposed)) == 28
    if sampler in {"tpe", "gp"}:
        assert sum(map(distance_of, proposed[20:])) / 8 < 0.75 * RANDOM_DISTANCE


def test_gp_does_not_try_again_what_failed(tmp_path: Path) -> None:
    record = open_record(tmp_path / "s", "gp", PLAIN)
    run(record, 13)
    drawn = []
    for _ in range(3):
        proposal = record.propose()
        assert proposal
        drawn.append(tuple(round(getattr(proposal.hparams, name), 2) for name in DROPOUTS))
        record.end(proposal.number, TrialState.FAIL, "nan")
    assert len(set(drawn)) == 3


@pytest.mark.parametrize(("sampler", "package"), [("gp", "torch"), ("hyperopt", "hyperopt")])
def test_what_a_sampler_needs_is_asked_for_by_name(sampler: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"--sampler {sampler} needs .*: .* pip install {package}$"):
        make_sampler(sampler, 0)


def test_there_is_no_other_sampler() -> None:
    with pytest.raises(ValueError, match="no sampler 'best'"):
        make_sampler("best", 0)
