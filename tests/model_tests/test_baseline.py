import dataclasses
import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from data.corpus import Corpus, corpus_from_lists
from data.dataset import Dataset, encode_corpus
from data.split import SIDES, split_corpus
from model import baseline, strong_baseline
from model.baseline import evaluate_baseline
from model.evaluation import evaluate
from model.strong_baseline import evaluate_strong_baseline


def uneven_corpus(seed: int, classes: int = 3) -> Corpus:
    """300 texts of 6 words that hint at their class; half of what is left is always of the next class."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(300):
        label = int(np.minimum(rng.geometric(0.6) - 1, classes - 1))
        words = [f"hint{label if rng.random() < 0.3 else rng.integers(classes)}no{word}" for word in rng.integers(0, 30, 6)]
        texts.append(" ".join([*words, f"row{row}"]))
        labels.append(f"class {label}")
    return corpus_from_lists(texts, labels)


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three"])
def uneven(request: pytest.FixtureRequest) -> Corpus:
    return uneven_corpus(1, request.param)


def test_the_baseline_learns_from_the_training_rows_and_does_not_change_what_trials_share(dataset: Dataset) -> None:
    shared = dataset.tokens.flat, dataset.tokens.offsets
    for array in shared:
        array.flags.writeable = False
    try:
        figures = evaluate_baseline(dataset).sides
    finally:
        for array in shared:
            array.flags.writeable = True
    assert set(figures) == set(SIDES)
    assert figures["test"].accuracy > 0.9
    assert figures["train"].rows == len(dataset.split.train)


def test_on_a_corpus_too_large_for_the_exact_solver_steps_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = uneven_corpus(0)
    dataset = encode_corpus(corpus, split_corpus(corpus, validation=0.3, test=0.2), 50)[0]
    exact = evaluate_baseline(dataset)
    monkeypatch.setattr(baseline, "LARGE", 0)
    steps = evaluate_baseline(dataset)
    assert steps.kind == exact.kind
    assert steps.sides["test"].loss == pytest.approx(exact.sides["test"].loss, abs=0.05)


def test_the_better_of_plain_and_balanced_on_the_validation_rows_is_taken() -> None:
    chosen = set()
    for seed in range(6):
        corpus = uneven_corpus(seed)
        split = split_corpus(corpus, validation=0.3, test=0.2)
        dataset = encode_corpus(corpus, split, 50)[0]
        counts = np.stack([np.bincount(dataset.tokens[row], minlength=dataset.tokens.flat.max() + 1) for row in range(300)])
        counts[:, counts[split.train].sum(axis=0) == 0] = 0
        counts[:, 1] = 0  # of texts without a word
        tfidf = TfidfTransformer().fit(counts[split.train])
        validation = {}
        for kind, weights in (("plain", None), ("balanced", "balanced")):
            model = LogisticRegression(C=10, max_iter=300, class_weight=weights)
            model.fit(tfidf.transform(counts[split.train]), corpus.labels[split.train])
            validation[kind] = evaluate(
                corpus.labels[split.validation], model.predict_log_proba(tfidf.transform(counts[split.validation]))
            ).summary()
        fitted = evaluate_baseline(dataset)
        assert fitted.summary()["validation"] == pytest.approx(validation[fitted.kind], abs=1e-3)
        assert validation[fitted.kind]["macro_f1"] == max(figures["macro_f1"] for figures in validation.values())
        chosen.add(fitted.kind)
    assert chosen == {"plain", "balanced"}


def test_the_strong_baseline_is_scikit_learns_own_the_better_of_two_on_the_validation_rows(uneven: Corpus) -> None:
    split = split_corpus(uneven, validation=0.3, test=0.2)
    figures = {}
    for kind, weights in (("plain", None), ("balanced", "balanced")):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2)
        model = make_pipeline(make_union(words, characters), LinearSVC(class_weight=weights, random_state=0))
        model.fit([uneven.texts[row] for row in split.train], uneven.labels[split.train])
        figures[kind] = {
            side: (accuracy_score(truth, guess), f1_score(truth, guess, average="macro"))
            for side in SIDES
            for truth in [uneven.labels[split.side(side)]]
            for guess in [model.predict([uneven.texts[row] for row in split.side(side)])]
        }
    fitted = evaluate_strong_baseline(uneven, split)
    assert figures[fitted.kind]["validation"][1] == max(sides["validation"][1] for sides in figures.values())
    for side in SIDES:
        assert (fitted.sides[side].accuracy, fitted.sides[side].macro_f1) == pytest.approx(figures[fitted.kind][side])
    for side in SIDES:
        assert json.loads(json.dumps(fitted.summary()))[side]["loss"] is None, "an SVM gives no probabilities"


def test_a_text_without_end_is_cut_and_too_many_are_refused(uneven: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_corpus(uneven)
    longer = dataclasses.replace(uneven, texts=[text + " " * strong_baseline.LONGEST + "cut off" for text in uneven.texts])
    assert evaluate_strong_baseline(longer, split).summary() == evaluate_strong_baseline(uneven, split).summary()
    monkeypatch.setattr(strong_baseline, "MOST_CHARACTERS", 1000)
    with pytest.raises(ValueError, match=r"characters; it reads 1,000 at most"):
        evaluate_strong_baseline(uneven, split)


def test_where_nothing_parts_words_the_strong_baseline_reads_runs_of_characters_alone() -> None:
    names = {"\u9ad8\u7ea7\u8f6f\u4ef6\u5de5\u7a0b\u5e08": "it", "\u91d1\u878d\u5206\u6790\u4e3b\u7ba1": "money"}
    rows = [(f"{name}{chr(0x4E00 + row)}", label) for row in range(40) for name, label in names.items()]
    corpus = corpus_from_lists(*zip(*rows, strict=True))
    fitted = evaluate_strong_baseline(corpus, split_corpus(corpus), 0)
    assert fitted.sides["test"].accuracy == 1
    other = corpus_from_lists([chr(0x4E00 + row) for row in range(40)], ["a", "b"] * 20)
    with pytest.raises(ValueError, match="stand in 2 training texts"):
        evaluate_strong_baseline(other, split_corpus(other), 0)
