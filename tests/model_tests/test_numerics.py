"""What trainings come to at the edges: no tokens, one word, one row, no row of a class, figures that are not finite."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from data.corpus import corpus_from_lists
from data.dataset import Dataset, encode_corpus
from data.split import Split, split_corpus
from data.vocabulary import Vocabulary
from model.classifier import Classifier
from model.evaluation import evaluate
from model.experiment import run_experiment
from model.hparams import HParams
from model.training import Training, train

TINY: dict[str, Any] = {
    "embedding_size": 4,
    "lstm_size": 3,
    "batch_size": 8,
    "dense_layers": 1,
    "dense_size": 4,
    "learning_rate": 0.02,
    "max_length": 20,
}


def encoded(texts: list[str]) -> tuple[Dataset, Vocabulary]:
    corpus = corpus_from_lists(texts, [f"class {row % 3}" for row in range(len(texts))])
    return encode_corpus(corpus, split_corpus(corpus, validation=0.2, test=0.2), 20)


@pytest.mark.parametrize(
    "hparams",
    [
        pytest.param({"pooling": "last", "bidirectional": True}, id="last, both ways"),
        pytest.param({"pooling": "max", "top_k": 0.1}, id="max, one row of a batch"),
        pytest.param({"pooling": "mean", "layer_norm": True, "batch_norm": True}, id="mean, normalised"),
        pytest.param({"pooling": "attention", "top_k": 1.0, "recurrent_dropout": 0.2}, id="attention, all rows"),
    ],
)
def test_no_batch_is_padding_alone_and_texts_without_a_token_train_and_are_answered(hparams: dict[str, Any]) -> None:
    dataset, vocabulary = encoded(["!" * (row + 1) if row % 4 else f"sign{row % 3} word word" for row in range(120)])
    assert dataset.tokens.lengths(dataset.split.train).min() == 1, "a text without a token is one unknown token"
    settings = HParams.from_dict(TINY | hparams)
    with Training(dataset, settings, seed=0) as training:
        reports = [training.run_epoch() for _ in range(2)]
        classifier = Classifier(settings, training.trained(), vocabulary, ("a", "b", "c"), 20)
    assert all(math.isfinite(value) for report in reports for value in (report.train_loss, report.loss))
    probabilities = classifier.probabilities(["", "?!", "sign0", " "])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities[0], probabilities[1])


@pytest.mark.parametrize("top_k", [0.01, 1.0])
@pytest.mark.parametrize(("rows", "batch_size"), [pytest.param(1, 8, id="one row"), pytest.param(5, 1, id="one at a time")])
def test_a_batch_of_one_row_is_trained_on(rows: int, batch_size: int, top_k: float) -> None:
    dataset, _ = encoded([f"sign{row % 3} word row{row}" for row in range(60)])
    train_rows, rest = np.split(np.arange(60), [rows])
    dataset = replace(dataset, split=Split(train_rows, rest, rest))
    hparams = HParams.from_dict(TINY | {"batch_size": batch_size, "top_k": top_k, "batch_norm": True, "lstm_dropout": 0.5})
    with Training(dataset, hparams, seed=0) as training:
        report = training.run_epoch()
    assert training.steps == rows, "as many batches as rows"
    assert report.tokens == dataset.tokens.lengths(train_rows).sum()
    assert math.isfinite(report.train_loss)
    assert math.isfinite(report.loss)


def test_a_vocabulary_of_one_word_is_enough() -> None:
    corpus = corpus_from_lists([f"word row{row}" for row in range(60)], [f"class {row % 3}" for row in range(60)])
    result = run_experiment(corpus, epochs=1, wide=True, **TINY)
    assert result.classifier.vocabulary.size == 3
    assert math.isfinite(result.test.loss)
    assert np.isfinite(result.classifier.probabilities(["word", "never seen", ""])).all()


def test_a_class_without_a_row_has_no_figures_of_its_own_and_spoils_none() -> None:
    labels = np.array([0, 0, 2, 2], np.int32)
    logits = np.array([[4, 0, 0], [4, 0, 0], [0, 0, 4], [0, 4, 0]], np.float32)
    got = evaluate(labels, logits)
    assert math.isfinite(got.loss)
    assert got.accuracy == pytest.approx(0.75)
    assert got.by_class(("a", "b", "c"))["b"] == {"precision": 0, "recall": 0, "f1": 0, "rows": 0}
    assert evaluate(labels[:2], logits[:2]).macro_f1 == 1, "a class that is neither there nor answered does not count"


def test_a_learning_rate_beyond_all_measure_ends_the_training_without_weights(dataset: Dataset) -> None:
    wild = HParams.from_dict(TINY | {"learning_rate": 3e38, "clip_norm": 3e38})
    outcomes = list(train(dataset, wild, epochs=4))
    assert len(outcomes) < 4
    assert math.isnan(outcomes[-1][0].loss)
    assert outcomes[-1][1] is None


@pytest.mark.parametrize("value", [0, math.nan, math.inf, 1.7e308, 1e-300, 10**25, 10**400])
@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
def test_what_no_float32_holds_is_refused_before_it_is_trained_with(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        HParams.from_dict({name: value})
