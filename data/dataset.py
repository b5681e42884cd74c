"""A corpus made ready for training: split, and encoded with a vocabulary of its training side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.corpus import Corpus
from data.numbered import NumberedTexts, number_texts
from data.split import Split
from data.subwords import word_parts
from data.tokens import Tokens
from data.vocabulary import Vocabulary, fit_vocabulary


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything that a training needs to know of a corpus, as arrays; what trials share.

    Attributes:
        tokens: The n texts, cut at the limit that they were encoded with.
        labels: int32, shape (n,), each in [0, classes).
        split: The rows to train on, to choose by, and to test on.
        classes: Number of classes.
        vocabulary_size: Ids below this one stood in the training texts more than once.
        wide: float32 (validation rows, classes), or None: the wide branch's logits of them (`model.wide`).
        vectors: float32 (vocabulary_size, length), or None: vectors of tokens to begin with, NaN where there is none
            (`data.vectors`).
        parts: int32 (ids, most), or None: the parts of words (`data.subwords`), of those of no training text too.
    """

    tokens: Tokens
    labels: npt.NDArray[np.int32]
    split: Split
    classes: int
    vocabulary_size: int
    wide: npt.NDArray[np.float32] | None = None
    vectors: npt.NDArray[np.float32] | None = None
    parts: npt.NDArray[np.int32] | None = None


def encode_corpus(corpus: Corpus, split: Split, limit: int, *, subwords: bool = False) -> tuple[Dataset, Vocabulary]:
    """Fits a vocabulary on the training side and encodes all texts with it, at most `limit` tokens of each.

    With subwords, the dataset has the parts of words.
    """
    return encode_numbered(number_texts(corpus.texts, limit), corpus, split, subwords=subwords)


def encode_numbered(
    numbered: NumberedTexts,
    corpus: Corpus,
    split: Split,
    wide: npt.NDArray[np.float32] | None = None,
    *,
    subwords: bool = False,
) -> tuple[Dataset, Vocabulary]:
    """Encodes a corpus whose texts are numbered; the numbers are overwritten."""
    vocabulary, tokens = fit_vocabulary(numbered, split.train)
    parts = word_parts((*vocabulary.tokens, *vocabulary.unseen(numbered))) if subwords else None
    return Dataset(tokens, corpus.labels, split, len(corpus.classes), vocabulary.size, wide, parts=parts), vocabulary
