"""Topknot's own training steps, as `model.training.Training` takes them in an epoch."""

import numpy as np
from contenders.clock import EMBEDDING, now
from contenders.corpus import CLASSES, LONGEST, VOCABULARY, Corpus

from data.batches import pad
from model.compiled import CompiledNetwork
from model.hparams import HParams
from model.knobs import Knobs
from model.network import initial_weights
from model.shape import Shape


def hparams_of(units: int) -> HParams:
    """Returns the network that all contenders train: no dropout, for that is drawn differently everywhere."""
    return HParams(
        lstm_size=units,
        embedding_size=EMBEDDING,
        vocabulary_size=VOCABULARY,
        max_length=LONGEST,
        lstm_dropout=0.0,
        dense_dropout=0.0,
    )


class Topknot:
    """One network, compiled for both ways of a step before anything is timed."""

    def __init__(self, corpus: Corpus, units: int) -> None:
        self.corpus, self.hparams = corpus, hparams_of(units)
        shape = Shape.of(self.hparams, VOCABULARY, CLASSES)
        self.network = CompiledNetwork(shape)
        self.network.warm_up({1 / 16, 1.0})
        self.network.reset(initial_weights(shape.weights(), 0))
        self.steps = 0

    def warm_up(self, batch: int) -> None:
        """Draws the sample of an epoch, and takes a step of each kind."""
        self.sample = self.corpus.sample(batch)
        for fraction in (1 / 16, 1.0):
            self._step(self.sample.batches[0], fraction)

    def measure(self, batch: int, fraction: float) -> np.ndarray:
        """Returns CPU and wall seconds of the epoch's mean step, its share of drawing batches included."""
        started = now()
        plan = self.corpus.plan(batch)
        drawing = (now() - started) / len(plan)
        return drawing + self.sample.mean(np.array([self._step(rows, fraction) for rows in self.sample.batches]))

    def _step(self, rows: np.ndarray, fraction: float) -> np.ndarray:
        self.steps += 1
        started = now()
        loss = self.network.train(
            pad(self.corpus.tokens, rows, max_length=LONGEST, vocabulary_size=VOCABULARY),
            self.corpus.labels[rows],
            fraction=fraction,
            step=self.steps,
            knobs=Knobs.of(self.hparams),
            seed=0,
        )
        float(loss)  # waits for the step
        return now() - started
