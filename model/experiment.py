"""One training from hyperparameters to full-loss evaluation, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from data.corpus import Corpus, corpus_from_frame, corpus_from_lists, read_corpus
from data.dataset import encode_corpus
from data.errors import InputError
from data.industries import read_industries
from data.small_classes import SmallClasses, SmallClassesError, without_small_classes
from data.split import SIDES, Split, split_corpus
from data.vectors import read_vectors
from model.classifier import Classifier
from model.epoch_report import EpochReport
from model.evaluation import Evaluation
from model.hparams import HParams
from model.question import SingleTraining, single_training
from model.text_classifier import Encoded
from model.trained import Trained
from model.training import train
from model.wide import WHOLE_TEXT, encode_wide

EPOCHS = 30
PATIENCE = 4
Data = Corpus | pd.DataFrame | str | Path | tuple[Sequence[str], Sequence[Any]] | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a training came to.

    Attributes:
        classifier: With the weights of the epoch of the lowest validation loss.
        epoch: That epoch, counted from 1.
        reports: What each epoch came to.
        train, validation, test: The classifier's figures on the three sides; the loss is the full loss.
    """

    classifier: Classifier
    epoch: int
    reports: tuple[EpochReport, ...]
    train: Evaluation
    validation: Evaluation
    test: Evaluation


def run_experiment(
    data: Data = None,
    *,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    small_classes: SmallClasses = "refuse",
    validation: float = 0.1,
    test: float = 0.1,
    preset: str | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    seed: int = 0,
    vectors: Path | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    **hparams: Any,
) -> Experiment:
    """Trains on the top-k loss, then evaluates the full loss on train, validation and test.

        run_experiment(frame, text="description", label="industry", lstm_layers=1, lstm_size=64, dense_layers=0)

    Args:
        data: A file, a DataFrame, a pair (texts, labels) or a corpus; the embedded corpus if None.
        text, label, group: Names of the columns of a file or frame.
        small_classes: What becomes of classes too small to split: 'refuse', 'fold' (into one class 'other') or 'drop'.
        validation, test: Fractions of the rows to choose the best epoch by, and to test on.
        preset: A training of `model.question.TRAININGS` to start from.
        epochs: At most so many; the preset's or, without one, 30 if None.
        patience: Epochs without a lower validation loss after which training ends; as many as there are trains them all. 4
            if None, and with a preset all, as the question did.
        seed: Of the split, the initial weights, the batches and the dropout.
        vectors: A file of word vectors to begin with (`data.vectors`); `embedding_size` must be their length, and `subwords`
            false.
        on_epoch: Called with each epoch's report.
        **hparams: Fields of `model.hparams.HParams`; what is not given is as the preset has it.

    Raises:
        InputError: If the data cannot be used, or no epoch came to a finite loss.
        ValueError: Naming a preset that is unknown, or a hyperparameter that is unknown or out of range; for no epochs; or for
            `subwords` beside `vectors`.
    """
    if epochs is not None and epochs < 1:
        raise ValueError(f"`epochs` must be 1 or more, got {epochs}.")
    corpus = without_small_classes(_corpus(data, text, label, group), small_classes)
    if preset is None:
        plan = SingleTraining(HParams.from_dict(hparams), EPOCHS)
        patience = PATIENCE if patience is None else patience
    else:
        plan = single_training(preset, len(corpus.classes), hparams)
    chosen = plan.hparams
    split = _split(corpus, validation, test, seed)
    wide, logits, limit = None, None, chosen.max_length
    if chosen.wide:
        limit = max(limit, WHOLE_TEXT)
        dataset, vocabulary, wide, logits, _ = encode_wide(corpus, split, limit, seed, subwords=chosen.subwords)
    else:
        dataset, vocabulary = encode_corpus(corpus, split, limit, subwords=chosen.subwords)
    if vectors is not None:
        dataset = replace(dataset, vectors=read_vectors(vectors, vocabulary))
    reports: list[EpochReport] = []
    best: tuple[int, Trained] | None = None
    for report, trained in train(
        dataset, chosen, epochs=plan.epochs if epochs is None else epochs, seed=seed, patience=patience
    ):
        reports.append(report)
        if trained is not None:
            best = report.epoch, trained
        if on_epoch:
            on_epoch(report)
    if best is None:
        raise InputError("The loss was not finite in the first epoch; choose a lower learning_rate.")
    classifier = Classifier(chosen, best[1], vocabulary, corpus.classes, limit, wide=wide)
    encoded = Encoded(dataset.tokens, logits, dataset.parts)
    sides = {side: classifier.evaluate(encoded, dataset.labels, split.side(side)) for side in SIDES}
    classifier.metrics.update(epoch=best[0], **{side: evaluation.summary() for side, evaluation in sides.items()})
    return Experiment(classifier, best[0], tuple(reports), **sides)


def _split(corpus: Corpus, validation: float, test: float, seed: int) -> Split:
    try:
        return split_corpus(corpus, validation=validation, test=test, seed=seed)
    except SmallClassesError as error:
        raise SmallClassesError(error.problem, "Add rows, or give small_classes='fold' or 'drop'.") from None


def _corpus(data: Data, text: str, label: str, group: str | None) -> Corpus:
    if data is None:
        return read_industries()
    if isinstance(data, Corpus):
        return data
    if isinstance(data, pd.DataFrame):
        return corpus_from_frame(data, text=text, label=label, group=group)
    if isinstance(data, str | Path):
        return read_corpus(data, text=text, label=label, group=group)
    texts, labels = data
    return corpus_from_lists(texts, labels)
