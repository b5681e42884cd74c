"""Bags of n-grams: words, pairs of words and runs of characters, weighted by TF-IDF.

Runs of 3 to 5 characters within a word, its ends included (" lo", "ster "), say something of words that were never seen,
of inflections and of typing errors (Bojanowski et al., TACL 2017). They depend on the word alone, so each distinct word is
cut once, however often it occurs.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from data.numbered import NumberedTexts
from data.tokens import FIRST, Ints

Kind = Literal["words", "pairs", "characters"]
KINDS: tuple[Kind, ...] = ("words", "pairs", "characters")
NORMED_TOGETHER: tuple[tuple[Kind, ...], ...] = (("words", "pairs"), ("characters",))
"""A text's n-grams of a group have length 1 together, so that the many runs of characters do not drown the words."""
ALWAYS = len(KINDS) << 32
"""The code of what stands in every text."""
RUNS = (3, 4, 5)
MOST = 2**16
"""N-grams of a group that are kept, the most frequent ones."""
REPEATED = 0.6
"""Share of the runs of a text's distinct words that are distinct: .8 in texts of 13 words, .55 in texts of 600."""
TOKENS = 2**18
"""Tokens of the texts whose n-grams are counted at a time."""
LEAST = 2
"""Training texts that an n-gram must stand in to be kept."""

Codes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The n-grams that count, found in training texts.

    Attributes:
        codes: uint64 (f,), rising: each n-gram's kind in the upper 32 bits, a hash of it in the lower ones. The last is
            `ALWAYS`, which stands in every text and gives a linear model its bias.
        idf: float32 (f,): its inverse document frequency, ln((1 + n) / (1 + df)) + 1.
    """

    codes: Codes
    idf: Floats

    def __post_init__(self) -> None:
        codes, idf = self.codes, self.idf
        if codes.dtype != np.uint64 or idf.dtype != np.float32 or codes.ndim != 1 or codes.shape != idf.shape:
            raise ValueError("n-grams must have codes, uint64 (f,), and weights, float32 (f,)")
        if not len(codes) or codes[-1] != ALWAYS or (codes[1:] <= codes[:-1]).any() or not np.isfinite(idf).all():
            raise ValueError("the n-grams' codes must rise and end with that of what stands in every text")

    def encode(self, numbered: NumberedTexts) -> csr_array:
        """Returns texts' weights of the n-grams: float32 (texts, f), 1 + ln(frequency) times idf, of length 1 a group; and
        1 for `ALWAYS`.
        """
        parts = list(self.encode_in_parts(numbered))
        if not parts:
            return csr_array(np.zeros((0, len(self.codes)), np.float32))
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        data, indices = (np.concatenate(arrays) for arrays in zip(*((part.data, part.indices) for part in parts), strict=True))
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return csr_array((data, indices, indptr), shape=(len(lengths), len(self.codes)))

    def encode_in_parts(self, numbered: NumberedTexts) -> Iterator[csr_array]:
        """Yields what `encode` returns, some texts at a time: before n-grams are dropped there are many times more."""
        counters = {kind: _Counter(numbered, kind) for kind in self.kinds()}
        for first, last in _parts(numbered):
            yield self._weigh(
                last - first, {kind: (counter.count(first, last), counter.codes) for kind, counter in counters.items()}
            )

    def kinds(self) -> list[Kind]:
        """Returns the kinds of n-grams that there are."""
        return [KINDS[index] for index in np.unique(self.codes[:-1] >> np.uint64(32)).tolist()]

    def _weigh(self, rows: int, counts: dict[Kind, tuple[csr_array, Codes]]) -> csr_array:
        """Returns the weights of n-grams that were counted in so many texts, kind by kind, with the codes of the columns."""
        always = coo_array((np.ones(rows, np.float32), (np.arange(rows), np.full(rows, len(self.codes) - 1))))
        weighed = [csr_array(always, shape=(rows, len(self.codes)))]
        for group in NORMED_TOGETHER:
            parts = [self._known(*counts[kind]) for kind in group if kind in counts]
            if parts:
                weighed.append(_normed(csr_array(sum(parts[1:], parts[0])), self.idf))
        return csr_array(sum(weighed[1:], weighed[0]))

    def _known(self, counts: csr_array, codes: Codes) -> csr_array:
        """Moves counts to the columns of the n-grams here; the others are dropped."""
        places = np.searchsorted(self.codes, codes)
        places[places == len(self.codes)] = 0
        kept = (self.codes[places] == codes)[counts.indices]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[kept]
        columns = places[counts.indices[kept]]
        return csr_array(coo_array((counts.data[kept], (rows, columns)), shape=(counts.shape[0], len(self.codes))))


def count_ngrams(numbered: NumberedTexts) -> dict[Kind, int]:
    """Estimates how many distinct n-grams of each kind the texts have, added up over all texts; without finding them."""
    runs = np.array([sum(max(0, len(name) + 3 - size) for size in RUNS) if name else 0 for name in numbered.names])
    counter = _Counter(numbered, "words")
    words, characters = 0, 0
    for first, last in _parts(numbered):
        part = counter.count(first, last)
        words += part.nnz
        characters += int(REPEATED * runs[part.indices].sum())
    return {"words": words, "pairs": len(numbered.tokens.flat), "characters": characters}


def fit_ngrams(
    numbered: NumberedTexts, train: Ints, kinds: Collection[Kind] = KINDS, most: int = MOST
) -> tuple[Ngrams, csr_array]:
    """Finds the n-grams of the training rows, and encodes all texts with them.

    Args:
        numbered: All texts of a corpus.
        train: int64: the rows to find them in.
        kinds: Which n-grams.
        most: N-grams of a group that are kept.
    """
    is_train = np.zeros(len(numbered.tokens), dtype=bool)
    is_train[train] = True
    codes, idf = [np.array([ALWAYS], np.uint64)], [np.ones(1, np.float32)]
    for group in NORMED_TOGETHER:
        found = [_frequencies(numbered, kind, is_train) for kind in group if kind in kinds]
        if not found:
            continue
        all_codes, frequencies = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        kept = np.flatnonzero(frequencies >= LEAST)
        kept = kept[np.lexsort((all_codes[kept], -frequencies[kept]))][:most]
        codes.append(all_codes[kept])
        idf.append((np.log((1 + len(train)) / (1 + frequencies[kept])) + 1).astype(np.float32))
    unique, places = np.unique(np.concatenate(codes), return_index=True)
    ngrams = Ngrams(unique, np.concatenate(idf)[places])
    return ngrams, ngrams.encode(numbered)


def _frequencies(numbered: NumberedTexts, kind: Kind, chosen: npt.NDArray[np.bool_]) -> tuple[Codes, Ints]:
    """Returns the codes of a kind's n-grams, and in how many of the chosen texts each stands: int64."""
    counter = _Counter(numbered, kind)
    frequencies = np.zeros(len(counter.codes), dtype=np.int64)
    for first, last in _parts(numbered):
        part = counter.count(first, last)[np.flatnonzero(chosen[first:last])]
        frequencies += np.bincount(part.indices, minlength=len(frequencies))
    return counter.codes, frequencies


def _parts(numbered: NumberedTexts) -> Iterator[tuple[int, int]]:
    """Yields the first and last + 1 of texts that have `TOKENS` tokens together, or one text of more."""
    offsets, first = numbered.tokens.offsets, 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + TOKENS, side="right")) - 1)
        yield first, last
        first = last


class _Counter:
    """Counts the n-grams of a kind in texts; what hangs on words or on neighbours alone is worked out once.

    Attributes:
        codes: uint64: of each column of the counts.
    """

    def __init__(self, numbered: NumberedTexts, kind: Kind) -> None:
        self._tokens, self._kind, names = numbered.tokens, kind, numbered.names
        self._size = len(names)
        if kind == "words":
            self.codes = _codes(names, "words")
        elif kind == "characters":
            runs: dict[str, int] = {"": 0}
            of_word: list[int] = []
            ends = [0]
            for name in names:
                of_word += [runs.setdefault(run, len(runs)) for run in _runs(name)]
                ends.append(len(of_word))
            ones = np.ones(len(of_word), dtype=np.float32)
            shape = (len(names), len(runs))
            self._contain = csr_array((ones, np.array(of_word, dtype=np.int64), np.array(ends)), shape=shape)
            self.codes = _codes(runs, "characters")
        else:
            hashes = _codes(names, "words") & np.uint64(0xFFFFFFFF)
            flat = numbered.tokens.flat
            mixed = (hashes[flat[:-1]] * np.uint64(0x9E3779B1) + hashes[flat[1:]]) & np.uint64(0xFFFFFFFF)
            self.codes, self._pairs = np.unique(mixed, return_inverse=True)
            self.codes = self.codes | np.uint64(KINDS.index("pairs") << 32)

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
        words = csr_array((ones, flat, offsets - offsets[0]), shape=(last - first, self._size), copy=True)
        words.sum_duplicates()
        if self._kind == "characters":
            return csr_array(words @ self._contain)
        words.data[words.indices < FIRST] = 0
        words.eliminate_zeros()
        return words


def _runs(name: str) -> list[str]:
    """Returns the runs of characters of a word, its ends marked by a space; a word of one letter is a run itself."""
    marked = f" {name} "
    return [marked[at : at + size] for size in RUNS for at in range(len(marked) - size + 1)] if name else []


def _codes(names: Collection[str], kind: Kind) -> Codes:
    hashes = np.fromiter((zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in names), np.uint64, len(names))
    return hashes | np.uint64(KINDS.index(kind) << 32)


def _normed(counts: csr_array, idf: Floats) -> csr_array:
    counts.sort_indices()
    weights = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, weights.astype(np.float64) ** 2, minlength=counts.shape[0]))
    data = (weights / np.maximum(lengths, 1e-12)[rows]).astype(np.float32)
    return csr_array((data, counts.indices.astype(np.int32), counts.indptr.astype(np.int32)), shape=counts.shape)
