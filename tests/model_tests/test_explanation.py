"""Explanations: what they are of is what the classifier computes, word by word, and the words are those of the text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import model.explanation
from data.corpus import Corpus
from data.tokenizer import TAKEN, looked_at, split_pieces, token_spans, tokenize
from model.classifier import Classifier
from model.experiment import run_experiment
from model.explanation import MOST, explain

SMALL = {"embedding_size": 8, "lstm_size": 4, "pooling": "max", "dense_layers": 0, "max_length": 2_000, "batch_size": 16}


@pytest.fixture(scope="module")
def classifier(corpus: Corpus) -> Classifier:
    return run_experiment(corpus, epochs=12, learning_rate=0.02, **SMALL).classifier


def log_odds(classifier: Classifier, text: str, label: str) -> float:
    probability = float(classifier.probabilities([text])[0, classifier.classes.index(label)])
    return float(np.log(probability) - np.log1p(-probability))


def test_a_weight_is_what_leaving_the_word_out_does_to_the_log_odds(classifier: Classifier) -> None:
    text = "Filler3 sign1of0, filler7 and sign1of0!"
    found = explain(classifier, text)
    assert found.label == classifier.predict([text])[0].label == "class 1"
    assert [word.text for word in found.words] == ["Filler3", "sign1of0", "filler7", "and", "sign1of0"]
    assert [text[word.start : word.end] for word in found.words] == [word.text for word in found.words]
    weights = [word.weight for word in found.words]
    expected = log_odds(classifier, text, "class 1") - log_odds(classifier, "Filler3 , filler7 and !", "class 1")
    assert weights[1] == weights[4] == pytest.approx(expected, rel=1e-4)
    assert max(weights) == weights[1] > 0
    against = explain(classifier, text, "class 2")
    assert against.label == "class 2"
    assert against.words[1].weight < 0


def test_an_unknown_label_is_refused_and_a_text_without_words_has_none(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match="does not know the label 'class 9'"):
        explain(classifier, "sign1of0", "class 9")
    for text in ("", " \n", "?!"):
        assert explain(classifier, text).words == ()


def test_in_a_long_text_the_words_that_matter_are_found_in_a_bounded_number_of_readings(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"unheard{number}" for number in range(4 * MOST)]
    words[700] = "sign2of1"
    read = []
    probabilities = Classifier.probabilities
    monkeypatch.setattr(Classifier, "probabilities", lambda self, texts: read.append(len(texts)) or probabilities(self, texts))
    found = explain(classifier, " ".join(words), "class 2")
    assert sum(read) <= MOST + 1
    assert max(found.words, key=lambda word: word.weight).text == "sign2of1"


def test_only_what_the_classifier_looks_at_is_explained(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    probabilities = Classifier.probabilities
    monkeypatch.setattr(Classifier, "probabilities", lambda self, texts: read.extend(texts) or probabilities(self, texts))
    text = f"sign1of0 {'filler7 ' * classifier.limit * TAKEN} sign2of1"
    found = explain(classifier, text)
    assert len(found.words) == classifier.limit
    assert found.words[0].weight > 0
    assert max(map(len, read[1:])) <= TAKEN * classifier.limit
    monkeypatch.setattr(model.explanation, "CHARACTERS", 1)
    again = explain(classifier, text)
    assert [(word.text, word.start, word.end) for word in again.words] == [
        (word.text, word.start, word.end) for word in found.words
    ]
    # However few texts stand in memory together; some processors round otherwise in other company.
    assert [word.weight for word in again.words] == pytest.approx([word.weight for word in found.words], abs=1e-5)


@given(st.text(alphabet="ab.-' 山\N{FULLWIDTH LATIN SMALL LETTER A}\N{SOFT HYPHEN}", max_size=200), st.integers(1, 5))
def test_what_is_looked_at_of_a_text_holds_all_that_is_returned(text: str, limit: int) -> None:
    head = text[: looked_at(text, limit)]
    assert tokenize(head, limit) == tokenize(text, limit)
    assert split_pieces(head, limit) == split_pieces(text, limit)


def test_a_span_goes_over_what_nobody_sees() -> None:
    text = "a soft\u00adware ent\u2060wickler"
    assert [text[start:end] for start, end in token_spans(text)] == ["a", "soft\u00adware", "ent\u2060wickler"]


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "Sc")), max_size=60))
@example("The DRIVER'S .NET code, isN'T it's")
def test_spans_hold_the_tokens_of_a_text(text: str) -> None:
    spans = token_spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    if text.isascii():
        assert [text[start:end].lower() for start, end in spans] == tokenize(text)
