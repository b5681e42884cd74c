"""The wide branch: a linear classifier of n-grams, whose logits are mixed with the LSTM's (Cheng et al., 2016).

Trained together, the two get in each other's way: the linear model fits its training texts so well that it leaves the LSTM
nothing to learn from them. So each is fitted by itself, the linear one once for all trials, and `model.mixture` weighs them
(docs/decisions/0007). Needs no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from data.corpus import Corpus
from data.dataset import Dataset, encode_numbered
from data.ngram_counter import count_ngrams
from data.ngrams import MOST, Ngrams, fit_ngrams
from data.numbered import NumberedTexts, number_texts
from data.split import Split
from data.tokens import Ints
from data.units import number_units
from data.vocabulary import Vocabulary
from model.linear import ANY_RATE, PLANS, WORK, Plan, Recipe, choose_linear, fit_linear, for_all_rows, make_plan
from model.logits import Labels
from model.softmax_regression import Floats, Mask, choose_rate, descend

PARAMETERS = 2**26
"""Of the kernel, at most: 256 MiB."""
ENTRIES = 2**27
"""N-grams of all texts together, at most, for a plan to be followed: 1 GiB, and again as much for the training rows."""
WHOLE_TEXT = 5_000
"""Tokens of a text that the wide branch looks at, at least: all there are, of most texts."""
HELD_OUT = 5
"""One unit in so many is held out to choose the step size on."""


@dataclass(frozen=True, slots=True)
class Wide:
    """A linear classifier of n-grams.

    Attributes:
        ngrams: What it looks at.
        kernel: float32 (n-grams, classes).
    """

    ngrams: Ngrams
    kernel: Floats

    def __post_init__(self) -> None:
        if self.kernel.ndim != 2 or len(self.kernel) != len(self.ngrams.codes):
            raise ValueError(f"the wide branch's kernel is {self.kernel.shape}, its n-grams are {len(self.ngrams.codes)}")

    def is_like(self, other: Wide) -> bool:
        """Tells whether both say the same of any text."""
        pairs = ((self.kernel, other.kernel), (self.ngrams.codes, other.ngrams.codes), (self.ngrams.idf, other.ngrams.idf))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def logits(self, numbered: NumberedTexts) -> Floats:
        """Returns logits of texts: float32 (texts, classes)."""
        parts = [part @ self.kernel for part in self.ngrams.encode_in_parts(numbered)]
        return np.concatenate([np.empty((0, self.kernel.shape[1]), np.float32), *parts])


class WideCorpus(NamedTuple):
    """A corpus encoded for both branches.

    Attributes:
        dataset: For trainings.
        vocabulary: Of the LSTM.
        wide: The wide branch, fitted on all training rows.
        logits: float32 (n, classes): what that says of every row.
        recipe: How the wide branch was fitted.
    """

    dataset: Dataset
    vocabulary: Vocabulary
    wide: Wide
    logits: Floats
    recipe: Recipe


class _Prepared(NamedTuple):
    """What fitting the wide branch starts from; each training row has a fold below `HELD_OUT`, its unit's.

    A step size is chosen on some of the rows, and of these on the first fold.
    """

    numbered: NumberedTexts
    ngrams: Ngrams
    features: csr_array
    plan: Plan
    folds: Ints
    part: float

    def choose_on(self, train: csr_array, labels: Labels, seed: int) -> tuple[csr_array, Labels, Mask]:
        """Returns the training rows that a step size is chosen by, their labels, and which of them are held out for that."""
        if self.part == 1:
            return train, labels, self.folds == 0
        rows = np.flatnonzero((self.folds == 0) | (np.random.default_rng(seed).random(len(labels)) < self.part))
        return train[rows], labels[rows], self.folds[rows] == 0


def _prepare(
    corpus: Corpus, split: Split, limit: int, seed: int, work: float, *, fits: float = 1, plan: Plan | None = None
) -> _Prepared:
    numbered = number_texts(corpus.texts, limit)
    classes, train = len(corpus.classes), split.train
    part = 1.0
    if plan is None:
        counts = count_ngrams(numbered)
        in_train = {kind: int(len(train) / len(corpus) * count) for kind, count in counts.items()}
        plans = [plan for plan in PLANS if sum(counts[kind] for kind in plan.kinds) <= ENTRIES]
        plan, part = make_plan(plans or PLANS[-1:], in_train, classes, work, fits)
    ngrams, features = fit_ngrams(numbered, train, plan.kinds, min(MOST, PARAMETERS // (2 * classes)))
    folds = _deal_folds(number_units(corpus)[train], seed)
    return _Prepared(numbered, ngrams, features, plan, folds, part)


def encode_wide(
    corpus: Corpus,
    split: Split,
    limit: int,
    seed: int,
    work: float = WORK,
    recipe: Recipe | None = None,
    *,
    subwords: bool = False,
) -> WideCorpus:
    """Fits a vocabulary and the wide branch on the training side, and encodes all texts, at most `limit` tokens of each.

    Args:
        corpus: The texts.
        split: Its sides.
        limit: Tokens of a text that are looked at.
        seed: Of the rows held out to choose a step size on, and of the order of the steps.
        work: Multiplications that the fit may take.
        recipe: How to fit it; None to find out.
        subwords: Whether the dataset has the parts of words.
    """
    ready = _prepare(corpus, split, limit, seed, work, plan=recipe and recipe.plan)
    classes, x, labels = len(corpus.classes), ready.features[split.train], corpus.labels[split.train]
    if recipe is None:
        rows, theirs, held_out = ready.choose_on(x, labels, seed)
        margin = work / 2 if ready.part == 1 else 0  # else there is no time for it on all rows
        rate, scale = choose_linear(rows, theirs, classes, held_out, ready.plan.epochs, seed, margin)
        recipe = Recipe(ready.plan, for_all_rows(rate, ready.part), scale)
    kernel = fit_linear(x, labels, classes, seed, recipe)
    logits = ready.features @ kernel
    dataset, vocabulary = encode_numbered(ready.numbered, corpus, split, logits[split.validation], subwords=subwords)
    return WideCorpus(dataset, vocabulary, Wide(ready.ngrams, kernel), logits, recipe)


def judge_out_of_fold(corpus: Corpus, split: Split, limit: int, seed: int, work: float = WORK) -> Floats:
    """Returns what wide branches say of the training rows, each fitted without a fifth of them of which it is then asked.

    Rows of one unit are asked of together. Arguments as in `encode_wide`.

    Returns:
        float32 (training rows, classes): logits, by rows as `split.train` has them; no share of a class is taken off. Minus
        infinity is that of a class which none of the rows fitted on had.
    """
    ready = _prepare(corpus, split, limit, seed, work, fits=HELD_OUT - 1)
    plan, folds, classes = ready.plan, ready.folds, len(corpus.classes)
    x, labels = ready.features[split.train], corpus.labels[split.train]
    rows, theirs, held_out = ready.choose_on(x, labels, seed)
    chosen = choose_rate(rows, theirs, classes, held_out, plan.epochs, seed)
    rate = for_all_rows(chosen.value, ready.part) if chosen else ANY_RATE
    logits = np.zeros((len(labels), classes), np.float32)
    for fold in range(HELD_OUT):
        seen, unseen = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(seen) and len(unseen):
            logits[unseen] = x[unseen] @ descend(x[seen], labels[seen], classes, rate, plan.epochs, seed)
            logits[np.ix_(unseen, np.bincount(labels[seen], minlength=classes) == 0)] = -np.inf
    return logits


def _deal_folds(units: Ints, seed: int) -> Ints:
    """Deals the units out to `HELD_OUT` folds: int64 (rows,). The first is held out to choose a step size on."""
    numbers = np.unique(units, return_inverse=True)[1]
    folds: Ints = np.random.default_rng(seed).permutation(int(numbers.max()) + 1) % HELD_OUT
    return folds[numbers]
