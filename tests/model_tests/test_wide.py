import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from data.corpus import Corpus
from data.ngram_counter import KINDS
from data.ngrams import fit_ngrams
from data.numbered import number_texts
from data.split import Split, split_corpus
from model.evaluation import evaluate
from model.linear import (
    CHOICES,
    LEAST_PART,
    PLANS,
    Plan,
    Recipe,
    choose_linear,
    fit_linear,
    for_all_rows,
    make_plan,
    read_recipe,
    write_recipe,
)
from model.max_margin import Scale
from model.softmax_regression import RATES
from model.wide import encode_wide


@pytest.fixture(scope="module")
def split(corpus: Corpus) -> Split:
    return split_corpus(corpus)


def test_it_is_as_good_as_logistic_regression(corpus: Corpus, split: Split) -> None:
    _, features = fit_ngrams(number_texts(corpus.texts, 50), split.train)
    train, test = split.train, split.test
    held_out = np.arange(len(train)) % 5 == 0
    recipe = Recipe(PLANS[0], *choose_linear(features[train], corpus.labels[train], 3, held_out, 5, 0))
    kernel = fit_linear(features[train], corpus.labels[train], 3, 0, recipe)
    ours = evaluate(corpus.labels[test], features[test] @ kernel)
    theirs = LogisticRegression(C=10).fit(features[train], corpus.labels[train])
    assert ours.loss < evaluate(corpus.labels[test], theirs.predict_log_proba(features[test])).loss + 0.02
    assert ours.accuracy == 1


def test_it_learns_from_training_rows_alone(corpus: Corpus, split: Split) -> None:
    first = encode_wide(corpus, split, 50, 0)
    labels = corpus.labels.copy()
    labels[split.validation] = labels[split.test] = 0
    texts = list(corpus.texts)
    for row in (*split.validation, *split.test):
        texts[row] = f"another text {row}"
    changed = encode_wide(Corpus(texts, labels, corpus.classes), split, 50, 0)
    np.testing.assert_array_equal(first.wide.kernel, changed.wide.kernel)
    np.testing.assert_array_equal(first.wide.ngrams.codes, changed.wide.ngrams.codes)


def test_trainings_are_given_its_logits_of_the_validation_rows(corpus: Corpus, split: Split) -> None:
    encoded = encode_wide(corpus, split, 50, 0)
    np.testing.assert_array_equal(encoded.dataset.wide, encoded.logits[split.validation])
    texts = [corpus.texts[row] for row in split.test]
    np.testing.assert_allclose(encoded.wide.logits(number_texts(texts, 50)), encoded.logits[split.test], atol=1e-5)
    assert evaluate(corpus.labels[split.test], encoded.logits[split.test]).accuracy == 1


def test_half_the_logarithm_of_a_classs_share_is_taken_off_its_logit(
    corpus: Corpus, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = split.train[(corpus.labels[split.train] != 0) | (np.arange(len(split.train)) % 5 == 0)]  # class 0 made rare
    rare = Split(train, split.validation, split.test)
    halved = encode_wide(corpus, rare, 50, 0).logits
    monkeypatch.setattr("model.linear.BALANCE", 0.0)
    whole = encode_wide(corpus, rare, 50, 0).logits
    shares = np.bincount(corpus.labels[train], minlength=3) / len(train)
    np.testing.assert_allclose(halved, whole - 0.5 * np.log(shares), atol=1e-4)


def test_the_same_seed_gives_the_same_kernel(corpus: Corpus, split: Split) -> None:
    first, again, other = (encode_wide(corpus, split, 50, seed).wide.kernel for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_the_more_work_there_would_be_the_less_is_looked_at(corpus: Corpus, split: Split) -> None:
    counts = {"words": 10, "pairs": 10, "characters": 100}
    work = [plan.work(counts, 7) for plan in PLANS]
    assert work == sorted(work, reverse=True)
    assert PLANS[0] == Plan(KINDS, 5)
    assert encode_wide(corpus, split, 50, 0, work=1).wide.ngrams.kinds() == ["words"]


def test_a_step_size_chosen_on_few_rows_is_made_smaller_for_all(
    corpus: Corpus, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert for_all_rows(2.0, 1.0) == 2.0
    assert for_all_rows(2.0, 1 / 8) == pytest.approx(1.0)
    parts: list[float] = []
    monkeypatch.setattr("model.wide.for_all_rows", lambda rate, part: parts.append(part) or rate / 2)
    rates = [encode_wide(corpus, split, 50, 0, work=work).recipe.rate for work in (1, 1e12)]
    assert parts == [LEAST_PART, 1.0]
    assert {2 * rate for rate in rates} <= set(RATES)


@given(st.integers(1, 10**7), st.integers(2, 1000), st.floats(1, 1e12), st.sampled_from([1, 4]))
def test_a_plan_is_the_most_thorough_that_can_be_followed_and_chooses_on_as_many_rows_as_there_is_time_for(
    ngrams: int, classes: int, work: float, fits: int
) -> None:
    counts = {"words": ngrams, "pairs": 2 * ngrams, "characters": 7 * ngrams}
    plan, part = make_plan(PLANS, counts, classes, work, fits)
    assert LEAST_PART <= part <= 1
    taken = (fits + CHOICES * part) * plan.work(counts, classes)
    assert taken <= work * (1 + 1e-9) or part == LEAST_PART
    if taken > work * (1 + 1e-9):
        assert plan == PLANS[-1], "nothing takes less"
    for better in PLANS[: PLANS.index(plan)]:
        assert (fits + CHOICES * LEAST_PART) * better.work(counts, classes) > work
    assert part == 1 or taken >= 0.999 * work or part == LEAST_PART, "all the time is used"


@pytest.mark.parametrize("scale", [None, Scale(2.5, 0.5, 0.1)])
def test_a_recipe_is_read_as_it_was_written(scale: Scale | None) -> None:
    for plan in PLANS:
        recipe = Recipe(plan, 2.0, scale)
        assert read_recipe(json.loads(json.dumps(write_recipe(recipe)))) == recipe


def test_by_a_recipe_it_is_fitted_in_the_same_way_whatever_the_work(corpus: Corpus, split: Split) -> None:
    found = encode_wide(corpus, split, 50, 0)
    again = encode_wide(corpus, split, 50, 0, work=1, recipe=found.recipe)
    np.testing.assert_array_equal(again.wide.kernel, found.wide.kernel)
    machine = found.recipe._replace(scale=Scale(7.0, 0.5, 0.0))
    other = encode_wide(corpus, split, 50, 0, recipe=machine)
    assert other.recipe == machine
    np.testing.assert_array_equal(other.wide.ngrams.codes, found.wide.ngrams.codes)
    assert np.abs(other.wide.kernel - found.wide.kernel).max() > 0


def test_one_unit_is_enough() -> None:
    two = Corpus(["a b", "a b", "c"], np.array([0, 1, 0], np.int32), ("x", "y"))
    rows = np.arange(3)
    encoded = encode_wide(two, Split(rows[:2], rows[2:], rows[2:]), 9, 0)
    assert np.isfinite(encoded.logits).all()
