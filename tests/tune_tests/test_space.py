from contextlib import suppress
from dataclasses import fields
from typing import Any

import optuna
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from model.hparams import HParams
from model.presets import PORTFOLIOS, SPACES
from tune.written_space import parse_space


def draw(written: dict[str, Any], count: int = 60) -> list[tuple[dict[str, Any], HParams]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space, drawn = parse_space(written), []
    for _ in range(count):
        trial = study.ask()
        hparams = space.suggest(trial)
        drawn.append((dict(trial.params), hparams))
    return drawn


@pytest.mark.parametrize("name", SPACES)
def test_the_keys_of_a_preset_are_fields_of_hparams_and_all_it_draws_is_valid(name: str) -> None:
    assert set(SPACES[name]) <= {field.name for field in fields(HParams)}
    for params, hparams in draw(SPACES[name]):
        assert {key: getattr(hparams, key) for key in params} == params
        assert ("dense_size" in params) == (hparams.dense_layers > 0), "dense_size exists only where there are dense layers"


def test_the_question_preset_is_the_questions_space() -> None:
    drawn = [hparams for _, hparams in draw(SPACES["question"], 400)]
    for name, low, high in (("lstm_layers", 1, 4), ("lstm_size", 8, 64), ("dense_layers", 0, 8), ("dense_size", 8, 64)):
        values = {getattr(hparams, name) for hparams in drawn}
        assert (min(values), max(values)) == (low, high)


@pytest.mark.parametrize(
    ("condition", "exists_at"),
    [("> 0", {1, 2, 3}), (">= 2", {2, 3}), ("<3", {0, 1, 2}), ("<= 1.5", {0, 1}), (2, {2}), ([0, 3], {0, 3})],
)
def test_conditions(condition: Any, exists_at: set[int]) -> None:
    written = {"dense_layers": {"int": [0, 3]}, "dense_size": {"int": [8, 9], "when": {"dense_layers": condition}}}
    found = {hparams.dense_layers for params, hparams in draw(written) if "dense_size" in params}
    assert found == exists_at


def test_a_dimension_is_drawn_after_those_that_its_conditions_name_wherever_it_is_written() -> None:
    written = {
        "dense_size": {"int": [8, 9], "when": {"dense_layers": "> 0"}},
        "pooling": {"choice": ["last", "max"], "when": {"wide": True}},
        "dense_layers": {"int": [0, 1]},
        "lstm_size": {"int": [4, 5]},
        "wide": {"choice": [False, True]},
    }
    assert [d.name for d in parse_space(written).dimensions] == ["dense_layers", "dense_size", "lstm_size", "wide", "pooling"]
    for params, hparams in draw(written):
        assert ("dense_size" in params, "pooling" in params) == (hparams.dense_layers > 0, hparams.wide)


def test_what_hangs_on_something_that_does_not_exist_does_not_exist() -> None:
    written = {
        "top_k": 1.0,
        "top_k_schedule": {"choice": ["warmup"], "when": {"top_k": "< 1"}},
        "top_k_epochs": {"int": [2, 4], "when": {"top_k_schedule": ["warmup"]}},
    }
    assert all(params == {} for params, _ in draw(written, 5))


def test_ranges_keep_their_ends_steps_and_kinds() -> None:
    written = {
        "lstm_size": {"int": [16, 64], "step": 16},
        "lstm_dropout": {"float": [0, 0.5], "step": 0.25},
        "learning_rate": {"float": [1e-4, 1e-2], "log": True},
        "max_length": {"choice": [10, 500, 20]},
    }
    drawn = [hparams for _, hparams in draw(written, 200)]
    assert {hparams.lstm_size for hparams in drawn} == {16, 32, 48, 64}
    assert {hparams.lstm_dropout for hparams in drawn} == {0.0, 0.25, 0.5}
    assert 0.3 < sum(hparams.learning_rate < 1e-3 for hparams in drawn) / 200 < 0.7
    assert parse_space(written).longest_text == 500
    assert parse_space({}).longest_text == HParams().max_length


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("lstm_sizes: 4", "space, lstm_sizes: There is no hyperparameter `lstm_sizes`"),
        ("lstm_size: {int: [0, 9]}", "space, lstm_size: `lstm_size` must be 1 or more, below 2^31, got 0"),
        ("lstm_size: {int: [9, 4]}", "The low end 9 lies above the high end 4"),
        ("lstm_size: {int: [4.5, 9]}", "int needs two numbers of its kind"),
        ("lstm_size: {int: [4]}", "int needs two numbers"),
        ("lstm_size: {int: [4, 9], float: [1, 2]}", "exactly one of int, float and choice"),
        ("lstm_size: {}", "exactly one of int, float and choice"),
        ("lstm_size: {int: [4, 9], logg: true}", "Unknown key 'logg'"),
        ("lstm_size: {int: [4, 9], log: 1}", "log must be true or false"),
        ("lstm_size: {int: [4, 9], step: 0}", "step must be above 0"),
        ("lstm_size: {int: [4, 9], log: true, step: 2}", "log and step exclude each other"),
        ("lstm_dropout: {float: [0, 0.5], log: true}", "log needs a low end above 0"),
        ("lstm_dropout: {float: [0, 1]}", "`lstm_dropout` must lie in [0, 1), got 1.0"),
        ("pooling: {choice: []}", "choice needs a list"),
        ("pooling: {choice: [last, sum]}", "`pooling` must be one of last, max, mean, attention, got 'sum'"),
        ("lstm_size: [4, 9]", "A list is no value; write {choice: [4, 9]}"),
        (
            "learning_rate: {float: [1e-4, 0.01]}",
            "'1e-4' is a text in YAML; a number has no quotes, and a point before its e: 1.0e-4",
        ),
        ("learning_rate: 1e-3", "'1e-3' is a text in YAML"),
        ("learning_rate: {choice: [0.01, 1e-3]}", "'1e-3' is a text in YAML"),
        ("learning_rate: {float: [.nan, 0.1]}", "float needs two numbers of its kind"),
        ("lstm_size: {int: [16, 100], step: 16}", "Steps of 16 do not lead from 16 to 100; the last that they reach is 96"),
        (
            "lstm_dropout: {float: [0, 0.5], step: 0.2}",
            "Steps of 0.2 do not lead from 0 to 0.5; the last that they reach is 0.4",
        ),
        (
            "dense_size: {int: [8, 9], when: {dense_layers: '> 0'}}",
            "`when` names 'dense_layers', which is not there; there are",
        ),
        (
            "{dense_layers: {int: [0, 1], when: {dense_size: 8}}, dense_size: {int: [8, 9], when: {dense_layers: 1}}}",
            "The conditions of dense_layers, dense_size wait for each other",
        ),
        (
            "{dense_layers: 1, dense_size: {int: [8, 9], when: {dense_layers: more}}}",
            "`when`: `dense_layers` must be of type int",
        ),
        (
            "{dense_size: 8, lstm_size: {int: [8, 9], when: {pooling: sum}}, pooling: max}",
            "must be one of last, max, mean, attention, got 'sum'",
        ),
        ("{dense_layers: 1, dense_size: {int: [8, 9], when: {dense_layers: '> x'}}}", "is no comparison such as '> 0'"),
        ("{dense_layers: 1, dense_size: {int: [8, 9], when: 3}}", "when needs conditions"),
        ("{dense_layers: 1, dense_size: {int: [8, 9], when: {dense_layers: '== 1'}}}", "is no comparison"),
        ("{dense_layers: 1, dense_size: {int: [8, 9], when: {dense_layers: '> 1e'}}}", "is no comparison"),
        ("{pooling: max, dense_size: {int: [8, 9], when: {pooling: '> 0'}}}", "is no comparison such as '> 0' with a number"),
    ],
)
def test_a_wrong_space_is_refused_by_the_dimensions_name(written: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_space(yaml.safe_load(written))
    assert str(caught.value).startswith("space, ")
    assert message in str(caught.value)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats(allow_nan=True) | st.sampled_from(["last", "> 0", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["int", "float", "choice", "log", "when"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["lstm_size", "pooling", "top_k", "dense_size", "x"]), json_like, max_size=3))
def test_whatever_is_written_is_a_space_or_one_clear_error(written: dict[str, Any]) -> None:
    with suppress(InputError):
        assert {dimension.name for dimension in parse_space(written).dimensions} == set(written)


@pytest.mark.parametrize("name", PORTFOLIOS)
def test_a_portfolio_lies_in_its_space_and_is_drawn_as_it_stands(name: str) -> None:
    space, study = parse_space(SPACES[name]), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for hparams in PORTFOLIOS[name]:
        study.enqueue_trial(space.place(hparams))
        assert space.suggest(study.ask()) == hparams


MANY_KINDS = {
    "lstm_size": {"int": [8, 64], "step": 8},
    "dense_layers": {"int": [0, 2]},
    "dense_size": {"int": [8, 64], "log": True, "when": {"dense_layers": "> 0"}},
    "lstm_dropout": {"float": [0.0, 0.3], "step": 0.1},
    "pooling": {"choice": ["last", "max"]},
    "max_length": {"choice": [800, 1600]},
    "batch_size": 32,
}


@given(st.integers(0, 10**6))
def test_what_a_space_draws_lies_in_it(seed: int) -> None:
    space, study = parse_space(MANY_KINDS), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    drawn = space.suggest(trial)
    assert space.place(drawn) == trial.params
    assert space.nearest(drawn) == drawn
    outside = HParams(lstm_size=12)
    assert space.place(outside) is None


@given(
    st.builds(
        HParams,
        lstm_size=st.integers(1, 200),
        dense_layers=st.integers(0, 5),
        dense_size=st.integers(1, 200),
        lstm_dropout=st.floats(0, 0.9),
        pooling=st.sampled_from(["last", "max", "mean"]),
        max_length=st.integers(1, 3000),
    )
)
def test_the_nearest_lies_in_the_space(hparams: HParams) -> None:
    space = parse_space(MANY_KINDS)
    near = space.nearest(hparams)
    assert space.place(near) is not None
    assert abs(near.lstm_size - hparams.lstm_size) == min(abs(size - hparams.lstm_size) for size in range(8, 65, 8))
    assert abs(near.lstm_dropout - hparams.lstm_dropout) <= max(0.05, hparams.lstm_dropout - 0.3) + 1e-9
    assert near.dense_layers == min(hparams.dense_layers, 2)
    assert near.dense_size == (min(max(hparams.dense_size, 8), 64) if near.dense_layers else HParams().dense_size)
    assert near.pooling == (hparams.pooling if hparams.pooling != "mean" else "last")
    assert near.max_length == (800 if hparams.max_length <= 1200 else 1600)
