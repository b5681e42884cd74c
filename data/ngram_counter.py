"""How often words, pairs of words and runs of characters stand in texts.

Words are tokens; runs of characters are those of what stands between white space, with its punctuation.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from data.numbered import NumberedTexts
from data.tokenizer import TAKEN, is_spaceless
from data.tokens import FIRST, Ints

Kind = Literal["words", "pairs", "characters"]
KINDS: tuple[Kind, ...] = ("words", "pairs", "characters")
RUNS = (3, 4, 5)
REPEATED = 0.6
"""Share of the runs of a text's distinct words that are distinct: .8 in texts of 13 words, .55 in texts of 600."""
TOKENS = 2**18
"""Tokens of the texts whose n-grams are counted at a time; or as many pieces as they may have, one for each two characters."""

Codes = npt.NDArray[np.uint64]
Hashes = npt.NDArray[np.uint32]


def count_ngrams(numbered: NumberedTexts) -> dict[Kind, int]:
    """Estimates how many distinct n-grams of each kind the texts have, added up over all texts; without finding them.

    Runs of characters are those of the distinct tokens, and those that begin with what is no token, or a token that no space
    parts from the next.
    """
    lengths = np.array([len(name) for name in numbered.names])
    joined = np.array([is_spaceless(name) for name in numbered.names])
    taken, begun = lengths + ~joined, lengths * joined
    runs = np.array([sum(max(0, len(name) + 3 - size) for size in RUNS) if name else 0 for name in numbered.names])
    runs[joined] = 0
    counter = NgramCounter(numbered, "words")
    words, characters, accounted, beginnings = 0, 0, 0, 0
    for first, last in text_parts(numbered):
        part = counter.count(first, last)
        words += part.nnz
        characters += int(REPEATED * runs[part.indices].sum())
        times = part.data.astype(np.int64)
        accounted += int(taken[part.indices] @ times)
        beginnings += int(begun[part.indices] @ times)
    marks = max(0, int(_characters(numbered).sum()) - accounted)
    characters += len(RUNS) * (beginnings + int(REPEATED * marks))
    return {"words": words, "pairs": len(numbered.tokens.flat), "characters": characters}


def _characters(numbered: NumberedTexts) -> Ints:
    """Returns how many characters of each text are looked at, at most."""
    return np.minimum([len(text) for text in numbered.texts], TAKEN * numbered.limit)


def text_parts(numbered: NumberedTexts) -> Iterator[tuple[int, int]]:
    """Yields the first and last + 1 of texts that have `TOKENS` tokens or pieces together, or one text of more."""
    sizes = np.maximum(np.diff(numbered.tokens.offsets), (_characters(numbered) + 1) // 2)
    offsets, first = np.concatenate([[0], np.cumsum(sizes)]), 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + TOKENS, side="right")) - 1)
        yield first, last
        first = last


class NgramCounter:
    """Counts the n-grams of a kind in texts; what hangs on words or on neighbours alone is worked out once.

    Attributes:
        codes: uint64: of each column of the counts.
    """

    def __init__(self, numbered: NumberedTexts, kind: Kind) -> None:
        numbered = numbered.pieces() if kind == "characters" else numbered
        self._tokens, self._kind, names = numbered.tokens, kind, numbered.names
        self._size = len(names)
        if kind == "words":
            self.codes = _of_kind(_hashes(names), "words")
        elif kind == "characters":
            hashed, ends = array("I"), array("q", [0])  # no run is kept as a text: where words are not parted, all are distinct
            for name in names:
                hashed.extend(_run_hashes(name))
                ends.append(len(hashed))
            codes, columns = np.unique(np.frombuffer(hashed, dtype=np.uint32), return_inverse=True)
            ones = np.ones(len(columns), dtype=np.float32)
            shape = (len(names), len(codes))
            self._contain = csr_array((ones, columns, np.frombuffer(ends, dtype=np.int64)), shape=shape)
            self.codes = _of_kind(codes, "characters")
        else:
            hashes = _hashes(names)  # 32 bits, for there may be a hundred million pairs
            flat = numbered.tokens.flat
            mixed = hashes[flat[:-1]]
            mixed *= np.uint32(0x9E3779B1)
            mixed += hashes[flat[1:]]
            codes, pairs = np.unique(mixed, return_inverse=True)
            self.codes, self._pairs = _of_kind(codes, "pairs"), pairs.astype(np.int32)

    def count(self, first: int, last: int) -> csr_array:
        """Returns counts of the texts from the first to before the last: float32 (texts, n-grams)."""
        offsets = self._tokens.offsets[first : last + 1]
        if self._kind == "pairs":
            rows = np.repeat(np.arange(last - first), np.diff(offsets))
            inside = rows[1:] == rows[:-1]
            columns = self._pairs[offsets[0] : offsets[-1] - 1][inside]
            ones = np.ones(len(columns), dtype=np.float32)
            return csr_array(coo_array((ones, (rows[1:][inside], columns)), shape=(last - first, len(self.codes))))
        flat = self._tokens.flat[offsets[0] : offsets[-1]]
        ones = np.ones(len(flat), dtype=np.float32)
        counts = csr_array((ones, flat, offsets - offsets[0]), shape=(last - first, self._size), copy=True)
        counts.sum_duplicates()
        if self._kind == "characters":
            return csr_array(counts @ self._contain)
        counts.data[counts.indices < FIRST] = 0
        counts.eliminate_zeros()
        return counts


def _run_hashes(name: str) -> list[int]:
    """Returns hashes of a piece's runs of characters, its ends marked by a space; a piece of one character is a run itself."""
    if not name:
        return []
    marked = f" {name} "
    places = [(at, at + size) for size in RUNS for at in range(len(marked) - size + 1)]
    if marked.isascii():  # a character a byte
        data = marked.encode()
        return [zlib.crc32(data[first:last]) for first, last in places]
    return [_hash(marked[first:last]) for first, last in places]


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _hashes(names: Collection[str]) -> Hashes:
    return np.fromiter(map(_hash, names), np.uint32, len(names))


def _of_kind(hashes: Hashes, kind: Kind) -> Codes:
    return hashes.astype(np.uint64) | np.uint64(KINDS.index(kind) << 32)
