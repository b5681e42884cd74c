"""How large a network is, before it is built. Needs no TensorFlow."""

from __future__ import annotations

import math

from data.vocabulary import Vocabulary
from model.hparams import HParams
from model.shape import Shape
from model.wide import Wide


def classifier_bytes(hparams: HParams, vocabulary: Vocabulary, classes: int, wide: Wide | None = None) -> int:
    """Returns the bytes of what a classifier's folder holds of its own: all weights, the vocabulary, the n-grams.

    Keras's description of the network and the figures in classifier.json are not counted; they are much the same for all.

    Args:
        hparams: Of the classifier.
        vocabulary: Of the corpus; the classifier keeps as much of it as it has vectors for.
        classes: Logits.
        wide: The wide branch; counted where `hparams.wide` says that there is one.
    """
    size = min(hparams.vocabulary_size, vocabulary.size)
    total = 4 * count_parameters(hparams, size, classes) + len(vocabulary.head(size).to_json().encode())
    if hparams.wide and wide:
        total += sum(array.nbytes for array in (wide.kernel, wide.ngrams.codes, wide.ngrams.idf))
    return total


def count_parameters(hparams: HParams, vocabulary_size: int, classes: int) -> int:
    """Counts the weights of a network's LSTM side, each 4 bytes.

    Args:
        hparams: Its sizes.
        vocabulary_size: Ids that the corpus has.
        classes: Logits.
    """
    shape = Shape.of(hparams, vocabulary_size, classes).to_infer()
    return sum(math.prod(size) for _, size in shape.weights())
