from zlib import crc32

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.subwords import BUCKETS, MOST, NONE, NamedParts, word_parts
from data.tokens import FIRST


def parts_of(*words: str) -> list[set[int]]:
    return [set(row[row != NONE].tolist()) for row in word_parts(words)[FIRST:]]


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=20, unique=True))
def test_parts_depend_on_the_word_alone_and_stand_first_once_each_in_range(words: list[str]) -> None:
    rows = word_parts(words)
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


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=20, unique=True), st.data())
def test_parts_looked_up_by_a_words_id_are_those_of_the_table(words: list[str], data: st.DataObject) -> None:
    table, first = word_parts(words), data.draw(st.integers(FIRST, FIRST + len(words) - 1))
    named = NamedParts(words[first - FIRST :], first)
    assert len(named) == len(table)
    ids = np.array(data.draw(st.lists(st.integers(first, len(table) - 1), max_size=9)), np.int32)
    np.testing.assert_array_equal(named[ids], table[ids])


def test_of_an_endless_word_as_much_is_looked_at_as_of_any() -> None:
    assert parts_of("a" + 400_000 * "\u0301") == parts_of("a" + 63 * "\u0301")
