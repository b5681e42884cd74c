from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.subwords import BUCKETS, MOST, NONE, word_parts
from data.tokens import FIRST
from data.vocabulary import Vocabulary


def parts_of(*words: str) -> list[set[int]]:
    vocabulary = Vocabulary(words, np.full(len(words), 2, np.int64))
    return [set(row[row != NONE].tolist()) for row in word_parts(vocabulary)[FIRST:]]


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=20, unique=True))
def test_parts_depend_on_the_word_alone_and_stand_first_once_each_in_range(words: list[str]) -> None:
    rows = word_parts(Vocabulary(tuple(words), np.full(len(words), 2, np.int64)))
    assert rows.shape == (FIRST + len(words), MOST)
    assert rows.dtype == np.int32
    assert (rows[:FIRST] == NONE).all(), "padding and unknown tokens have none"
    for word, row in zip(words, rows[FIRST:], strict=True):
        count = int((row != NONE).sum())
        assert count == len(set(row[:count].tolist()))
        assert (row[:count] >= 0).all()
        assert (row[:count] < BUCKETS).all()
        assert parts_of(word) == [set(row[:count].tolist())]
        assert count > 0, "even one character has a part: itself between its marks"


def test_the_parts_of_a_word_are_its_runs_of_3_to_6_characters_between_its_marks() -> None:
    runs = ["<ab", "abc", "bcd", "cde", "de>", "<abc", "abcd", "bcde", "cde>", "<abcd", "abcde", "bcde>", "<abcde", "abcde>"]
    assert parts_of("abcde") == [{crc32(run.encode()) % BUCKETS for run in runs}]


def test_of_a_long_words_parts_those_16_count_whose_hashes_come_first() -> None:
    word = "antidisestablishmentarianism"
    (parts,) = parts_of(word)
    runs = {f"<{word}>"[at : at + size] for size in range(3, 7) for at in range(len(word) + 3 - size)}
    first = sorted(crc32(run.encode()) for run in runs)[:16]
    assert parts == {number % BUCKETS for number in first}


def test_inflections_and_typing_errors_share_parts_and_other_words_do_not() -> None:
    teacher, teachers, teahcer, bricklayer = parts_of("teacher", "teachers", "teahcer", "bricklayer")
    assert len(teacher & teachers) >= 8
    assert len(teacher & teahcer) >= 3
    assert len(teacher & bricklayer) <= 2


def test_words_that_occurred_once_or_never_have_parts_too() -> None:
    vocabulary = Vocabulary(("often", "once"), np.array([2, 1], np.int64))
    rows = word_parts(vocabulary, ["never", "often"])
    assert vocabulary.size == FIRST + 1
    assert len(rows) == FIRST + 4
    assert (rows[FIRST + 3] == rows[FIRST]).all(), "parts depend on the word alone"
    assert ((rows[FIRST:] != NONE).sum(axis=1) > 0).all()
    later = word_parts(vocabulary, ["never", "often"], first=FIRST + 2)
    assert (later[: FIRST + 2] == NONE).all()
    assert (later[FIRST + 2 :] == rows[FIRST + 2 :]).all()


def test_of_too_many_words_the_commonest_have_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary(("often", "once"), np.array([2, 1], np.int64))
    whole = word_parts(vocabulary, ["never"])
    monkeypatch.setattr("data.subwords.WORDS", FIRST + 2)
    assert (word_parts(vocabulary, ["never"]) == whole[: FIRST + 2]).all()
