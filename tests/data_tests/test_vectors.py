import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.numbered import number_texts
from data.tokens import FIRST
from data.vectors import read_vectors
from data.vocabulary import Vocabulary, fit_vocabulary

Table = dict[str, np.ndarray]


def vocabulary_of(*tokens: str) -> Vocabulary:
    return Vocabulary(tokens, np.full(len(tokens), 2))


def glove(words: Table) -> bytes:
    return b"".join(f"{word} {' '.join(map(repr, vector.tolist()))}\n".encode() for word, vector in words.items())


def word2vec_text(words: Table) -> bytes:
    return f"{len(words)} {len(next(iter(words.values())))}\n".encode() + glove(words)


def word2vec_text_with_spaces_at_line_ends(words: Table) -> bytes:
    return word2vec_text(words).replace(b"\n", b" \r\n")


def word2vec_binary(words: Table) -> bytes:
    content = b"".join(f"{word} ".encode() + vector.astype("<f4").tobytes() for word, vector in words.items())
    return f"{len(words)} {len(next(iter(words.values())))}\n".encode() + content


def word2vec_binary_with_line_ends(words: Table) -> bytes:
    content = b"".join(f"{word} ".encode() + vector.astype("<f4").tobytes() + b"\n" for word, vector in words.items())
    return f"{len(words)} {len(next(iter(words.values())))}\n".encode() + content


FORMATS = [glove, word2vec_text, word2vec_text_with_spaces_at_line_ends, word2vec_binary, word2vec_binary_with_line_ends]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_format_gives_the_same_vectors(tmp_path: Path, write: Callable[[Table], bytes], *, compressed: bool) -> None:
    rng = np.random.default_rng(0)
    words = {word: rng.normal(size=7).astype(np.float32) for word in ("the", ". . .", "Café", "中", "in", "x" * 30_000)}
    path = tmp_path / ("vectors.gz" if compressed else "vectors")
    if "binary" in write.__name__:
        del words["x" * 30_000], words[". . ."]
    path.write_bytes(gzip.compress(write(words)) if compressed else write(words))
    vectors = read_vectors(path, vocabulary_of("in", "the", "absent", "中", "café"))
    assert vectors.dtype == np.float32
    assert vectors.shape == (FIRST + 5, 7)
    np.testing.assert_array_equal(vectors[FIRST:], [words["in"], words["the"], np.full(7, np.nan), words["中"], words["Café"]])
    assert np.isnan(vectors[:FIRST]).all()


@pytest.mark.parametrize("names", [["Paris", "PARIS", "paris"], ["paris", "Paris"], ["PARIS", "paris", "Paris"]])
def test_the_word_itself_comes_before_others_that_are_tokenised_to_it(tmp_path: Path, names: list[str]) -> None:
    words = {name: np.full(3, number, np.float32) for number, name in enumerate(names)}
    (tmp_path / "v").write_bytes(glove(words))
    assert read_vectors(tmp_path / "v", vocabulary_of("paris"))[FIRST].tolist() == words["paris"].tolist()


def test_of_others_the_first_counts(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"Rome 1 2\nROME 3 4\n")
    assert read_vectors(tmp_path / "v", vocabulary_of("rome"))[FIRST].tolist() == [1, 2]


def test_the_first_word_of_a_text_may_hold_a_space(tmp_path: Path) -> None:
    words = {word: np.full(3, number, np.float32) for number, word in enumerate(("new york", "a", "b"))}
    (tmp_path / "v").write_bytes(word2vec_text(words))
    assert read_vectors(tmp_path / "v", vocabulary_of("a", "b"))[FIRST:].tolist() == [[1.0] * 3, [2.0] * 3]


def test_tokens_seen_once_are_not_looked_up(tmp_path: Path) -> None:
    vocabulary, _ = fit_vocabulary(number_texts(["a a b"], 9), np.array([0]))
    (tmp_path / "v").write_bytes(b"a 1\nb 2\n")
    assert read_vectors(tmp_path / "v", vocabulary).shape == (FIRST + 1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: neither"),
        (b"text,label\na,b\n", "line 1: neither"),
        (b"\x00\x01\x02", "line 1: neither"),
        (b"3 0\n", "vectors of 0 numbers"),
        (b"1 99999999\n", "vectors of 99,999,999 numbers"),
        (b"a 1 2\nb 1\n", "line 2: a word and 2 numbers"),
        (b"a 1 x\n", "line 1: neither"),
        (b"b 1 2\na 1 x\n", "line 2: 2 numbers should stand behind 'a'"),
        (b"a 1 nan\n", "line 1: the vector of 'a' is not finite"),
        (b"2 3\na " + bytes(12), "word 2 of 2 is cut short"),
        (b"1 3\n" + b"a" * 9000, "word 1 of 1 is cut short"),
        (b"9 3\n" + (b"new york " + bytes(12) + b"a " + bytes(12)) * 9, "word 8: numbers where a word should stand"),
        (b"1 3\na " + bytes(12) + b"\nb " + bytes(12), "more stands behind its 1 words"),
        (b"2 3\na 1 2\nb 1 2 3\n", "line 2: a word and 3 numbers"),
        (b"z 1 2\n", "no vector for any of the 1 words"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused_by_place(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_vectors(tmp_path / "v", vocabulary_of("a"))


def test_a_file_that_is_not_there_or_not_gzipped_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_vectors(tmp_path / "v", vocabulary_of("a"))
    (tmp_path / "v.gz").write_bytes(b"a 1 2\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_vectors(tmp_path / "v.gz", vocabulary_of("a"))


@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", b"2 3\n", b"a 1 2\n"]))
def test_any_bytes_give_vectors_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(head + content)
    try:
        vectors = read_vectors(path, vocabulary_of("a"))
    except InputError as error:
        message = str(error)
    else:
        message = f"{path}"
        assert np.isfinite(vectors[FIRST]).all()
    assert message.startswith(str(path))
    assert "\n" not in message
