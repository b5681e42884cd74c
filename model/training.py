"""The training engine: epochs on the top-k loss, each reported by the full loss on the validation rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from data.batches import pad, shuffled_batches
from data.clock import now
from data.dataset import Dataset
from data.tokens import Ints
from model.class_balance import ClassBalance
from model.epoch_report import EpochReport
from model.evaluation import Evaluation, evaluate
from model.hparams import HParams, Precision
from model.inference import infer
from model.knobs import Knobs
from model.latency import milliseconds, typical_row
from model.logits import Logits
from model.mixture import Mixture, fit_mixture
from model.network import initial_weights, with_vectors
from model.pool import POOL, Pool
from model.shape import Shape
from model.snapshot import Snapshot
from model.trained import Trained

LEAST_PART = 1 / 8
"""Of an epoch's rows, on which to have trained before what was learned is worth its evaluation."""


class OutOfTimeError(Exception):
    """The deadline passed within an epoch."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The deadline passed {seconds:.1f} s into an epoch.")
        self.seconds = seconds


class Training:
    """One training, epoch by epoch. Use it as a context manager, so that its compiled steps serve the next one."""

    def __init__(
        self, dataset: Dataset, hparams: HParams, *, seed: int, precision: Precision = "float32", pool: Pool = POOL
    ) -> None:
        self.dataset, self.hparams, self.seed, self.epoch, self.steps = dataset, hparams, seed, 0, 0
        self._pool = pool
        self._parts = dataset.parts if hparams.subwords else None
        self._losses: list[Any] = []  # of the epoch under way; scalars of TensorFlow's: to read one waits for its step
        self._spent = self._began = 0.0
        if hparams.wide and dataset.wide is None:
            raise ValueError("`wide` needs a corpus that was encoded for it, by model.wide.encode_wide.")
        if hparams.subwords and (dataset.parts is None or dataset.vectors is not None):
            raise ValueError("`subwords` needs a corpus encoded with subwords=True, and no vectors to begin with.")
        self.mixture = Mixture(0.0, 1.0)
        self._network = pool.take(Shape.of(hparams, dataset.vocabulary_size, dataset.classes, precision))
        # Compiled before the first epoch, so that no epoch's seconds hold it.
        self._network.warm_up({hparams.top_k_fraction(1), hparams.top_k_fraction(hparams.top_k_epochs + 1)})
        rows = np.bincount(dataset.labels[dataset.split.train], minlength=dataset.classes)
        weights = initial_weights(self._network.shape.weights(), seed, hparams.dense_init)
        if dataset.vectors is not None:
            weights[0] = with_vectors(weights[0], dataset.vectors)
        self._network.reset(weights, ClassBalance.of(hparams, rows))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the compiled steps back; the training is over."""
        self._pool.give_back(self._network)

    def run_epoch(
        self, deadline: float = math.inf, after_step: Callable[[], None] = lambda: None, *, or_part: bool = False
    ) -> EpochReport:
        """Trains on every training row's batch once, and evaluates; or on what is left of them, after `restore`.

        Args:
            deadline: A time as `data.clock.now` gives it.
            after_step: Called after each step; may take a snapshot. Its time is no part of the epoch's.
            or_part: Whether an epoch that there is no time for is cut short, to be evaluated in time. It is once `LEAST_PART`
                of the rows have been trained on: a corpus may be so large that the first epoch is the last.

        Raises:
            OutOfTimeError: If the deadline passes before the epoch is over.
        """
        split = self.dataset.split
        trained, read = self._count(split.train), self._count(split.validation)
        train_loss, part = self._train(deadline, after_step, evaluation=read / max(trained, 1) if or_part else None)
        finite = math.isfinite(train_loss)
        try:
            validation = self._validate(deadline) if finite else None
        except TimeoutError:
            raise OutOfTimeError(time.perf_counter() - self._began) from None
        return EpochReport(
            epoch=self.epoch,
            train_loss=train_loss,
            loss=validation.loss if validation else math.nan,
            accuracy=validation.accuracy if validation else 0.0,
            macro_f1=validation.macro_f1 if validation else 0.0,
            seconds=time.perf_counter() - self._began,
            tokens=int(part * trained),
            part=part if finite else 1.0,
        )

    def train_epoch(self, deadline: float = math.inf, *, part: float = 1.0) -> float:
        """Trains as `run_epoch` does, on such a part of the rows; the validation rows are not looked at, and may be none.

        Returns:
            The mean over the epoch's steps of the loss as trained; not finite if it diverged.

        Raises:
            OutOfTimeError: If the deadline passes before the epoch is over.
        """
        return self._train(deadline, lambda: None, part=part)[0]

    def _train(
        self, deadline: float, after_step: Callable[[], None], *, evaluation: float | None = None, part: float = 1.0
    ) -> tuple[float, float]:
        """Trains for an epoch, or a part of one.

        Args:
            deadline: As in `run_epoch`.
            after_step: As there.
            evaluation: The tokens that are to be read before the deadline, as a part of those to train on; None if an epoch
                is not to be cut short for that. To read them takes half to two thirds of the time of training on as many; as
                long as that is kept.
            part: Of the rows.

        Returns:
            The mean loss as trained, and the part of the rows that were trained on.
        """
        self._began, self._spent = time.perf_counter() - self._spent, 0.0
        tokens, train, losses = self.dataset.tokens, self.dataset.split.train, self._losses
        fraction = self.hparams.top_k_fraction(self.epoch + 1)
        knobs, seen, taken = Knobs.of(self.hparams), 0, len(losses)
        # Seeded by the epoch, so that a training taken up in the middle goes on as it would have.
        draws = np.random.default_rng([self.seed, self.epoch + 1])
        for number, rows in enumerate(shuffled_batches(tokens, train, self.hparams.batch_size, draws)):
            rate = self.hparams.learning_rate_after(self.epoch + seen / len(train))
            seen += len(rows)
            if number < taken:
                continue
            self.steps += 1
            loss = self._network.train(
                self._pad(rows),
                self.dataset.labels[rows],
                fraction=fraction,
                step=self.steps,
                knobs=knobs._replace(learning_rate=rate),
                seed=self.seed,
                parts=self._parts,
            )
            losses.append(loss)
            if now() > deadline:
                raise OutOfTimeError(time.perf_counter() - self._began)
            # The step before, which must have ended by now: a GPU computes this one while the next batch is prepared.
            if not math.isfinite(float(losses[max(0, len(losses) - 2)])):
                break
            before = time.perf_counter()
            after_step()
            self._began += time.perf_counter() - before
            done = seen / len(train)
            if done >= part:
                break
            if evaluation is not None and done >= LEAST_PART:
                kept = evaluation / done * (time.perf_counter() - self._began)
                if now() + kept > deadline:
                    break
        self.epoch, self._losses = self.epoch + 1, []
        return float(np.mean([float(loss) for loss in losses])), seen / len(train)

    def evaluate(self, rows: Ints, deadline: float = math.inf, wide: Logits | None = None) -> Evaluation:
        """Evaluates what the LSTM has learned so far on rows of the dataset; TimeoutError if the deadline passes meanwhile.

        With the wide branch's logits of these rows, float32 (len(rows), classes), mixed with them as on the validation rows.
        """
        deep = self._infer(rows, deadline)
        return evaluate(self.dataset.labels[rows], deep if wide is None else self.mixture.of(wide, deep))

    def latency(self) -> float:
        """Returns the milliseconds in which the LSTM, as a classifier has it, answers one text of typical length."""
        tokens, row = self.dataset.tokens, np.array([typical_row(self.dataset.tokens, self.dataset.split.validation)])
        network = self._pool.take(self._network.shape.to_infer())
        network.assign(self._network.learned(self._parts))
        try:
            return milliseconds(lambda: infer(network, tokens, row, self.hparams, parts=self._parts))
        finally:
            self._pool.give_back(network)

    def trained(self) -> Trained:
        """Returns a copy of what was learned so far."""
        return Trained(self._network.learned(self._parts), self.mixture)

    def snapshot(self) -> Snapshot:
        """Returns a copy of what the training needs to go on elsewhere."""
        losses = [float(loss) for loss in self._losses]
        seconds = time.perf_counter() - self._began if losses else 0.0
        return Snapshot(self.epoch, self.steps, self._network.weights(), self._network.optimizer_state(), losses, seconds)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes on from a snapshot of a training with the same dataset, hyperparameters and seed, as that one would have.

        Raises:
            ValueError: If it is of another network.
        """
        self._network.restore(snapshot.weights, snapshot.optimizer)
        self.epoch, self.steps = snapshot.epoch, snapshot.steps
        self._losses, self._spent = list(snapshot.losses), snapshot.seconds

    def _count(self, rows: Ints) -> int:
        """Returns the tokens that are read of rows."""
        return int(np.minimum(self.dataset.tokens.lengths(rows), self.hparams.max_length).sum())

    def _validate(self, deadline: float) -> Evaluation:
        """Evaluates on the validation rows; with a wide branch, weighs the two anew first."""
        rows = self.dataset.split.validation
        labels, deep, wide = self.dataset.labels[rows], self._infer(rows, deadline), self.dataset.wide
        if not self.hparams.wide or wide is None or not np.isfinite(deep).all():
            return evaluate(labels, deep)
        self.mixture = fit_mixture(labels, wide, deep)
        return evaluate(labels, self.mixture.of(wide, deep))

    def _infer(self, rows: Ints, deadline: float) -> Logits:
        with self._network.as_learned():
            return infer(self._network, self.dataset.tokens, rows, self.hparams, deadline, self._parts)

    def _pad(self, rows: Ints) -> npt.NDArray[np.int32]:
        known = self._network.known(self._parts)
        return pad(self.dataset.tokens, rows, max_length=self.hparams.max_length, vocabulary_size=known)


def train(
    dataset: Dataset, hparams: HParams, *, epochs: int, seed: int = 0, patience: int | None = None
) -> Iterator[tuple[EpochReport, Trained | None]]:
    """Trains, and yields after each epoch its report, with what was learned if it was the best so far.

    It ends after `epochs`, at a loss that is not finite, or when the validation loss has not improved for `patience`
    epochs in a row.

    Args:
        dataset: The corpus, split and encoded.
        hparams: How to train.
        epochs: At most so many.
        seed: Of the initial weights, the batches and the dropout.
        patience: None to never end early.
    """
    best, best_epoch = math.inf, 0
    with Training(dataset, hparams, seed=seed) as training:
        for epoch in range(1, epochs + 1):
            report = training.run_epoch()
            improved = report.loss < best
            if improved:
                best, best_epoch = report.loss, epoch
            yield report, training.trained() if improved else None
            if not math.isfinite(report.loss) or (patience is not None and epoch - best_epoch >= patience):
                return
