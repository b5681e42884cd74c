import tracemalloc
import unicodedata
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.numbered import number_texts
from data.tokenizer import LONGEST_TOKEN, TAKEN, in_form, normalise, split_pieces, tokenize
from data.tokens import FIRST, UNKNOWN
from data.vocabulary import CHUNK, fit_vocabulary

texts = st.lists(st.text("abc déf中1 ", max_size=30), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" ... --- ", [], id="punctuation alone"),
        pytest.param(
            "C++ and C# for .NET, F#; c++17", ["c++", "and", "c#", "for", ".net", "f#", "c++", "17"], id="technical names"
        ),
        pytest.param("Pays 3.5% or €1,000 in 24/7", ["pays", "3.5", "%", "or", "€", "1,000", "in", "24", "7"], id="numbers"),
        pytest.param("The driver's don't, L’EAU", ["the", "driver", "s", "don't", "l'eau"], id="apostrophes"),
        pytest.param("Straße, ÉCLAIR (naïve)", ["strasse", "éclair", "naïve"], id="Latin beyond ASCII"),
        pytest.param("हिन्दी भाषा", ["हिन्दी", "भाषा"], id="combining marks stay"),
        pytest.param("עברית العربية Ελληνικά", ["עברית", "العربية", "ελληνικά"], id="other scripts"),
        pytest.param("我爱abc北京", ["我", "爱", "abc", "北", "京"], id="Chinese, a token a character"),
        pytest.param("ラーメン ภาษา", ["ラ", "ー", "メ", "ン", "ภ", "า", "ษ", "า"], id="kana and Thai"),
        pytest.param("ok 😀👍", ["ok", "😀", "👍"], id="emoji"),
        pytest.param("a\x00b full-time x_y", ["a", "b", "full", "time", "x", "y"], id="what parts words"),
        pytest.param("x" * 95, ["x" * 40, "x" * 40, "x" * 15], id="too long a run"),
        pytest.param("ｆｕｌｌ ﬁne", ["full", "fine"], id="compatibility forms"),
        pytest.param("\ufeffsoft\u00adware foo\u2060bar", ["software", "foobar"], id="signs that nobody sees"),
        pytest.param(
            "dri\u200dver\u200e la\u200cter \u2764\ufe0f", ["driver", "later", "\u2764"], id="joiners, directions, variants"
        ),
        pytest.param("bus\u200bdriver", ["bus", "driver"], id="a space of no width"),
    ],
)
def test_the_tokenizer_keeps_what_classifies(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@given(st.text(max_size=200))
def test_no_token_is_empty_overlong_or_holds_white_space(text: str) -> None:
    for token in tokenize(text):
        assert 0 < len(token) <= 5 * LONGEST_TOKEN
        assert not any(character.isspace() for character in token)


@given(st.text(max_size=400), st.integers(1, 30))
@example(" " * TAKEN + "a", 1)
@example(" " * (TAKEN - 1) + "ab", 1)
def test_a_limit_gives_the_first_tokens_of_as_much_as_it_looks_at(text: str, limit: int) -> None:
    assert tokenize(text, limit) == tokenize(text[: TAKEN * limit])[:limit]
    assert split_pieces(text, limit) == split_pieces(text[: TAKEN * limit])[:limit]


def test_a_text_of_50_mb_is_cut_without_looking_at_the_rest() -> None:
    text = "lorem, " * 7_200_000
    tracemalloc.start()
    try:
        assert tokenize(text, 7) == ["lorem"] * 7
        assert split_pieces(text, 7) == ["lorem,"] * 7
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@given(st.text(max_size=200))
@example("soft\u00adware, a space\u200bof no width")
def test_pieces_leave_out_white_space_alone(text: str) -> None:
    pieces = split_pieces(text)
    assert all(0 < len(piece) <= LONGEST_TOKEN for piece in pieces)
    assert "".join(pieces) == "".join(normalise(text).split())


@pytest.mark.parametrize("chunk", [2, CHUNK])
@given(texts, st.data())
def test_ids_are_ranks_by_frequency_in_the_training_texts(chunk: int, written: list[str], data: st.DataObject) -> None:
    train = np.array(sorted(data.draw(st.sets(st.integers(0, len(written) - 1), min_size=1))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data.vocabulary.CHUNK", chunk)
        vocabulary, encoded = fit_vocabulary(number_texts(written, 8), train)
    assert list(vocabulary.counts) == sorted(vocabulary.counts, reverse=True)
    seen = [token for row in train for token in tokenize(written[row], 8)]
    assert set(vocabulary.tokens) == set(seen), "fitted on train alone"
    assert [seen.count(token) for token in vocabulary.tokens] == vocabulary.counts.tolist()
    numbered = number_texts(written, 8)
    unseen = vocabulary.unseen(numbered)
    assert set(unseen) == set(numbered.names[FIRST:]) - set(seen)
    assert len(set(unseen)) == len(unseen)
    ids = {token: FIRST + rank for rank, token in enumerate((*vocabulary.tokens, *unseen))}
    for row, text in enumerate(written):
        expected = [ids[token] for token in tokenize(text, 8)] or [UNKNOWN]
        assert encoded[row].tolist() == expected
    again = vocabulary.encode(numbered)
    assert again.flat.tolist() == encoded.flat.tolist()
    assert again.offsets.tolist() == encoded.offsets.tolist()
    assert encoded.flat.dtype == np.int32


@given(texts, st.integers(FIRST, 12))
def test_a_smaller_vocabulary_is_a_view_of_a_larger_one(written: list[str], size: int) -> None:
    vocabulary, encoded = fit_vocabulary(number_texts(written, 50), np.arange(len(written)))
    head, numbered = vocabulary.head(size), number_texts(written, 50)
    smaller, known = head.encode(numbered), FIRST + len(head.tokens)
    assert np.where(smaller.flat < known, smaller.flat, UNKNOWN).tolist() == [
        token if token < known else UNKNOWN for token in encoded.flat
    ]
    names = ("", "", *head.tokens, *head.unseen(numbered))
    for row, text in enumerate(written):
        assert [names[token] for token in smaller[row]] == (tokenize(text, 50) or [""])


def test_what_occurs_once_is_beyond_the_size() -> None:
    vocabulary, _ = fit_vocabulary(number_texts(["b a b", "a c b"], 9), np.array([0, 1]))
    assert vocabulary.tokens == ("b", "a", "c")
    assert vocabulary.size == FIRST + 2


def test_turkish_words_are_the_same_in_capitals() -> None:
    assert tokenize("\u0130\u015e \u0130STANBUL \u0130yi") == tokenize("i\u015f istanbul iyi") == ["i\u015f", "istanbul", "iyi"]


@given(st.text(st.sampled_from("ae \u0301\u0327\u0338\u05b0\U0001d165"), max_size=300), st.sampled_from(["NFC", "NFKC"]))
def test_texts_are_put_in_unicodes_forms(text: str, form: Literal["NFC", "NFKC"]) -> None:
    assert in_form(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("marks", ["\u0301\u0327", "\u0f73\u0f75", "\u0301\uff9e"], ids=ascii)
@pytest.mark.parametrize("before", ["", "a", "ab" * 40, "e\u0301" * 300], ids=len)
def test_of_a_letters_marks_the_first_few_hundred_are_read(before: str, marks: str) -> None:
    """Beyond, what Python takes to put them in order grows with their square."""
    run = marks * 5_000
    assert normalise(f"{before}x{run}y") == normalise(f"{before}x{run[:248]}") + "y"
    assert tokenize(f"{before}x{run}y") == tokenize(f"{before}x{run[:248]}y")
