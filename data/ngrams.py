"""Bags of n-grams: words, pairs of words and runs of characters, weighted by TF-IDF.

Runs of 3 to 5 characters of what stands between white space, its ends included (" lo", "ter, "), say something of words that
were never seen, of inflections and of typing errors (Bojanowski et al., TACL 2017), and of punctuation, which tokens leave out.
They depend on the piece alone, so each distinct one is cut once, however often it occurs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from data.ngram_counter import KINDS, Codes, Kind, NgramCounter, text_parts
from data.numbered import NumberedTexts
from data.tokens import Ints

NORMED_TOGETHER: tuple[tuple[Kind, ...], ...] = (("words", "pairs"), ("characters",))
"""A text's n-grams of a group have length 1 together, so that the many runs of characters do not drown the words."""
ALWAYS = len(KINDS) << 32
"""The code of what stands in every text."""
MOST = 2**16
"""N-grams of a group that are kept, the most frequent ones."""
LEAST = 2
"""Training texts that an n-gram must stand in to be kept."""

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

    def encode(self, numbered: NumberedTexts, counters: Mapping[Kind, NgramCounter] | None = None) -> csr_array:
        """Returns texts' weights of the n-grams: float32 (texts, f), 1 + ln(frequency) times idf, of length 1 a group; and
        1 for `ALWAYS`. With `counters`, by what these counted already.
        """
        parts = list(self._in_parts(numbered, counters or self._counters(numbered)))
        if not parts:
            return csr_array(np.zeros((0, len(self.codes)), np.float32))
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        data, indices = (np.concatenate(arrays) for arrays in zip(*((part.data, part.indices) for part in parts), strict=True))
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return csr_array((data, indices, indptr), shape=(len(lengths), len(self.codes)))

    def encode_in_parts(self, numbered: NumberedTexts) -> Iterator[csr_array]:
        """Yields what `encode` returns, some texts at a time: before n-grams are dropped there are many times more."""
        return self._in_parts(numbered, self._counters(numbered))

    def _counters(self, numbered: NumberedTexts) -> dict[Kind, NgramCounter]:
        return {kind: NgramCounter(numbered, kind) for kind in self.kinds()}

    def _in_parts(self, numbered: NumberedTexts, counters: Mapping[Kind, NgramCounter]) -> Iterator[csr_array]:
        places = {kind: self._places(counter.codes) for kind, counter in counters.items()}
        for first, last in text_parts(numbered):
            yield self._weigh(
                last - first, {kind: (counter.count(first, last), places[kind]) for kind, counter in counters.items()}
            )

    def kinds(self) -> list[Kind]:
        """Returns the kinds of n-grams that there are."""
        starts = np.searchsorted(self.codes, np.arange(len(KINDS) + 1, dtype=np.uint64) << np.uint64(32))
        return [kind for kind, some in zip(KINDS, np.diff(starts) > 0, strict=True) if some]

    def _places(self, codes: Codes) -> Ints:
        """Returns which column here n-grams of these codes have: int64; -1 for those that are dropped."""
        places = np.searchsorted(self.codes, codes)
        places[places == len(self.codes)] = 0
        return np.where(self.codes[places] == codes, places, -1)

    def _weigh(self, rows: int, counts: dict[Kind, tuple[csr_array, Ints]]) -> csr_array:
        """Returns the weights of n-grams that were counted in so many texts, kind by kind, with the columns' places here."""
        always = coo_array((np.ones(rows, np.float32), (np.arange(rows), np.full(rows, len(self.codes) - 1))))
        weighed = [csr_array(always, shape=(rows, len(self.codes)))]
        for group in NORMED_TOGETHER:
            parts = [self._known(*counts[kind]) for kind in group if kind in counts]
            if parts:
                weighed.append(_normed(csr_array(sum(parts[1:], parts[0])), self.idf))
        return csr_array(sum(weighed[1:], weighed[0]))

    def _known(self, counts: csr_array, places: Ints) -> csr_array:
        """Moves counts to their places; those that have none are dropped."""
        columns = places[counts.indices]
        kept = columns >= 0
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[kept]
        return csr_array(coo_array((counts.data[kept], (rows, columns[kept])), shape=(counts.shape[0], len(self.codes))))


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
    counters = {kind: NgramCounter(numbered, kind) for kind in KINDS if kind in kinds}
    codes, idf = [np.array([ALWAYS], np.uint64)], [np.ones(1, np.float32)]
    for group in NORMED_TOGETHER:
        found = [_frequencies(numbered, counters[kind], is_train) for kind in group if kind in counters]
        if not found:
            continue
        all_codes, frequencies = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        kept = np.flatnonzero(frequencies >= LEAST)
        kept = kept[np.lexsort((all_codes[kept], -frequencies[kept]))][:most]
        codes.append(all_codes[kept])
        idf.append((np.log((1 + len(train)) / (1 + frequencies[kept])) + 1).astype(np.float32))
    unique, places = np.unique(np.concatenate(codes), return_index=True)
    ngrams = Ngrams(unique, np.concatenate(idf)[places])
    return ngrams, ngrams.encode(numbered, counters)


def _frequencies(numbered: NumberedTexts, counter: NgramCounter, chosen: npt.NDArray[np.bool_]) -> tuple[Codes, Ints]:
    """Returns the codes of a kind's n-grams, and in how many of the chosen texts each stands: int64."""
    frequencies = np.zeros(len(counter.codes), dtype=np.int64)
    for first, last in text_parts(numbered):
        part = counter.count(first, last)[np.flatnonzero(chosen[first:last])]
        np.add.at(frequencies, part.indices, 1)  # a corpus has many parts, and each but some of all n-grams
    return counter.codes, frequencies


def _normed(counts: csr_array, idf: Floats) -> csr_array:
    counts.sort_indices()
    weights = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, weights.astype(np.float64) ** 2, minlength=counts.shape[0]))
    data = (weights / np.maximum(lengths, 1e-12)[rows]).astype(np.float32)
    return csr_array((data, counts.indices.astype(np.int32), counts.indptr.astype(np.int32)), shape=counts.shape)
