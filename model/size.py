"""How large a network is, before it is built. Needs no TensorFlow."""

from __future__ import annotations

from data.vocabulary import Vocabulary
from model.hparams import HParams
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
    directions = 2 if hparams.bidirectional else 1
    inputs, units = hparams.embedding_size, hparams.lstm_size
    count = min(hparams.vocabulary_size, vocabulary_size) * inputs
    for _ in range(hparams.lstm_layers):
        count += directions * 4 * units * (inputs + units + 1)
        inputs = directions * units
        count += 2 * inputs * hparams.layer_norm
    count += inputs * (hparams.pooling == "attention")
    for size in hparams.dense_sizes:
        count += (inputs + 1) * size + 4 * size * hparams.batch_norm
        inputs = size
    return count + (inputs + 1) * classes
