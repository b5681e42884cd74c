"""The classifier in scikit-learn's manners: its own checks where they apply to texts, and ours."""

import errno
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import (
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)

from data.corpus import Corpus
from model.ensemble import load_classifier
from tune.errors import SearchFailedError, SearchInterruptedError
from tune.estimator import TopknotClassifier
from tune.folder import SearchFolder
from tune.labelled_frame import write_frame
from tune.search_result import read_result
from tune.searches import find_search

SPACE = {"embedding_size": 8, "lstm_size": 4, "pooling": "max", "bidirectional": False, "dense_layers": 0, "batch_size": 16}
SPACE |= {"max_length": 50, "learning_rate": 0.02, "wide": False}

CHECKS = [
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
]
"""Those that fit nothing. The others pass matrices of numbers, and scikit-learn leaves them out where texts are asked for."""


def small(**given: Any) -> TopknotClassifier:
    return TopknotClassifier(
        **({"trials": 2, "workers": 1, "max_epochs": 8, "space": SPACE, "settings": {"portfolio": False}} | given)
    )


@pytest.fixture(scope="module")
def labelled(corpus: Corpus) -> tuple[list[str], list[str]]:
    return list(corpus.texts), [corpus.classes[label] for label in corpus.labels]


@pytest.fixture(scope="module")
def rare(labelled: tuple[list[str], list[str]]) -> list[str]:
    """The labels, the last of which stands once."""
    return [*labelled[1][:-1], "once"]


def kept(storage: Path) -> TopknotClassifier:
    return small(storage=storage, name="kept", small_classes="drop")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="module")
def fitted(labelled: tuple[list[str], list[str]], rare: list[str], storage: Path) -> TopknotClassifier:
    return kept(storage).fit(labelled[0], rare, [f"group {row // 2}" for row in range(len(rare))])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_checks_of_scikit_learn_that_fit_nothing(check: Callable[[str, Any], None]) -> None:
    check("TopknotClassifier", TopknotClassifier())


def test_it_answers_with_the_labels_that_it_was_given_but_for_those_that_were_dropped(
    fitted: TopknotClassifier, labelled: tuple[list[str], list[str]], rare: list[str]
) -> None:
    texts, _ = labelled
    assert fitted.classes_.tolist() == ["class 0", "class 1", "class 2", "once"]
    probabilities = fitted.predict_proba(texts)
    assert probabilities.shape == (len(texts), 4)
    assert (probabilities[:, 3] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert fitted.predict(texts).tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist()
    assert fitted.score(texts, rare) == np.mean(fitted.predict(texts) == rare) > 0.8
    assert fitted.predict_proba([]).shape == (0, 4)
    for same in (pd.Series(texts, index=range(7, 7 + len(texts))), np.array(texts), np.array(texts, object), iter(texts)):
        np.testing.assert_array_equal(fitted.predict_proba(same), probabilities)


def test_a_pickled_one_answers_the_same(fitted: TopknotClassifier, labelled: tuple[list[str], list[str]]) -> None:
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.predict_proba(labelled[0]), fitted.predict_proba(labelled[0]))
    assert again.result_ == fitted.result_


def test_fitting_leaves_parameters_as_they_were_and_a_clone_is_not_fitted(fitted: TopknotClassifier, storage: Path) -> None:
    assert fitted.get_params() == kept(storage).get_params()
    with pytest.raises(NotFittedError):
        clone(fitted).predict(["text"])


def test_it_works_in_a_pipeline_and_in_cross_validation_with_numbers_for_labels(labelled: tuple[list[str], list[str]]) -> None:
    texts, labels = labelled
    # In another order than their names are: 10 comes before 9 there.
    numbers = np.array([{"class 0": 9, "class 1": 10, "class 2": 100}[label] for label in labels])
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    told = cross_validate(make_pipeline(lower, small(trials=1)), texts, numbers, cv=2, return_estimator=True)
    assert told["test_score"].shape == (2,)
    assert (told["test_score"] > 0.5).all()
    for pipeline in told["estimator"]:
        assert pipeline[-1].classes_.tolist() == [9, 10, 100]
        assert set(pipeline.predict(texts[:9]).tolist()) <= {9, 10, 100}


def test_a_kept_search_is_one_that_commands_know(fitted: TopknotClassifier, storage: Path) -> None:
    folder = find_search(storage, "kept")
    assert read_result(folder)["test"] == fitted.result_["test"]
    again = load_classifier(Path(fitted.result_["checkpoint"]))
    np.testing.assert_allclose(again.probabilities(["text"]), fitted.predict_proba(["text"])[:, :3], rtol=1e-6)
    assert folder.settings().group == "group"


@pytest.mark.parametrize(
    ("texts", "labels", "given", "message"),
    [
        pytest.param("one text", ["a"], {}, "X is one text", id="a text for texts"),
        pytest.param([["a"], ["b"]], ["a", "b"], {}, "row 0: a text is needed, not list", id="lists for texts"),
        pytest.param(np.zeros((4, 2)), list("abab"), {}, r"shape \(4, 2\); it must", id="a matrix"),
        pytest.param(["x", None], ["a", "b"], {}, "row 1: a text is needed, not NoneType", id="a missing text"),
        pytest.param(["x", " "], ["a", "b"], {}, "row 1: the text is empty", id="an empty text"),
        pytest.param(["x", "y"], ["a"], {}, "2 texts and y 1 labels", id="lengths"),
        pytest.param(["x", "y"], ["a", None], {}, "y, row 1: the label is missing", id="a missing label"),
        pytest.param(["x"] * 3, ["a", "b", np.nan], {}, "y, row 2: the label is missing", id="a missing label among texts"),
        pytest.param(["x"] * 3, ["a", 7, True], {}, "y holds labels of 3 types: bool, int, str", id="labels of three types"),
        pytest.param(["x", "y"], ["a", "b"], {"random_state": -1}, "random_state: a whole number from 0", id="a seed below 0"),
        pytest.param(["x", "y"], ["a", "a"], {}, r"1 class, \['a'\]", id="one class"),
        pytest.param(["x", "y"], [0.5, 1.7], {}, "continuous", id="figures for labels"),
        pytest.param(["x", "y"], ["a", "b"], {"trials": 0}, "trials", id="a setting out of range"),
        pytest.param(
            ["x", "y"], np.array(["a", 7], object), {}, "y holds labels of 2 types: int, str", id="labels of two types"
        ),
        pytest.param(["x", "y\ud83d"], ["a", "b"], {}, r"X, row 1: it holds \\ud83d, half of a", id="half a character"),
        pytest.param(["x", "y"], ["a", "\udc00"], {}, r"y, row 1: it holds \\udc00", id="half a character of a label"),
        pytest.param(
            ["x", "y"], ["a", "b"], {"settings": {"serch": 1}}, "^settings: there is no .*'serch'", id="an unknown setting"
        ),
        pytest.param(["x", "y"], ["a", "b"], {"storage": "/proc/nowhere"}, "storage: /proc/nowhere", id="a storage"),
        pytest.param(
            ["x", "y", "z"], ["a", "b", "b"], {}, "'a', 'b' are too small.* or give small_classes='drop'", id="small classes"
        ),
        pytest.param(["x", "y"], ["a", "b"], {"small_classes": "fold"}, "y has no class for the others", id="a class more"),
    ],
)
def test_what_cannot_be_used_is_a_value_error_that_says_so(
    texts: Any, labels: Any, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small(**given).fit(texts, labels)


def test_groups_that_are_missing_are_a_value_error_of_theirs() -> None:
    for groups in (["g", None], ["g", " "], np.array([1.0, np.nan])):
        with pytest.raises(ValueError, match="groups, row 1: the group is missing"):
            small().fit(["x", "y"], ["a", "b"], groups)


def test_groups_are_as_many_as_texts() -> None:
    with pytest.raises(ValueError, match="X has 2 texts and groups 1 values"):
        small().fit(["x", "y"], ["a", "b"], ["g"])


def test_numbers_and_seeds_may_be_numpys(tmp_path: Path) -> None:
    space = {"learning_rate": {"float": list(np.geomspace(1e-4, 1e-2, 2))}, "lstm_size": {"int": np.array([4, 8])}}
    frame = pd.DataFrame({"text": [], "label": []})
    settings = small(space=space, random_state=np.int64(2**32 - 1))._settings(frame, tmp_path)
    assert settings.seed == 2**31 - 1
    assert yaml.safe_load(settings.to_yaml())["space"]["lstm_size"] == {"int": [4, 8]}


def test_what_ends_before_the_search_has_begun_leaves_no_texts(
    tmp_path: Path, labelled: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SearchFolder, "keep", fill)
    with pytest.raises(SearchFailedError, match="No space left"):
        small(storage=tmp_path, name="full").fit(*labelled)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stays", [True, False])
def test_ctrl_c_ends_more_than_one_fit(
    tmp_path: Path, labelled: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    def stop(*_: Any) -> None:
        raise SearchInterruptedError("Stopped. Everything is kept; go on with: topknot resume x")

    monkeypatch.setattr("tune.search.start_search", stop)
    with pytest.raises(KeyboardInterrupt) as told:  # an Exception would be a fold's score to scikit-learn, and the next begin
        cross_validate(small(storage=tmp_path if stays else None), *labelled, cv=2)
    assert ("topknot resume x" in str(told.value)) == stays


def test_of_texts_that_are_all_alike_no_file_is_made_that_would_be_taken_for_a_forged_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"{row % 10} " + "word " * 200 for row in range(10_000)], "label": ["a", "b"] * 5_000})
    write_frame(frame, tmp_path / "texts.parquet")
    assert (tmp_path / "texts.parquet").stat().st_size > frame["text"].str.len().sum()


def test_labels_that_are_objects_are_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(frame: pd.DataFrame, *_: Any) -> None:
        raise ZeroDivisionError(frame["label"].tolist())

    estimator = small()
    monkeypatch.setattr(estimator, "_search", stop)
    with pytest.raises(ZeroDivisionError, match=r"\['True', 'False'\]"):
        estimator.fit(["x", "y"], pd.Series([True, False], dtype=object))


def test_what_another_fit_was_on_is_left_as_it_was(tmp_path: Path, labelled: tuple[list[str], list[str]]) -> None:
    (tmp_path / "mine.parquet").write_text("of another")
    with pytest.raises(ValueError, match=r"mine\.parquet exists"):
        small(storage=tmp_path, name="mine").fit(*labelled)
    assert (tmp_path / "mine.parquet").read_text() == "of another"
    with pytest.raises(ValueError, match="too small"):
        small(storage=tmp_path, name="refused").fit(["x", "y", "z"], ["a", "b", "b"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.parquet"], "nothing is in the way of the next"
