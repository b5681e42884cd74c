import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.corpus import Corpus, corpus_from_lists
from data.errors import InputError
from data.industries import read_industries
from data.small_classes import SmallClassesError, without_small_classes
from data.split import SIDES, split_corpus, told_of_sides
from data.units import _digest, fold_text, number_units

rows = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.integers(0, 25)), min_size=30, max_size=120)


def corpus_of(drawn: list[tuple[int, str, int]], *, grouped: bool) -> Corpus:
    texts = [f"Text  {number}" if index % 2 else f" text {number} " for index, (number, _, _) in enumerate(drawn)]
    groups = [group for _, _, group in drawn] if grouped else None
    return corpus_from_lists(texts, [label for _, label, _ in drawn], groups)


@pytest.mark.parametrize("grouped", [False, True], ids=["free", "grouped"])
@given(drawn=rows, seed=st.integers(0, 3))
def test_sides_are_disjoint_cover_and_part_neither_equal_texts_nor_groups(
    grouped: bool, drawn: list[tuple[int, str, int]], seed: int
) -> None:
    assume(len({label for _, label, _ in drawn}) > 1)
    corpus = corpus_of(drawn, grouped=grouped)
    try:
        split = split_corpus(corpus, seed=seed)
    except InputError:
        assume(False)
    sides = [split.side(name) for name in SIDES]
    assert sorted(np.concatenate(sides)) == list(range(len(corpus)))
    for keys in ([fold_text(text) for text in corpus.texts], None if corpus.groups is None else corpus.groups.tolist()):
        if keys is not None:
            held = [{keys[row] for row in side} for side in sides]
            assert sum(map(len, held)) == len(set.union(*held))
    for side in sides:
        assert set(corpus.labels[side]) == set(corpus.labels), "every class stands on every side"


@given(sizes=st.lists(st.integers(3, 400), min_size=2, max_size=6), seed=st.integers(0, 5))
def test_without_groups_each_class_is_shared_out_to_the_row(sizes: list[int], seed: int) -> None:
    labels = [str(index) for index, size in enumerate(sizes) for _ in range(size)]
    corpus = corpus_from_lists([f"text {row}" for row in range(len(labels))], labels)
    split = split_corpus(corpus, validation=0.2, test=0.1, seed=seed)
    for label, name in enumerate(corpus.classes):
        size = sizes[int(name)]
        for side, fraction in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
            got = int((corpus.labels[split.side(side)] == label).sum())
            assert abs(got - fraction * size) <= 2


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    corpus = read_industries()
    first, again, other = (split_corpus(corpus, seed=seed).test.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_embedded_corpus_is_split_by_isic_class_in_proportion() -> None:
    corpus = read_industries()
    split = split_corpus(corpus)
    assert corpus.groups is not None
    assert 300 < len(set(corpus.groups)) < len(corpus) / 2
    assert sum(len(set(corpus.groups[split.side(side)])) for side in SIDES) == len(set(corpus.groups))
    for side, fraction in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        counts = np.bincount(corpus.labels[split.side(side)], minlength=21)
        assert abs(counts.sum() / len(corpus) - fraction) < 0.02
        assert (counts > 0).all()


def test_classes_too_small_to_split_are_named_folded_or_dropped() -> None:
    corpus = corpus_from_lists([f"text {row}" for row in range(14)], ["big"] * 10 + ["one"] + ["two"] * 2 + ["uno"])
    with pytest.raises(InputError, match=r"3 classes: 'one', 'two', 'uno' are too small.*Add rows"):
        split_corpus(corpus)
    folded = without_small_classes(corpus, "fold")
    assert folded.classes == ("big", "other")
    assert split_corpus(folded).test.size
    assert without_small_classes(corpus, "refuse") is corpus
    assert folded.notes == ("Too small to split, and folded into 'other': 3 classes: 'one', 'two', 'uno', 4 rows",)
    with pytest.raises(InputError, match=r"Only one class is left .*'one', 'two', 'uno' are too small"):
        without_small_classes(corpus, "drop")
    few = corpus_from_lists([f"text {row}" for row in range(8)], ["big"] * 3 + ["more"] * 3 + ["one", "uno"])
    with pytest.raises(SmallClassesError, match=r"2 classes: 'one', 'uno' are.*Folded into one class they still are. Add rows"):
        without_small_classes(few, "fold")


def test_a_class_whose_groups_others_would_take_is_given_its_sides_first() -> None:
    groups = {"a": [1, 3, 3, 4, 4], "b": [2, 5, 5, 6, 6], "c": [1, 2, 7, 7]}
    rows = [(label, group) for label, theirs in groups.items() for group in theirs]
    labels, theirs = zip(*rows, strict=True)
    corpus = corpus_from_lists([f"text {row}" for row in range(len(rows))], labels, theirs)
    for seed in range(10):
        split = split_corpus(corpus, seed=seed)
        for name in SIDES:
            assert set(corpus.labels[split.side(name)]) == {0, 1, 2}


def test_classes_that_no_split_can_part_are_named() -> None:
    tied = corpus_from_lists([f"text {row}" for row in range(9)], list("aaabbbccc"), [1, 2, 3, 1, 2, 4, 3, 4, 5])
    with pytest.raises(InputError, match=r"No row of .* could be given to .*Use finer groups") as caught:
        split_corpus(tied)
    assert not isinstance(caught.value, SmallClassesError)


def test_texts_that_are_read_alike_stand_on_one_side() -> None:
    alike = ["Driver\u2019s mate", "driver's  mate", "DRIVER\u02bcS MATE", "caf\u00e9", "cafe\u0301", "\uff43afe\u0301"]
    unseen = ["driver mate\u200e", "dri\u200dver\u200bmate\ufe0f"]
    corpus = corpus_from_lists([*alike, "driver mate", *unseen], ["a", "b", "a", "b", "a", "b", "a", "b", "a"])
    assert number_units(corpus).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_rows_of_one_group_count_as_one() -> None:
    corpus = corpus_from_lists([f"t{row}" for row in range(12)], ["a"] * 6 + ["b"] * 6, [1, 2, 3, 4, 5, 6] + [7] * 6)
    with pytest.raises(InputError, match=r"'b' is too small.*group.*counted as one \('b' has 6 rows\). Finer groups may help"):
        split_corpus(corpus)
    alike = corpus_from_lists(["x"] * 4 + ["y", "z", "w"], ["a"] * 4 + ["b"] * 3)
    with pytest.raises(InputError, match=r"'a' is too small.*3 rows, equal texts counted as one \('a' has 4 rows\)\. Add"):
        split_corpus(alike)


def test_small_classes_are_folded_into_a_class_that_is_named_so_whatever_its_case() -> None:
    corpus = corpus_from_lists([f"text {row}" for row in range(11)], ["big"] * 4 + ["Other"] * 4 + ["one", "two", "uno"])
    assert without_small_classes(corpus, "fold").classes == ("Other", "big")


def test_sides_that_groups_make_smaller_or_larger_are_told() -> None:
    texts = [f"text {row}" for row in range(300)]
    one = corpus_from_lists(texts, ["a", "b"] * 150, [0] * 290 + list(range(1, 11)))
    (told,) = told_of_sides(one, split_corpus(one), 0.1, 0.1)
    assert "a group or equal texts tie up to 290 rows together" in told
    for groups in (None, [row // 3 for row in range(300)]):
        even = corpus_from_lists(texts, ["a", "b"] * 150, groups)
        assert not list(told_of_sides(even, split_corpus(even), 0.1, 0.1))


@given(st.text("aB \n\u2003ß", max_size=30))
def test_long_texts_are_equal_as_short_ones_are(text: str) -> None:
    short = _digest(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data.units.LONG_TEXT", 0)
        assert _digest(text) == short


@pytest.mark.parametrize(("validation", "test"), [(0, 0.1), (0.5, 0.5), (float("nan"), 0.1)])
def test_fractions_that_leave_no_side_are_refused(validation: float, test: float) -> None:
    with pytest.raises(InputError, match="leave a rest"):
        split_corpus(corpus_from_lists(["a", "b"], ["x", "y"]), validation=validation, test=test)
