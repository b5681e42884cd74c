"""What a peer is given: encoded rows, the search space, a budget and a seed; and the curve that it writes."""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.dataset import Dataset
from data.split import Split
from data.tokens import Tokens
from model.presets import SPACES
from tune.space import Space
from tune.written_space import parse_space

EPOCHS, PATIENCE, REDUCTION = 30, 4, 3
"""Topknot's own defaults (`tune.settings`): epochs of a trial, epochs without improvement, and Hyperband's factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One search.

    Attributes:
        corpus: An .npz as `write_dataset` makes it.
        budget: Seconds from the launch to the end.
        seed: Of the sampler, the weights and the batches.
        curve: The file that takes a JSON line an epoch.
        launched: When the peer's process was started, as `time.time` gives it.
    """

    corpus: Path
    budget: float
    seed: int
    curve: Path
    launched: float

    def left(self) -> float:
        """Returns the seconds left of the budget, 1 at least."""
        return max(1.0, self.launched + self.budget - time.time())

    def report(self, trial: int | str, epoch: int, loss: float) -> None:
        """Appends what an epoch came to; opened anew each time, so that several processes may write one curve.

        Args:
            trial: Its number or name.
            epoch: Counted from 1.
            loss: The full loss on the validation rows.
        """
        line = {"seconds": time.time() - self.launched, "trial": trial, "epoch": epoch, "loss": loss}
        with self.curve.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_task() -> Task:
    """Reads a task from the command line, as `benchmarks/search.py` writes it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--curve", type=Path, required=True)
    parser.add_argument("--launched", type=float, default=time.time())
    return Task(**vars(parser.parse_args()))


def default_space() -> Space:
    """Returns Topknot's default space but for what is Topknot's own: the schedule of k (peers train at a constant k), the
    parts of words, and the wide branch (peers train the LSTM)."""
    own = {"top_k_schedule", "subwords", "wide"}
    return parse_space({name: entry for name, entry in SPACES["default"].items() if name not in own})


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Writes a dataset as an .npz."""
    split = dataset.split
    np.savez(
        path,
        flat=dataset.tokens.flat,
        offsets=dataset.tokens.offsets,
        labels=dataset.labels,
        train=split.train,
        validation=split.validation,
        test=split.test,
        sizes=[dataset.classes, dataset.vocabulary_size],
    )


def read_dataset(path: Path) -> Dataset:
    """Reads what `write_dataset` wrote."""
    with np.load(path) as arrays:
        split = Split(*(arrays[side] for side in ("train", "validation", "test")))
        classes, vocabulary_size = map(int, arrays["sizes"])
        return Dataset(Tokens(arrays["flat"], arrays["offsets"]), arrays["labels"], split, classes, vocabulary_size)
