"""The same network in PyTorch, on the CPU."""

import numpy as np
import torch
from contenders.clock import EMBEDDING, enough, now
from contenders.corpus import CLASSES, VOCABULARY, Corpus
from torch import nn


class Torch:
    """Texts padded on the left to one length, as for plain Keras."""

    def __init__(self, corpus: Corpus, units: int, length: int) -> None:
        torch.set_num_threads(1)
        self.corpus, self.length = corpus, length
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, units, batch_first=True)
        self.dense = nn.Linear(units, CLASSES)
        parts = (self.embedding, self.lstm, self.dense)
        self.adam = torch.optim.Adam([weight for part in parts for weight in part.parameters()], lr=1e-3)
        self.loss = nn.CrossEntropyLoss()

    def warm_up(self, batch: int) -> None:
        """Takes a step."""
        self._take(batch, steps=1)

    def measure(self, batch: int, fraction: float) -> np.ndarray:
        """Returns CPU and wall seconds of a step: medians over some."""
        return np.median(self._take(batch, steps=8), axis=0)

    def _take(self, batch: int, steps: int) -> list[np.ndarray]:
        ids = torch.from_numpy(self.corpus.padded_left(np.arange(steps * batch), self.length))
        labels = torch.from_numpy(self.corpus.labels[: steps * batch]).long()
        times: list[np.ndarray] = []
        while not enough(times, most=steps):
            started = now()
            rows = slice(len(times) * batch, (len(times) + 1) * batch)
            self.adam.zero_grad()
            states, _ = self.lstm(self.embedding(ids[rows]))
            self.loss(self.dense(states[:, -1]), labels[rows]).backward()
            self.adam.step()
            times.append(now() - started)
        return times
