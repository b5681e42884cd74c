"""What a search comes to: its best trial or several together, or the reason why there is nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from data.corpus import Corpus
from model.ensemble import Ensemble
from model.hparams import HParams
from model.shape import Shape
from model.trained import Trained
from tune.errors import SearchFailedError
from tune.folder import SearchFolder
from tune.inputs import Inputs, prepare_inputs
from tune.objective import Objective
from tune.outcome import TrialOutcome
from tune.settings import Settings
from tune.weights import write_trained
from tune.winner import evaluate_best

TINY = HParams(lstm_size=2, embedding_size=2, wide=False)
TIME, NAN, MEMORY = "time limit: before it began", "nan: the loss was not finite in epoch 2", "crashed: MemoryError"


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        pytest.param([("failed", NAN), ("failed", MEMORY), ("failed", NAN)], f"{MEMORY}; {NAN}", id="all failed"),
        pytest.param([("pruned", TIME)], TIME, id="one that had no time"),
        pytest.param([], "there was no time for an epoch", id="none"),
    ],
)
def test_a_search_in_which_no_trial_came_to_a_result_says_why_and_how_to_go_on(
    ends: list[tuple[str, str]], why: str, tmp_path: Path
) -> None:
    trials = [
        TrialOutcome(number, state, reason, TINY.to_dict(), ({"loss": 1.0},) if state == "failed" else (), 1.0)
        for number, (state, reason) in enumerate(ends)
    ]
    folder, unasked = SearchFolder(tmp_path / "wild"), cast("Any", None)
    with pytest.raises(SearchFailedError) as caught:
        evaluate_best(folder, unasked, 1, trials)
    said = str(caught.value)
    assert said.startswith(f"No trial came to a result: {why}. See {tmp_path}/wild/search.log; go on with: ")
    assert said.endswith(f" resume wild --storage {tmp_path} --time-limit 10m")


def constant(inputs: Inputs, answer: int) -> Trained:
    """What an LSTM has learned that answers all texts with one class, and is rather sure of it."""
    shape = Shape.of(TINY, inputs.dataset.vocabulary_size, inputs.dataset.classes)
    weights = [np.zeros(size, np.float32) for _, size in shape.weights()]
    weights[-1][answer] = 4.0
    return Trained(weights)


@pytest.mark.parametrize(
    ("metric", "answers", "together"),
    [
        pytest.param("loss", [0, 1], True, id="better"),
        pytest.param("accuracy", [0, 1], False, id="better by the loss alone"),
        pytest.param("loss", [0, 0], False, id="the same"),
    ],
)
def test_several_answer_together_where_they_are_better_than_the_best_alone_by_what_ranks_the_search(
    metric: Any, answers: list[int], together: bool, corpus: Corpus, tmp_path: Path
) -> None:
    inputs = prepare_inputs(Settings(space={"wide": False}), corpus)
    folder = SearchFolder(tmp_path / "one")
    folder.path.mkdir()
    folder.repair()
    trials = []
    for number, answer in enumerate(answers):
        write_trained(folder.weights.writer(number), constant(inputs, answer))
        figures = {"loss": 1.0 + number, "accuracy": 0.3 - number / 10}
        trials.append(TrialOutcome(number, "complete", "", TINY.to_dict(), (figures,), 1.0, Objective(metric)))
    result = evaluate_best(folder, inputs, 2, trials).result
    assert [member["trial"] for member in result["ensemble"]] == ([0, 1] if together else [0])
    assert (result["validation"]["loss"] < result["single"]["validation"]["loss"]) == together
    saved = {path.name.split("-")[0] for path in (folder.path / "classifiers").iterdir()}
    assert saved == ({"00000", "ensemble"} if together else {"00000"})


def test_an_ensemble_made_where_the_wide_branch_comes_out_a_little_otherwise_is_whole(corpus: Corpus, tmp_path: Path) -> None:
    inputs, folder = prepare_inputs(Settings(), corpus), SearchFolder(tmp_path / "one")
    folder.path.mkdir()
    folder.repair()
    both = replace(TINY, wide=True).to_dict()
    trials = []
    for number in range(2):
        write_trained(folder.weights.writer(number), constant(inputs, number))
        trials.append(TrialOutcome(number, "complete", "", both, ({"loss": 1.0 + number, "accuracy": 0.3},), 1.0))
    evaluate_best(folder, inputs, 1, trials)  # on one machine
    assert inputs.wide
    there = replace(inputs.wide, kernel=np.nextafter(inputs.wide.kernel, np.float32(9)))
    result = evaluate_best(folder, inputs._replace(wide=there), 2, trials).result  # on another
    assert len(result["ensemble"]) == 2
    assert len(Ensemble.load(folder.path / result["checkpoint"]).members) == 2
