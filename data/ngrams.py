"""Bags of n-grams: words, pairs of words and runs of characters, weighted by TF-IDF.

Runs of 3 to 5 characters within a word, its ends included (" lo", "ster "), say something of words that were never seen,
of inflections and of typing errors (Bojanowski et al., TACL 2017). They depend on the word alone, so each distinct word is
cut once, however often it occurs.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
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

    def encode(self, numbered: NumberedTexts) -> csr_array:
        """Returns texts' weights of the n-grams: float32 (texts, f), 1 + ln(frequency) times idf, of length 1 a group; and
        1 for `ALWAYS`.
        """
        return self.weigh(len(numbered.tokens), {kind: _count(numbered, kind) for kind in self.kinds()})

    def kinds(self) -> list[Kind]:
        """Returns the kinds of n-grams that there are."""
        return [KINDS[index] for index in np.unique(self.codes[:-1] >> np.uint64(32)).tolist()]

    def weigh(self, rows: int, counts: dict[Kind, tuple[csr_array, Codes]]) -> csr_array:
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
        kept = (self.codes[places] == codes)[counts.indices]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[kept]
        columns = places[counts.indices[kept]]
        return csr_array(coo_array((counts.data[kept], (rows, columns)), shape=(counts.shape[0], len(self.codes))))


def count_ngrams(numbered: NumberedTexts) -> dict[Kind, int]:
    """Estimates how many distinct n-grams of each kind the texts have, added up over all texts; without finding them."""
    words = _count(numbered, "words")[0]
    runs = np.array([sum(max(0, len(name) + 3 - size) for size in RUNS) if name else 0 for name in numbered.names])
    characters = int(REPEATED * runs[words.indices].sum())
    return {"words": words.nnz, "pairs": len(numbered.tokens.flat), "characters": characters}


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
    counts = {kind: _count(numbered, kind) for kind in KINDS if kind in kinds}
    codes, idf = [np.array([ALWAYS], np.uint64)], [np.ones(1, np.float32)]
    for group in NORMED_TOGETHER:
        present = [counts[kind] for kind in group if kind in counts]
        if not present:
            continue
        frequencies = np.concatenate([np.bincount(c[train].indices, minlength=c.shape[1]) for c, _ in present])
        all_codes = np.concatenate([codes for _, codes in present])
        kept = np.flatnonzero(frequencies >= LEAST)
        kept = kept[np.lexsort((all_codes[kept], -frequencies[kept]))][:most]
        codes.append(all_codes[kept])
        idf.append((np.log((1 + len(train)) / (1 + frequencies[kept])) + 1).astype(np.float32))
    unique, places = np.unique(np.concatenate(codes), return_index=True)
    ngrams = Ngrams(unique, np.concatenate(idf)[places])
    return ngrams, ngrams.weigh(len(numbered.tokens), counts)


def _count(numbered: NumberedTexts, kind: Kind) -> tuple[csr_array, Codes]:
    """Counts the n-grams of a kind in each text: float32 (texts, n-grams), and the n-grams' codes."""
    if kind == "pairs":
        return _count_pairs(numbered)
    tokens, names = numbered.tokens, numbered.names
    ones = np.ones(len(tokens.flat), dtype=np.float32)
    words = csr_array((ones, tokens.flat, tokens.offsets), shape=(len(tokens), len(names)), copy=True)
    words.sum_duplicates()
    if kind == "words":
        words.data[words.indices < FIRST] = 0
        words.eliminate_zeros()
        return words, _codes(names, "words")
    runs, of_word, ends = {"": 0}, [], [0]
    for name in names:
        of_word += [runs.setdefault(run, len(runs)) for run in _runs(name)]
        ends.append(len(of_word))
    ones = np.ones(len(of_word), dtype=np.float32)
    contain = csr_array((ones, np.array(of_word, dtype=np.int64), np.array(ends)), shape=(len(names), len(runs)))
    return csr_array(words @ contain), _codes(runs, "characters")


def _count_pairs(numbered: NumberedTexts) -> tuple[csr_array, Codes]:
    tokens = numbered.tokens
    hashes = _codes(numbered.names, "words") & np.uint64(0xFFFFFFFF)
    rows = np.repeat(np.arange(len(tokens)), np.diff(tokens.offsets))
    inside = rows[1:] == rows[:-1]
    first, second = tokens.flat[:-1][inside], tokens.flat[1:][inside]
    mixed = (hashes[first] * np.uint64(0x9E3779B1) + hashes[second]) & np.uint64(0xFFFFFFFF)
    codes, columns = np.unique(mixed, return_inverse=True)
    ones = np.ones(len(columns), dtype=np.float32)
    counts = csr_array(coo_array((ones, (rows[1:][inside], columns)), shape=(len(tokens), len(codes))))
    return counts, codes | np.uint64(KINDS.index("pairs") << 32)


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
