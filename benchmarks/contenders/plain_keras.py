"""Training with `keras.Model.fit` and stock layers."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from contenders.clock import EMBEDDING, enough, now
from contenders.corpus import CLASSES, LONGEST, VOCABULARY, Corpus
from contenders.topknot import hparams_of
from keras import layers

from data.batches import pad
from model.losses import TopKLoss
from model.network import build


class Stopwatch(keras.callbacks.Callback):
    """Times each step of a `fit`, and ends it when `enough` were taken; what a `fit` costs before its steps is left out."""

    def __init__(self, *, every_step: bool = False) -> None:
        super().__init__()
        self.every_step = every_step
        self.steps: list[np.ndarray] = []

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self.began = now()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.steps.append(now() - self.began)
        self.model.stop_training = not self.every_step and enough(self.steps)


class Padded:
    """Texts padded on the left to one length, no mask, as tutorials have it: faster in Keras than masking."""

    def __init__(self, corpus: Corpus, units: int, length: int) -> None:
        self.corpus, self.length = corpus, length
        tokens = keras.Input((length,), dtype="int32")
        state = layers.LSTM(units)(layers.Embedding(VOCABULARY, EMBEDDING)(tokens))
        self.model = keras.Model(tokens, layers.Dense(CLASSES)(state))
        self.model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    def warm_up(self, batch: int) -> None:
        """Traces the step, and takes one."""
        self._fit(batch, steps=1)

    def measure(self, batch: int, fraction: float) -> np.ndarray:
        """Returns CPU and wall seconds of a step: medians over one `fit`."""
        return np.median(self._fit(batch, steps=8), axis=0)

    def _fit(self, batch: int, steps: int) -> list[np.ndarray]:
        rows, stopwatch = np.arange(steps * batch), Stopwatch()
        ids, labels = self.corpus.padded_left(rows, self.length), self.corpus.labels[rows]
        self.model.fit(ids, labels, batch_size=batch, shuffle=True, verbose=0, callbacks=[stopwatch])
        return stopwatch.steps


class DenseTopK:
    """The dense top-k loss on the batches that Topknot trains on: one graph for all lengths.

    The whole batch is computed whatever k is, so k = B/4 stands for all.
    """

    def __init__(self, corpus: Corpus, units: int) -> None:
        self.corpus = corpus
        self.model = build(hparams_of(units), vocabulary_size=VOCABULARY, classes=CLASSES)

    def warm_up(self, batch: int) -> None:
        """Draws the sample of an epoch, traces the step, and takes one."""
        self.sample = self.corpus.sample(batch)
        self.model.compile("adam", TopKLoss(max(1, batch // 4)))
        self._fit(self.sample.batches[:1])

    def measure(self, batch: int, fraction: float) -> np.ndarray:
        """Returns CPU and wall seconds of the epoch's mean step."""
        return self.sample.mean(np.array(self._fit(self.sample.batches)))

    def _fit(self, batches: list[np.ndarray]) -> list[np.ndarray]:
        def padded() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for rows in batches:
                ids = pad(self.corpus.tokens, rows, max_length=LONGEST, vocabulary_size=VOCABULARY)
                yield ids, self.corpus.labels[rows]

        signature = (tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32))
        data = tf.data.Dataset.from_generator(padded, output_signature=signature)
        stopwatch = Stopwatch(every_step=True)
        self.model.fit(
            data.apply(tf.data.experimental.assert_cardinality(len(batches))), shuffle=False, verbose=0, callbacks=[stopwatch]
        )
        return stopwatch.steps
