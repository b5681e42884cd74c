"""The bar to clear: TF-IDF of words and logistic regression, fitted on the same split. Needs no TensorFlow.

`model.strong_baseline` is a higher one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, SGDClassifier

from data.dataset import Dataset
from data.split import SIDES
from data.tokens import UNKNOWN
from model.evaluation import Evaluation, evaluate

INVERSE_REGULARISATION = 10.0
"""scikit-learn's default of 1 underfits TF-IDF: on 2,331 long texts of 43 classes its test accuracy is .42, this one's .78."""

LARGE = 50_000_000
"""Distinct words of texts, summed over the training rows, times classes, above which logistic regression is fitted by
SGD; the exact solver takes about a second of one core per million, and is asked twice."""

ClassWeights = Literal["plain", "balanced"]
CLASS_WEIGHTS: dict[ClassWeights, str | None] = {"plain": None, "balanced": "balanced"}
"""Each row counts the same, or each class does; as scikit-learn's `class_weight` has it."""


class Fitted(NamedTuple):
    """A linear classifier's figures.

    Attributes:
        kind: How it weighed the classes.
        sides: The evaluation of each side by its name: train, validation, test.
    """

    kind: ClassWeights
    sides: dict[str, Evaluation]

    def summary(self) -> dict[str, Any]:
        """Returns `kind`, and each side's figures under its name, as JSON knows them."""
        return {"kind": self.kind, **{side: evaluation.summary() for side, evaluation in self.sides.items()}}


def better(fits: Sequence[Fitted]) -> Fitted:
    """Returns that of the highest macro-F1 on the validation rows, the earlier of equal ones."""
    return max(fits, key=lambda fitted: fitted.sides["validation"].macro_f1)


def evaluate_baseline(dataset: Dataset, seed: int = 0) -> Fitted:
    """Fits scikit-learn's TF-IDF and logistic regression on the training rows, plain and balanced.

    Args:
        dataset: Its tokens are the words; all that stood in the training texts count.
        seed: Of the solver, where it draws.

    Returns:
        The one of the two that is better on the validation rows.
    """
    counts = _count_words(dataset)
    train = dataset.split.train
    tfidf = TfidfTransformer().fit(counts[train])
    features = {side: tfidf.transform(counts[dataset.split.side(side)]) for side in SIDES}
    exact = features["train"].nnz * dataset.classes <= LARGE
    penalty = 1 / (INVERSE_REGULARISATION * len(train))  # the same goal as the exact solver's
    fits = []
    for kind, weight in CLASS_WEIGHTS.items():
        model = (
            LogisticRegression(C=INVERSE_REGULARISATION, max_iter=300, random_state=seed, class_weight=weight)
            if exact
            else SGDClassifier(loss="log_loss", alpha=penalty, max_iter=50, random_state=seed, class_weight=weight)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features["train"], dataset.labels[train])
        fits.append(Fitted(kind, {side: _evaluate(model, features[side], dataset, side) for side in SIDES}))
    return better(fits)


def _count_words(dataset: Dataset) -> csr_array:
    """Returns how often each word of the training rows stands in each text: float32 (n, words)."""
    tokens = dataset.tokens
    is_train = np.zeros(len(tokens), bool)
    is_train[dataset.split.train] = True
    # The ids of words that stand in no training row follow.
    end = 1 + tokens.flat[np.repeat(is_train, np.diff(tokens.offsets))].max()
    known = tokens.flat < end
    ones = (known & (tokens.flat != UNKNOWN)).astype(np.float32)
    offsets = tokens.offsets.copy()  # trials share them, read-only
    counts = csr_array((ones, np.where(known, tokens.flat, UNKNOWN), offsets), shape=(len(tokens), int(end)))
    counts.sum_duplicates()
    counts.eliminate_zeros()
    # Fewer than 2**31 words; and SGDClassifier takes no other.
    counts.indices, counts.indptr = counts.indices.astype(np.int32), counts.indptr.astype(np.int32)
    return counts


def _evaluate(model: Any, features: csr_array, dataset: Dataset, side: str) -> Evaluation:
    labels = dataset.labels[dataset.split.side(side)]
    # A class may stand in no training row; then the model has no column for it.
    logits = np.full((len(labels), dataset.classes), -50.0)
    with np.errstate(divide="ignore"):
        logits[:, model.classes_] = np.maximum(model.predict_log_proba(features), -50.0)
    return evaluate(labels, logits)
