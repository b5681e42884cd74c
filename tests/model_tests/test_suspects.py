from dataclasses import replace

import numpy as np
import pytest

from data.corpus import Corpus
from data.dataset import encode_corpus
from data.split import Split, split_corpus
from model import softmax_regression
from model.classifier import Classifier
from model.hparams import HParams
from model.logits import Logits
from model.suspects import margin, suspect
from model.text_classifier import Encoded
from model.training import train
from model.wide import judge_out_of_fold

FLIPPED = 10
HPARAMS = HParams(lstm_size=4, embedding_size=8, dense_layers=0, learning_rate=0.03, batch_size=16, pooling="max")


@pytest.fixture(scope="module")
def split(corpus: Corpus) -> Split:
    return split_corpus(corpus)


@pytest.fixture(scope="module")
def places(split: Split) -> np.ndarray:
    """Where among the training rows labels are wrong."""
    return np.random.default_rng(0).choice(len(split.train), FLIPPED, replace=False)


@pytest.fixture(scope="module")
def mislabelled(corpus: Corpus, split: Split, places: np.ndarray) -> Corpus:
    labels = corpus.labels.copy()
    rows = split.train[places]
    labels[rows] = (labels[rows] + 1) % len(corpus.classes)
    return replace(corpus, labels=labels)


@pytest.fixture(scope="module")
def lstms(mislabelled: Corpus, split: Split) -> list[Logits]:
    """What two LSTMs say of the rows that they were trained on."""
    dataset, vocabulary = encode_corpus(mislabelled, split, 50)
    logits = []
    for seed in range(2):
        best = [trained for _, trained in train(dataset, HPARAMS, epochs=6, seed=seed, patience=3) if trained][-1]
        classifier = Classifier(HPARAMS, best, vocabulary, mislabelled.classes, 50)
        logits.append(classifier.logits(Encoded(dataset.tokens), split.train))
    return logits


@pytest.mark.parametrize("linear", [False, True], ids=["LSTMs alone", "LSTMs and linear classifiers"])
def test_most_wrong_labels_stand_at_the_top(
    mislabelled: Corpus, split: Split, places: np.ndarray, lstms: list[Logits], linear: bool
) -> None:
    judged = judge_out_of_fold(mislabelled, split, 50, 0) if linear else None
    order, probabilities = suspect(mislabelled.labels[split.train], lstms, judged)
    assert sorted(order) == list(range(len(split.train)))
    assert len(set(order[:FLIPPED]) & set(places)) >= 0.8 * FLIPPED
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.fixture
def _one_step_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step size is the one thing for which all labels are looked at."""
    monkeypatch.setattr(softmax_regression, "RATES", (1.0,))


@pytest.mark.usefixtures("_one_step_size")
def test_what_is_said_out_of_fold_of_a_text_does_not_hang_on_its_label(
    corpus: Corpus, mislabelled: Corpus, split: Split, places: np.ndarray
) -> None:
    labels = corpus.labels.copy()
    labels[split.train[places[0]]] = mislabelled.labels[split.train[places[0]]]
    right, wrong = (judge_out_of_fold(one, split, 50, 0) for one in (corpus, replace(corpus, labels=labels)))
    assert right[places[0]] == pytest.approx(wrong[places[0]], abs=1e-6)
    assert np.abs(right - wrong).max() > 0.01, "what is said of others does"
    assert (right.argmax(axis=1) == corpus.labels[split.train]).mean() > 0.9


@pytest.mark.usefixtures("_one_step_size")
def test_equal_texts_are_asked_of_together(corpus: Corpus) -> None:
    texts = [f"  {text.upper()} " for text in corpus.texts]
    doubled = Corpus([*corpus.texts, *texts], np.tile(corpus.labels, 2), corpus.classes)
    split = split_corpus(doubled)
    labels = doubled.labels.copy()
    twins = [row for row in split.train if row < len(corpus)][:1]
    twins.append(twins[0] + len(corpus))
    labels[twins[0]] = (labels[twins[0]] + 1) % 3  # were its twin fitted on, that label would be known
    places = np.searchsorted(split.train, twins)
    said = [judge_out_of_fold(one, split, 50, 0)[places] for one in (doubled, replace(doubled, labels=labels))]
    assert said[0] == pytest.approx(said[1], abs=1e-6)


def test_a_class_that_no_other_text_has_is_judged_by_the_lstms_alone(corpus: Corpus) -> None:
    labels = corpus.labels.copy()
    labels[:3] = 3  # one row for each side of the split
    rare = Corpus(corpus.texts, labels, (*corpus.classes, "rare"))
    split = split_corpus(rare)
    lonely = np.flatnonzero(labels[split.train] == 3)
    linear = judge_out_of_fold(rare, split, 50, 0)
    assert len(lonely) == 1
    assert np.isneginf(linear[lonely, 3]).all()
    assert np.isfinite(linear[:, :3]).all()
    surest = np.full((len(split.train), 4), -9, np.float32)
    surest[lonely, 3] = 9
    order, probabilities = suspect(labels[split.train], [surest], linear)
    assert order[-1] == lonely[0]
    assert probabilities[lonely[0], 3] == pytest.approx(1)


def test_a_margin_is_that_to_the_likeliest_other_class() -> None:
    logits = np.array([[7, 2, 1], [7, 2, 1], [5, 0, 5]], np.float32)
    assert margin(np.array([0, 1, 2], np.int32), logits) == pytest.approx([5, -5, 0])
