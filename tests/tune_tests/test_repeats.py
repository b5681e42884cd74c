"""The best configurations trained again with other seeds."""

import math
import statistics
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data.corpus import Corpus
from data.dataset import Dataset
from data.split import split_corpus
from model.hparams import HParams
from model.wide import encode_wide
from tune.again import train_again
from tune.ending import Rules
from tune.inputs import prepare_inputs
from tune.means import Means
from tune.objective import Objective
from tune.outcome import TrialOutcome
from tune.repeats import left, repeat_best, run_key, summarise
from tune.repeats_view import luck
from tune.settings import Settings
from tune.trial_seed import trial_seed
from tune.workers import Workers

TINY = HParams(lstm_size=4, embedding_size=8, batch_size=16, learning_rate=0.02, wide=False).to_dict()
MEANS = Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=math.inf)
RULES = Rules(epochs=3, patience=3, objective=Objective())


@pytest.fixture(autouse=True)
def _tensorflow_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.device.use_device", lambda *_, **__: None)  # other tests have used TensorFlow in this process


def test_repeats_of_the_same_seed_are_equal_and_of_other_seeds_are_not(dataset: Dataset) -> None:
    first, again, other = ({**found} for seed in (1, 1, 2) if (found := train_again(TINY, seed, dataset, None, RULES, MEANS)))
    for found in (first, again, other):
        assert found.pop("seconds") > 0
    assert first == again
    assert first["validation"] != other["validation"]


def test_a_repeats_test_figures_are_those_of_both_branches(corpus: Corpus) -> None:
    dataset = encode_wide(corpus, split_corpus(corpus), 50, 0).dataset
    twin = replace(dataset, split=replace(dataset.split, test=dataset.split.validation))
    found = train_again(TINY | {"wide": True}, 1, twin, twin.wide, RULES, MEANS)
    assert found
    assert found["test"] == pytest.approx(found["validation"])
    alone = train_again(TINY, 1, twin, twin.wide, RULES, MEANS)
    assert alone
    assert alone["test"] == pytest.approx(alone["validation"])
    assert found["test"]["loss"] < alone["test"]["loss"] / 2


def test_repeats_are_given_what_the_wide_branch_says_of_the_test_rows(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr("tune.repeats.ranked_trials", lambda _: [outcome(7, 0.1)])
    monkeypatch.setattr("tune.repeats.run_on_workers", lambda _, works, shared, *__: given.extend([works, *shared]) or ())
    settings = Settings(seed=5, repeat=1)
    inputs = prepare_inputs(settings, corpus)
    folder = SimpleNamespace(trials=list, path=tmp_path)
    monkeypatch.setattr("tune.repeats.read_runs", lambda _: {})
    workers, event = Workers(1, 1, None), threading.Event()
    repeat_best(folder, settings, inputs, workers, math.inf, event, print, lambda: None)  # type: ignore[arg-type]
    works, dataset, wide = given[:3]
    assert works == {run_key(7, 1): (TINY, trial_seed(5, 7, 1))}
    assert dataset is inputs.dataset
    assert inputs.wide_logits is not None
    np.testing.assert_array_equal(wide, inputs.wide_logits[inputs.dataset.split.test])


def test_a_repeat_for_which_there_is_no_time_has_no_figures(dataset: Dataset) -> None:
    late = Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=0.0)
    assert train_again(TINY, 1, dataset, None, RULES, late) is None


def test_a_repeat_that_diverges_says_so(dataset: Dataset) -> None:
    wild = HParams.from_dict(TINY | {"learning_rate": 1e38, "clip_norm": 1e30}).to_dict()
    found = train_again(wild, 1, dataset, None, RULES, MEANS)
    assert found
    assert found["failed"].startswith("nan: ")


def test_repeats_have_seeds_of_their_own_and_the_trial_the_one_that_it_had() -> None:
    seeds = {trial_seed(5, number, repeat) for number in range(20) for repeat in range(20)}
    assert len(seeds) == 400
    assert trial_seed(5, 3) == trial_seed(5, 3, 0)


def outcome(number: int, loss: float) -> TrialOutcome:
    epoch = {"train_loss": 1.0, "loss": loss, "accuracy": 0.5, "macro_f1": 0.4, "seconds": 1.0, "tokens": 9, "at": 0.0}
    return TrialOutcome(number, "complete", "", TINY, (epoch,), 1.0)


def run(loss: float) -> dict[str, Any]:
    figures = {"loss": loss, "accuracy": 1 - loss, "macro_f1": loss / 2}
    return {"epoch": 1, "epochs": 2, "seconds": 1.0, "validation": figures, "test": figures}


def test_each_configuration_takes_a_seed_before_any_takes_another_and_none_is_run_twice() -> None:
    trials = [outcome(7, 0.1), outcome(2, 0.2)]
    order = [(trial.number, seed) for trial, seed in left(trials, (), 3)]
    assert order == [(7, 1), (2, 1), (7, 2), (2, 2), (7, 3), (2, 3)]
    done = {run_key(2, 1), run_key(7, 3), run_key(9, 1)}
    assert [(trial.number, seed) for trial, seed in left(trials, done, 3)] == [(7, 1), (7, 2), (2, 2), (2, 3)]


def test_mean_and_spread_are_over_the_other_seeds_alone() -> None:
    runs: dict[str, dict[str, Any]] = {run_key(7, seed): run(loss) for seed, loss in ((1, 0.5), (2, 0.7), (3, 0.6))}
    runs |= {run_key(2, 1): run(0.8), run_key(2, 2): {"failed": "nan: in epoch 1", "seconds": 1.0}, run_key(9, 1): run(9.0)}
    document = summarise([outcome(7, 0.1), outcome(2, 0.2)], runs, 3)
    first, second = document["configurations"]
    assert first["searched"]["loss"] == 0.1
    for side in ("validation", "test"):
        assert first["mean"][side]["loss"] == pytest.approx(0.6)
        assert first["spread"][side]["loss"] == pytest.approx(statistics.stdev([0.5, 0.6, 0.7]))
    assert (len(second["runs"]), second["failed"], second["mean"]["test"]["loss"]) == (1, 1, 0.8)
    assert second["spread"]["test"]["loss"] is None
    assert luck(document) == (
        "Seeds alone move the validation loss by 0.1000. Trial 7 was 0.5000 lower in the search than with other seeds."
    )
    assert "Too few" in luck(summarise([outcome(2, 0.2)], runs, 3))
    assert luck(summarise([outcome(7, 0.1)], runs, 3, "macro_f1")) == (
        "Seeds alone move the validation macro-F1 by 0.0500. Trial 7 was 0.1000 higher in the search than with other seeds."
    )
