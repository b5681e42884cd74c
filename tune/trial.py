"""The adapter between a Ray trial and a training. One worker process runs many trials, one after another."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ray.tune import Trainable

from data.dataset import Dataset
from model.hparams import HParams
from tune.searcher import ENDED, HPARAMS, NUMBER, REPORTED
from tune.weights import weights_file, write_weights

if TYPE_CHECKING:
    from model.training import Training


class LSTMTrial(Trainable):
    """A trial's epochs, one a step. TensorFlow is imported when the first trial of the process starts."""

    def setup(
        self,
        config: dict[str, Any],
        *,
        dataset: Dataset,
        weights: Path,
        seed: int,
        epochs: int,
        patience: int,
        cpus: int,
        deadline: float,
    ) -> None:
        """Starts the process's first trial.

        Args:
            config: The trial's number and hyperparameters.
            dataset: What Ray's object store holds, not copied.
            weights: The folder that takes each trial's best weights.
            seed: Of the search; a trial's own comes of it and of its number.
            epochs: Of a trial, at most.
            patience: Epochs without a lower validation loss after which a trial ends.
            cpus: Threads to compute with.
            deadline: A time as `time.time` gives it; a trial ends within a step of it.
        """
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import tensorflow as tf  # the driver imports this module, and must not pay for TensorFlow

        tf.config.threading.set_intra_op_parallelism_threads(cpus)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._dataset, self._weights, self._seed = dataset, weights, seed
        self._epochs, self._patience, self._deadline = epochs, patience, deadline
        self._training: Training | None = None
        self._last: dict[str, Any] = {}
        self._best, self._best_epoch = math.inf, 0
        self._start(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Starts another trial in this process."""
        self._start(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Runs an epoch and reports it. The last report says why the trial ended."""
        from model.training import OutOfTimeError

        assert self._training is not None
        try:
            report = self._training.run_epoch(self._deadline)
        except OutOfTimeError as error:
            ended = f"time limit: in epoch {self._training.epoch}"
            return {**self._last, "seconds": error.seconds, "repeated": True, ENDED: ended, "done": True}
        improved = report.loss < self._best
        if improved:
            self._best, self._best_epoch = report.loss, report.epoch
            # Of a trial that is run again after the search was cut short, the weights of its best report are there already.
            if report.loss <= self._reported:
                write_weights(weights_file(self._weights, self._number), self._training.weights())
        ended = _end(report.epoch, report.loss, self._best_epoch, self._epochs, self._patience)
        self._last = {name: getattr(report, name) for name in report.__slots__} | {"at": time.time()}
        return {**self._last, ENDED: ended, "done": bool(ended)}

    def cleanup(self) -> None:
        """Ends the training."""
        if self._training is not None:
            self._training.close()
            self._training = None

    def _start(self, config: dict[str, Any]) -> None:
        from model.training import Training

        self.cleanup()
        self._number, self._reported = config[NUMBER], config[REPORTED]
        hparams = HParams.from_dict(config[HPARAMS])
        self._training = Training(self._dataset, hparams, seed=trial_seed(self._seed, self._number))
        self._best, self._best_epoch = math.inf, 0
        self._last = {
            "epoch": 0,
            "train_loss": math.nan,
            "loss": math.nan,
            "accuracy": 0.0,
            "macro_f1": 0.0,
            "seconds": 0.0,
            "tokens": 0,
            "at": time.time(),
        }


def trial_seed(seed: int, number: int) -> int:
    """Returns a trial's own seed, in [0, 2**31)."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _end(epoch: int, loss: float, best_epoch: int, epochs: int, patience: int) -> str:
    """Says why a trial ends after this epoch, or nothing if it goes on."""
    if not math.isfinite(loss):
        return f"nan: the loss was not finite in epoch {epoch}"
    if epoch >= epochs:
        return f"all {epochs} epochs"
    if epoch - best_epoch >= patience:
        return f"no better since epoch {best_epoch}"
    return ""
