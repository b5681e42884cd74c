"""How large a network is, before it is built. Needs no TensorFlow."""

from __future__ import annotations

from model.hparams import HParams


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
