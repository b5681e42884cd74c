"""A training as Keras teaches it: stock layers, `compile` and `fit`, on rows padded to one length."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from task import EPOCHS, PATIENCE, Task

from data.batches import EVALUATION_TOKENS, pad
from data.dataset import Dataset
from model.hparams import HParams
from model.losses import TopKLoss
from model.network import build

LOSS = "val_cross_entropy"
"""What Keras calls the full loss on the validation rows: what counts, and what every peer minimises."""


def with_usual_length(hparams: HParams, dataset: Dataset) -> HParams:
    """Cuts texts at the 99th percentile of the training texts' lengths, where that is less than `max_length`."""
    usual = int(np.ceil(np.percentile(dataset.tokens.lengths(dataset.split.train), 99)))
    return replace(hparams, max_length=min(hparams.max_length, usual))


def compiled(hparams: HParams, dataset: Dataset) -> keras.Model:
    """Builds and compiles a network, having forgotten the one before. Weight decay takes kernels alone, as Topknot's."""
    keras.utils.clear_session()
    size = min(hparams.vocabulary_size, dataset.vocabulary_size)
    network = build(hparams, vocabulary_size=size, classes=dataset.classes)
    optimizer = keras.optimizers.AdamW(
        hparams.learning_rate, weight_decay=hparams.weight_decay, global_clipnorm=hparams.clip_norm
    )
    optimizer.exclude_from_weight_decay(var_names=["embeddings", "bias"])
    network.compile(
        optimizer=optimizer,
        loss=TopKLoss(k=max(1, round(hparams.top_k * hparams.batch_size))),
        metrics=[keras.metrics.SparseCategoricalCrossentropy("cross_entropy", from_logits=True)],
    )
    return network


def fit(
    network: keras.Model,
    hparams: HParams,
    dataset: Dataset,
    *,
    callbacks: list[keras.callbacks.Callback],
    patience: int | None = PATIENCE,
    **arguments: Any,
) -> keras.callbacks.History:
    """Trains on shuffled rows, all padded to the longest one, each cut at `max_length`; evaluates in large batches.

    Args:
        network: Compiled.
        hparams: Its hyperparameters.
        dataset: Rows and labels.
        callbacks: In order, behind Keras's own.
        patience: Epochs without a lower full loss after which it ends; None to train them all.
        **arguments: Of `keras.Model.fit`; 30 epochs where there are none.
    """
    if patience is not None:
        callbacks = [keras.callbacks.EarlyStopping(LOSS, mode="min", patience=patience), *callbacks]
    sides = []
    for rows in (dataset.split.train, dataset.split.validation):
        size = min(hparams.vocabulary_size, dataset.vocabulary_size)
        tokens = pad(dataset.tokens, rows, max_length=hparams.max_length, vocabulary_size=size)
        sides.append((tokens, dataset.labels[rows]))
    (tokens, labels), validation = sides
    return network.fit(
        tokens,
        labels,
        batch_size=hparams.batch_size,
        validation_data=validation,
        validation_batch_size=max(hparams.batch_size, EVALUATION_TOKENS // tokens.shape[1]),
        callbacks=callbacks,
        **({"epochs": EPOCHS, "verbose": 0} | arguments),
    )


class Reports(keras.callbacks.Callback):
    """Writes a trial's epochs into a task's curve."""

    def __init__(self, task: Task, trial: int | str) -> None:
        super().__init__()
        self._task, self._trial = task, trial

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._task.report(self._trial, epoch + 1, logs[LOSS])
