import math
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.industries import read_industries
from data.ngram_counter import KINDS, Kind, NgramCounter, count_ngrams, text_parts
from data.ngrams import ALWAYS, LEAST, fit_ngrams
from data.numbered import number_texts
from data.tokenizer import split_pieces, tokenize

texts = st.lists(st.text("abcd é中,!", max_size=20), min_size=1, max_size=12)


def counted(text: str, kind: Kind) -> Counter[str]:
    """The n-grams of a text, told one by one."""
    words = tokenize(text, 9)
    if kind == "words":
        return Counter(words)
    if kind == "pairs":
        return Counter(map(" ".join, pairwise(words)))
    marked = [f" {piece} " for piece in split_pieces(text, 9)]
    return Counter(piece[at : at + size] for piece in marked for size in (3, 4, 5) for at in range(len(piece) - size + 1))


@given(texts, st.data())
def test_weights_are_tf_idf_of_the_ngrams_of_training_texts(written: list[str], data: st.DataObject) -> None:
    train = np.array(sorted(data.draw(st.sets(st.integers(0, len(written) - 1), min_size=1))))
    numbered = number_texts(written, 9)
    ngrams, weights = fit_ngrams(numbered, train)
    expected = np.zeros(len(written))
    for group in (("words", "pairs"), ("characters",)):
        counts = [Counter({(kind, name): n for kind in group for name, n in counted(text, kind).items()}) for text in written]
        frequencies = Counter(ngram for row in train for ngram in counts[row])
        kept = {ngram for ngram, frequency in frequencies.items() if frequency >= LEAST}
        for row in range(len(written)):
            weighed = [
                (1 + math.log(n)) * (math.log((1 + len(train)) / (1 + frequencies[ngram])) + 1)
                for ngram, n in counts[row].items()
                if ngram in kept
            ]
            # All weights of a row as one number: their sum, each over the length of its group.
            expected[row] += sum(weighed) / math.sqrt(sum(weight**2 for weight in weighed)) if weighed else 0
    np.testing.assert_allclose(np.asarray(weights.sum(axis=1)).ravel(), expected + 1, rtol=1e-5)
    np.testing.assert_array_equal(weights.toarray(), ngrams.encode(numbered).toarray())
    assert weights.dtype == np.float32
    assert ngrams.codes[-1] == ALWAYS
    assert (np.diff(ngrams.codes.astype(np.int64)) > 0).all()


def test_it_makes_no_difference_how_many_texts_are_counted_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = number_texts(["aa bb cc", "aa bb", "", "cc aa bb dd", "dd cc"], 9)
    together = fit_ngrams(numbered, np.arange(4))
    for tokens in (1, 3, 5):
        monkeypatch.setattr("data.ngram_counter.TOKENS", tokens)
        ngrams, weights = fit_ngrams(numbered, np.arange(4))
        np.testing.assert_array_equal(ngrams.codes, together[0].codes)
        np.testing.assert_array_equal(weights.toarray(), together[1].toarray())


def test_a_word_never_seen_shares_runs_of_characters_with_those_that_were() -> None:
    ngrams, _ = fit_ngrams(number_texts(["the plumber", "a plumber"], 9), np.array([0, 1]))
    inflected, other = ngrams.encode(number_texts(["plumbers", "zzz"], 9)).toarray()
    assert (inflected > 0).sum() > 5
    assert (other > 0).sum() == 1, "what stands in every text"


def test_punctuation_stands_in_runs_of_characters_alone() -> None:
    ngrams, _ = fit_ngrams(number_texts(["-- Lao Tsu", "Lao Tsu --", "Lao Tsu", "Lao, Tsu"], 9), np.arange(4))
    with_dashes, without, with_comma = (
        ngrams.encode(number_texts(["-- lao tsu", "lao tsu", "LAO, tsu"], 9)).astype(bool).toarray()
    )
    assert (with_dashes & ~without).sum() == 3, "' --', '-- ' and ' -- '"
    assert (with_comma != without).any()


@pytest.mark.parametrize("kinds", [("words",), ("words", "pairs"), ("characters",), ()])
def test_only_the_kinds_asked_for_are_found(kinds: tuple[Kind, ...]) -> None:
    numbered = number_texts(["the plumber", "the plumber", "the"], 9)
    ngrams, weights = fit_ngrams(numbered, np.arange(3), kinds)
    assert ngrams.kinds() == list(kinds)
    np.testing.assert_array_equal(weights.toarray(), ngrams.encode(numbered).toarray())


def test_the_most_frequent_are_kept() -> None:
    numbered = number_texts(["aa bb cc", "aa bb cc", "aa bb", "aa"], 9)
    ngrams, _ = fit_ngrams(numbered, np.arange(4), ("words",), most=2)
    assert len(ngrams.codes) == 3
    first, second, third, _ = (row[:-1].astype(bool).sum() for row in ngrams.encode(numbered).toarray())
    assert (first, second, third) == (2, 2, 2), "aa and bb; cc is rarer"


@given(texts)
def test_estimates_of_how_many_there_are_bound_the_work(written: list[str]) -> None:
    numbered = number_texts(written, 9)
    estimates = count_ngrams(numbered)
    assert set(estimates) == set(KINDS)
    assert estimates["words"] == sum(len(counted(text, "words")) for text in written)
    assert estimates["pairs"] >= sum(len(counted(text, "pairs")) for text in written)


def zipf_texts(signs: str, parted: bool) -> list[str]:
    """Texts of 200 signs that are the rarer the later they stand, in words or in none."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, len(signs) + 1)
    drawn = ["".join(rng.choice(list(signs), 200, p=shares / shares.sum())) for _ in range(50)]
    return [re.sub(r"(.{6})", r"\1 ", text) for text in drawn] if parted else drawn


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(list(read_industries().texts[:300]), id="titles"),
        pytest.param(zipf_texts("".join(map(chr, range(0x4E00, 0x5600))), parted=False), id="Chinese"),
        pytest.param(zipf_texts("".join(map(chr, range(0x0E01, 0x0E4F))), parted=False), id="Thai"),
        pytest.param(zipf_texts("\u1780\u17d2\u1781\u17b6\u1782\u17c6\u1783\u17c8", parted=False), id="Khmer"),
        pytest.param(zipf_texts("".join(map(chr, range(0x0430, 0x0450))), parted=True), id="Cyrillic"),
    ],
)
def test_runs_of_characters_are_estimated_to_half_or_twice_as_many_as_there_are(written: list[str]) -> None:
    numbered = number_texts(written, 5_000)
    counter = NgramCounter(numbered, "characters")
    there = sum(counter.count(first, last).nnz for first, last in text_parts(numbered))
    assert there / 2 <= count_ngrams(numbered)["characters"] <= there * 2


@given(texts)
def test_texts_are_counted_some_at_a_time_by_all_that_they_may_hold(written: list[str]) -> None:
    numbered = number_texts(written, 9)
    pieces, parts = numbered.pieces().tokens.offsets, list(text_parts(numbered))
    assert [row for first, last in parts for row in range(first, last)] == list(range(len(written)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data.ngram_counter.TOKENS", 6)
        for first, last in text_parts(numbered):
            assert last - first == 1 or max(pieces[last] - pieces[first], 1) <= 6
