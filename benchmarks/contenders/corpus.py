"""Synthetic texts for the contenders: lengths log-normal, ids by Zipf's law, labels by chance."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.batches import shuffled_batches
from data.tokens import FIRST, Ints, Tokens

TEXTS = 16_384  # 128 batches of 128, the window in which Topknot sorts
SIGMA = 0.8
LONGEST = 3_000  # tokens; all texts are cut here
VOCABULARY, CLASSES = 20_000, 20


@dataclass(frozen=True)
class Corpus:
    """Texts of so many words in the median."""

    median: int

    @cached_property
    def tokens(self) -> Tokens:
        rng = np.random.default_rng(0)
        lengths = np.clip(rng.lognormal(np.log(self.median), SIGMA, TEXTS).astype(np.int64), 1, LONGEST)
        # Log-uniform ids: the probability of the n-th commonest token falls as 1/n.
        ids = np.exp(rng.random(lengths.sum(), np.float32) * np.float32(np.log(VOCABULARY - FIRST))).astype(np.int32)
        return Tokens(ids + FIRST - 1, np.concatenate([[0], np.cumsum(lengths)]))

    @cached_property
    def lengths(self) -> Ints:
        return self.tokens.lengths(np.arange(TEXTS))

    @cached_property
    def labels(self) -> np.ndarray:
        return np.random.default_rng(1).integers(0, CLASSES, TEXTS).astype(np.int32)

    @property
    def percentile_99(self) -> int:
        return int(np.percentile(self.lengths, 99))

    @property
    def maximum(self) -> int:
        return int(self.lengths.max())

    def real_tokens(self, length: int) -> float:
        """Returns the real tokens that a text has on average when texts are cut at a length."""
        return float(np.minimum(self.lengths, length).mean())

    def padded_left(self, rows: Ints, length: int) -> np.ndarray:
        """Lays texts side by side as `keras.utils.pad_sequences` does, padding on the left: int32 (rows, length)."""
        ids = np.zeros((len(rows), length), np.int32)
        for place, row in enumerate(rows):
            text = self.tokens[row][:length]
            ids[place, length - len(text) :] = text
        return ids

    def plan(self, batch: int) -> list[Ints]:
        """Returns an epoch's batches as Topknot draws them."""
        return list(shuffled_batches(self.tokens, np.arange(TEXTS), batch, np.random.default_rng(2)))

    def sample(self, batch: int) -> "Sample":
        """Picks batches that stand for the epoch: each for an equal share of its padded tokens, so that long ones count.

        All of them where that is cheap, else 8, else 3.
        """
        plan = self.plan(batch)
        padded = np.array([len(rows) * self.lengths[rows].max() for rows in plan])
        total = padded.sum()
        if total <= 400_000:
            return Sample(plan, np.ones(len(plan)), len(plan))
        count = 8 if total <= 4_000_000 else 3
        order = np.argsort(padded, kind="stable")
        middles = (np.arange(count) + 0.5) / count * total
        picked, times = np.unique(order[np.searchsorted(np.cumsum(padded[order]), middles)], return_counts=True)
        return Sample([plan[index] for index in picked], times / count * total / padded[picked], len(plan))


@dataclass(frozen=True)
class Sample:
    """Some batches of an epoch.

    Attributes:
        batches: The rows of each.
        weights: How many of the epoch's batches each stands for, by padded tokens.
        steps: Batches of the epoch.
    """

    batches: list[Ints]
    weights: np.ndarray
    steps: int

    def mean(self, seconds: np.ndarray) -> np.ndarray:
        """Averages over the epoch's steps what was measured of each batch: (batches, ...) -> (...)."""
        return self.weights @ seconds / self.steps
