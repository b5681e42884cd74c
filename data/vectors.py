"""Word vectors that others have trained, in word2vec's format, text or binary, or in GloVe's; gzipped or not.

Files are read word by word and only the vocabulary's vectors are kept, so that millions of words need no more memory than the
network that they are for.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from data.errors import InputError
from data.measured import Measured
from data.tokenizer import tokenize
from data.tokens import FIRST
from data.vocabulary import Vocabulary

Floats = npt.NDArray[np.float32]
BUFFER = 2**14
LONGEST_LINE, LONGEST_WORD, LONGEST_VECTOR, LONGEST_NUMBER = 2**20, 2**12, 10_000, 18
"""Bytes of a line and of a word, numbers of a vector, and digits of a count above which a file is something else."""


FEW, STRANGE_SHARE = 3, 0.05
"""Words of control characters that a binary file may hold, by number and by share, before it is taken for misread."""


class File(Protocol):
    """What is read from: a file, unpacked or not."""

    def readline(self, limit: int, /) -> bytes:
        """Reads to the end of the line."""

    def read(self, size: int, /) -> bytes:
        """Reads so many bytes."""

    def peek(self, size: int, /) -> bytes:
        """Looks at some of the bytes that come next."""


class Word(NamedTuple):
    """A word of a file: where it stands, and its vector, not read yet unless it is wanted."""

    place: str
    name: str
    content: bytes


def vector_length(path: Path) -> int:
    """Returns how long a file's vectors are, by its first line.

    Raises:
        InputError: If the file cannot be read, or is of another format.
    """
    with _readable(path) as file:
        return _open(path, file)[0]


def read_vectors(path: Path, vocabulary: Vocabulary) -> Floats:
    """Reads the vectors of a vocabulary's tokens.

    A token has the vector of the word that is the same; failing that, of the file's first word that is tokenised to it alone:
    'Paris' for 'paris'. Tokens that stood in the training texts once only are not looked up: networks treat them as unknown.

    Args:
        path: Its content, not its name, says in which format it is; but gzipped files end in .gz.
        vocabulary: Of the training texts.

    Returns:
        float32 (vocabulary.size, length): a row an id; NaN where the file has no vector.

    Raises:
        InputError: If the file cannot be read, is of another format, or has no vector for any token.
    """
    ids = {token: number for number, token in enumerate(vocabulary.tokens[: vocabulary.size - FIRST], start=FIRST)}
    with _readable(path) as file:
        vectors = _read(path, file, ids)
    if np.isnan(vectors).all():
        raise InputError(f"{path} has no vector for any of the {len(ids):,} words of the texts. Is it of their language?")
    return vectors


@contextmanager
def _readable(path: Path) -> Iterator[File]:
    """Opens a file, and turns what that and reading it can raise into an InputError that names it."""
    try:
        with BufferedReader(Measured(path, longest=sys.maxsize), BUFFER) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _read(path: Path, file: File, ids: dict[str, int]) -> Floats:
    """Reads the vectors of tokens by their ids."""
    length, binary, words = _open(path, file)
    vectors = np.full((FIRST + len(ids), length), np.nan, np.float32)
    same = np.zeros(len(vectors), dtype=bool)
    for word in words:
        number = ids.get(word.name)
        if number is None:
            tokens = tokenize(word.name)
            number = ids.get(tokens[0]) if len(tokens) == 1 else None
            if number is None or not np.isnan(vectors[number, 0]):
                continue
        elif same[number]:
            continue
        else:
            same[number] = True
        vectors[number] = _vector(path, word, length, binary=binary)
    return vectors


def _open(path: Path, file: File) -> tuple[int, bool, Iterator[Word]]:
    """Finds out the format: how long vectors are, whether in binary, and the words."""
    first = file.readline(LONGEST_LINE)
    header = first.split()
    if len(header) == 2 and all(part.isdigit() and len(part) <= LONGEST_NUMBER for part in header):
        count, length = map(int, header)
        if not 1 <= length <= LONGEST_VECTOR:
            raise InputError(f"{path}, line 1: vectors of {length:,} numbers; 1 to {LONGEST_VECTOR:,} can be read.")
        line, newline, _ = file.peek(BUFFER).partition(b"\n")
        text = _is_text(line, length) or _begins_as_text(line if newline else line.rpartition(b" ")[0], length)
        return length, not text, _text_words(path, file, length, 2) if text else _binary_words(path, file, count, length)
    length = len(header) - 1
    if not _is_text(first, length) or not 1 <= length <= LONGEST_VECTOR:
        raise InputError(
            f"{path}, line 1: neither 'count length', as word2vec's files begin, nor a word and its numbers, as GloVe's do."
        )
    return length, False, _text_words(path, _Again(first, file), length, 1)


class _Again:
    """A file whose first line is read again."""

    def __init__(self, first: bytes, file: File) -> None:
        self._first, self._file = first, file

    def readline(self, limit: int) -> bytes:
        line, self._first = self._first, b""
        return line or self._file.readline(limit)


def _is_text(line: bytes, length: int) -> bool:
    """Tells whether a line is a word, in which there may be spaces, and so many numbers."""
    numbers = line.rstrip(b"\r\n ").rsplit(b" ", length)[1:]
    return len(numbers) == length and _are_numbers(numbers)


def _begins_as_text(line: bytes, length: int) -> bool:
    """Tells whether as much of a line as was looked at is a word and numbers."""
    return _are_numbers(line.split(b" ")[1 : length + 1])


def _are_numbers(parts: Sequence[bytes]) -> bool:
    try:
        return bool([float(part) for part in parts if part])
    except ValueError:
        return False


def _text_words(path: Path, file: File | _Again, length: int, number: int) -> Iterator[Word]:
    while line := file.readline(LONGEST_LINE):
        if len(parts := line.rstrip(b"\r\n ").rsplit(b" ", length)) != length + 1:
            raise InputError(f"{path}, line {number}: a word and {length} numbers should stand there, separated by spaces.")
        yield Word(f"line {number}", parts[0].decode(errors="replace"), b" ".join(parts[1:]))
        number += 1


def _binary_words(path: Path, file: File, count: int, length: int) -> Iterator[Word]:
    strange = 0
    for number in range(1, count + 1):
        name = bytearray()
        while (end := (ahead := file.peek(1)).find(b" ")) < 0 and ahead and len(name) <= LONGEST_WORD:
            name += file.read(len(ahead))
        name += file.read(end + 1)[:-1] if end >= 0 else b""
        content = file.read(4 * length)
        if len(content) != 4 * length or len(name) > LONGEST_WORD:
            raise InputError(f"{path}: word {number:,} of {count:,} is cut short; fetch the file again.")
        word = bytes(name).lstrip(b"\r\n")
        strange += any(byte < ord(" ") for byte in word)
        if strange > FEW and strange > number * STRANGE_SHARE:
            raise InputError(f"{path}, word {number:,}: numbers where a word should stand; perhaps words before hold spaces.")
        yield Word(f"word {number:,}", word.decode(errors="replace"), content)
    if len(file.peek(BUFFER).strip()) > 4 * length:
        raise InputError(f"{path}: more stands behind its {count:,} words; perhaps one of them holds a space.")


def _vector(path: Path, word: Word, length: int, *, binary: bool) -> Floats:
    try:
        vector = np.frombuffer(word.content, "<f4") if binary else np.array(word.content.split(b" "), dtype=np.float32)
    except ValueError:
        raise InputError(f"{path}, {word.place}: {length} numbers should stand behind {word.name!r}.") from None
    if not np.isfinite(vector).all():
        raise InputError(f"{path}, {word.place}: the vector of {word.name!r} is not finite.")
    return vector.astype(np.float32)
