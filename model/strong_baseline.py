"""A higher bar: TF-IDF of words, pairs of words and runs of characters, and a linear SVM. Needs no TensorFlow.

All of it is scikit-learn's own, raw texts in, so that whoever doubts the figures has them from ten lines of their own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from data.corpus import Corpus
from data.split import SIDES, Split
from model.baseline import CLASS_WEIGHTS, Fitted, better
from model.evaluation import Evaluation, evaluate

MOST_FEATURES = 2**17
"""Word 1-2-grams that are kept, the most frequent ones, and as many character 3-5-grams."""
LEAST = 2
"""Training texts that an n-gram must stand in to be kept."""
LONGEST = 30_000
"""Characters of a text that are looked at: 5,000 words."""
MOST_CHARACTERS = 50_000_000
"""Of all texts together. Counting their n-grams takes about 50 times as many bytes, so that more is refused."""
STEPS = 200
"""Of the solver, at most; it took 163 on the embedded corpus, 129 on 14,000 sentences."""


def evaluate_strong_baseline(corpus: Corpus, split: Split, seed: int = 0) -> Fitted:
    """Fits scikit-learn's TF-IDF of word 1-2-grams and character 3-5-grams and a linear SVM, plain and balanced.

    Args:
        corpus: The texts.
        split: Its sides; the first to fit on.
        seed: Of the solver's order.

    Returns:
        The one of the two that is better on the validation rows. An SVM gives no probabilities: its losses are NaN.

    Raises:
        ValueError: If the texts are too many to count their n-grams, or no n-gram stands in two.
    """
    texts = [text[:LONGEST] for text in corpus.texts]
    if (characters := sum(map(len, texts))) > MOST_CHARACTERS:
        raise ValueError(f"the texts have {characters:,} characters; it reads {MOST_CHARACTERS:,} at most")
    features = _features({side: [texts[row] for row in split.side(side)] for side in SIDES})
    fits = []
    for kind, weight in CLASS_WEIGHTS.items():
        model = LinearSVC(class_weight=weight, max_iter=STEPS, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features["train"], corpus.labels[split.train])
        fits.append(Fitted(kind, {side: _evaluate(model, features[side], corpus, split.side(side)) for side in SIDES}))
    return better(fits)


def _features(texts: Mapping[str, list[str]]) -> dict[str, csr_array]:
    """Returns each side's features, fitted on the first's texts."""
    shared: dict[str, Any] = {"sublinear_tf": True, "min_df": LEAST, "max_features": MOST_FEATURES, "dtype": np.float32}
    words = TfidfVectorizer(ngram_range=(1, 2), **shared)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared)
    parts: dict[str, list[Any]] = {side: [] for side in SIDES}
    for vectorizer in (words, characters):
        try:
            parts["train"].append(vectorizer.fit_transform(texts["train"]))
        except ValueError:  # none stands in two texts: words do not where nothing parts them, as in Chinese
            continue
        for side in SIDES[1:]:
            parts[side].append(vectorizer.transform(texts[side]))
    if not parts["train"]:
        raise ValueError(f"no words and no runs of characters stand in {LEAST} training texts")
    return {side: csr_array(hstack(some)) for side, some in parts.items()}


def _evaluate(model: LinearSVC, features: Any, corpus: Corpus, rows: npt.NDArray[np.int64]) -> Evaluation:
    scores = model.decision_function(features)
    if scores.ndim == 1:  # of two classes it scores the second
        scores = np.stack([-scores, scores], axis=1)
    every = np.full((len(rows), len(corpus.classes)), scores.min() - 1)  # a class may stand in no training row
    every[:, model.classes_] = scores
    return replace(evaluate(corpus.labels[rows], every), loss=math.nan, calibration_error=math.nan)
