import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.corpus import Corpus
from data.errors import InputError
from model.ensemble import Ensemble, load_classifier, select_members
from model.evaluation import evaluate
from model.experiment import run_experiment
from model.seal import SEAL

SMALL = {"embedding_size": 8, "batch_size": 16, "learning_rate": 0.02, "pooling": "max", "wide": True}
TEXTS = ["sign0of1 filler2", "", "nothing known here", "sign2of0 " * 40]


@pytest.fixture(scope="module")
def ensemble(corpus: Corpus) -> Ensemble:
    sizes = {"00000": {"lstm_size": 4}, "00003": {"lstm_size": 3, "vocabulary_size": 30}}
    members = {name: run_experiment(corpus, epochs=3, **SMALL, **size).classifier for name, size in sizes.items()}
    return Ensemble(members, {"00000": 0.75, "00003": 0.25}, {"why": "a test"}, temperature=0.7)


def test_probabilities_are_the_members_weighted_mean(ensemble: Ensemble) -> None:
    first, second = (member.probabilities(TEXTS) for member in ensemble.members.values())
    uncalibrated = ensemble.at_temperature(1.0)
    np.testing.assert_allclose(uncalibrated.probabilities(TEXTS), 0.75 * first + 0.25 * second, atol=1e-6)
    powers = uncalibrated.probabilities(TEXTS) ** (1 / 0.7)
    np.testing.assert_allclose(ensemble.probabilities(TEXTS), powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_members_read_the_parts_of_words_together_as_each_does_alone(corpus: Corpus) -> None:
    sizes = {"00000": {"vocabulary_size": 20, "subwords": True}, "00001": {"subwords": True}, "00002": {"vocabulary_size": 30}}
    members = {name: run_experiment(corpus, epochs=3, lstm_size=3, **SMALL, **size).classifier for name, size in sizes.items()}
    together = Ensemble(members, dict.fromkeys(members, 1 / 3))
    texts = [*TEXTS, *corpus.texts[:50], "sing0of1 fillerr2 row7"]
    expected = np.mean([member.probabilities(texts) for member in members.values()], axis=0)
    np.testing.assert_allclose(together.probabilities(texts), expected, atol=1e-6)


def test_it_is_saved_and_loaded_like_any_classifier(ensemble: Ensemble, tmp_path: Path) -> None:
    ensemble.save(tmp_path / "model")
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.probabilities(TEXTS), ensemble.probabilities(TEXTS))
    assert loaded.metrics == {"why": "a test"}
    assert loaded.classes == ensemble.classes
    assert type(load_classifier(tmp_path / "model/00003")).__name__ == "Classifier"
    with pytest.raises(FileExistsError):
        ensemble.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "must hold"),
        ({"00000": "x"}, "must hold"),
        ({"00000": 0.5}, "must hold"),
        ({"00000": math.nan}, "must hold"),
        ({"../../etc": 1.0}, "is no member's name"),
        ({"": 1.0}, "is no member's name"),
        ({"0": 1.0}, "is not a"),
    ],
)
def test_a_damaged_or_hostile_folder_is_refused(ensemble: Ensemble, tmp_path: Path, members: object, message: str) -> None:
    ensemble.save(tmp_path / "model")
    (tmp_path / "model" / SEAL).unlink()
    path = tmp_path / "model/classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"members": members}))
    with pytest.raises(InputError, match=message):
        load_classifier(tmp_path / "model")


@pytest.mark.parametrize("temperature", [None, 0.0, math.nan, -1.0, "1"])
def test_a_temperature_that_is_none_is_refused(ensemble: Ensemble, tmp_path: Path, temperature: object) -> None:
    ensemble.save(tmp_path / "model")
    (tmp_path / "model" / SEAL).unlink()
    path = tmp_path / "model/classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"temperature": temperature}))
    with pytest.raises(InputError, match="`temperature` must be above 0"):
        load_classifier(tmp_path / "model")


@given(st.integers(0, 500), st.integers(1, 5), st.integers(1, 8))
def test_the_chosen_are_no_worse_than_the_best_alone(seed: int, candidates: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 40).astype(np.int32)
    probabilities = [rng.dirichlet(np.ones(3), 40).astype(np.float32) for _ in range(candidates)]
    weights = select_members(right_ones(labels, probabilities), rounds)
    assert sum(weights.values()) == pytest.approx(1)
    assert len(weights) <= rounds
    mean = np.sum([weight * probabilities[place] for place, weight in weights.items()], axis=0)
    alone = min(evaluate(labels, np.log(candidate)).loss for candidate in probabilities)
    assert evaluate(labels, np.log(mean)).loss <= alone + 1e-5


def test_members_are_chosen_that_are_right_where_the_others_are_unsure() -> None:
    labels = np.arange(40, dtype=np.int32) % 2
    sure, unsure = np.eye(2)[labels] * 0.98 + 0.01, np.full((40, 2), 0.5)
    first = np.where(np.arange(40)[:, None] < 20, sure, unsure).astype(np.float32)
    second = np.where(np.arange(40)[:, None] < 20, unsure, sure).astype(np.float32)
    hopeless = (1 - sure).astype(np.float32)
    assert select_members(right_ones(labels, [first, hopeless, second]), 4) == {0: 0.5, 2: 0.5}


def right_ones(labels: npt.NDArray[np.int32], candidates: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """What each candidate gives to the right class of each row."""
    return np.stack([candidate[np.arange(len(labels)), labels] for candidate in candidates])


def test_members_that_cannot_share_one_encoding_are_none(corpus: Corpus) -> None:
    first, second = (run_experiment(corpus, epochs=1, lstm_size=2, **SMALL | {"wide": True}).classifier for _ in range(2))
    assert first.wide
    assert second.wide
    weights = {"a": 0.5, "b": 0.5}
    assert Ensemble({"a": first, "b": second}, weights).weights == weights, "fitted alike"
    fitted_elsewhere = dataclasses.replace(second.wide, kernel=np.nextafter(second.wide.kernel, np.float32(9)))
    with pytest.raises(ValueError, match="differ in classes, limit, vocabulary or wide branch"):
        Ensemble({"a": first, "b": dataclasses.replace(second, wide=fitted_elsewhere)}, weights)
    with pytest.raises(ValueError, match="differ in"):
        Ensemble({"a": first, "b": dataclasses.replace(first, limit=first.limit + 1)}, weights)
