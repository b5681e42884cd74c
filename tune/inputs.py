"""From settings to what trials share: the corpus read, split and encoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.clock import now
from data.corpus import Corpus, read_corpus
from data.dataset import Dataset, encode_corpus
from data.errors import InputError
from data.industries import read_industries
from data.small_classes import SmallClassesError, without_small_classes
from data.split import Split, split_corpus
from data.tokens import FIRST
from data.vectors import read_vectors
from data.vocabulary import Vocabulary
from model.hparams import HParams
from model.linear import SPEED, Recipe
from model.size import classifier_bytes
from model.wide import WHOLE_TEXT, Wide, encode_wide
from tune.remote_file import here
from tune.settings import EMBEDDING, Settings
from tune.space import Space
from tune.written_space import parse_space

WIDE_SECONDS, WIDE_SHARE, MOST_WIDE_SHARE = 30.0, 0.05, 0.15
"""What fitting the wide branch may take, by estimate: so many seconds of a core, or this share of the time limit if that is
more; but never more than the last share of it."""
UNLIMITED_SECONDS = 300.0
"""What it may take where there is no time limit."""


class Inputs(NamedTuple):
    """What a search or a training starts from.

    Attributes:
        space: What is searched.
        corpus: The texts.
        dataset: The corpus, split and encoded.
        vocabulary: Of the LSTM.
        limit: Tokens of a text that are looked at.
        wide: The wide branch, where the space has one.
        wide_logits: float32 (n, classes): what it says of every row, training rows as well.
        recipe: How it was fitted.
        seconds: What all this took, reading not included.
    """

    space: Space
    corpus: Corpus
    dataset: Dataset
    vocabulary: Vocabulary
    limit: int
    wide: Wide | None = None
    wide_logits: npt.NDArray[np.float32] | None = None
    recipe: Recipe | None = None
    seconds: float = 0.0

    def told_of_vectors(self) -> Iterator[str]:
        """Yields how many words have a vector that others trained, where there are such."""
        if self.dataset.vectors is not None:
            words = self.dataset.vectors[FIRST:, 0]
            yield f"{np.count_nonzero(~np.isnan(words)):,} of {len(words):,} words have a vector to begin with"

    def size_of(self, hparams: HParams) -> int:
        """Returns the bytes of a classifier of such hyperparameters (`model.size`)."""
        return classifier_bytes(hparams, self.vocabulary, len(self.corpus.classes), self.wide)


def read_inputs(settings: Settings) -> Inputs:
    """Reads the corpus that the settings name, splits and encodes it.

    Raises:
        InputError: If the space or the corpus cannot be used.
    """
    return prepare_inputs(settings, read_settings_corpus(settings))


def prepare_inputs(settings: Settings, corpus: Corpus, split: Split | None = None, recipe: Recipe | None = None) -> Inputs:
    """Splits and encodes a corpus that was read.

    Args:
        settings: Of a search.
        corpus: The texts.
        split: None for the settings' own.
        recipe: How to fit the wide branch, where there is one; None to find out.

    Raises:
        InputError: If the space or the corpus cannot be used.
    """
    began = now()
    inputs = _prepare(settings, corpus, split, recipe)
    return inputs._replace(seconds=now() - began)


def _prepare(settings: Settings, corpus: Corpus, split: Split | None, recipe: Recipe | None) -> Inputs:
    space = parse_space(settings.written_space())
    split = split or settings_split(settings, corpus)
    length, subwords = max(space.longest_text, WHOLE_TEXT), space.may_be("subwords", True)
    if subwords and settings.vectors is not None:
        raise InputError("space, subwords: they cannot be mixed with --vectors; choose one of the two.")
    if not space.may_be("wide", True):
        dataset, vocabulary = encode_corpus(corpus, split, length, subwords=subwords)
        return Inputs(space, corpus, _with_vectors(dataset, vocabulary, settings), vocabulary, length)
    limit = settings.time_limit
    seconds = min(max(WIDE_SECONDS, WIDE_SHARE * limit), MOST_WIDE_SHARE * limit) if limit else UNLIMITED_SECONDS
    encoded = encode_wide(corpus, split, length, settings.seed, SPEED * seconds, recipe, subwords=subwords)
    dataset = _with_vectors(encoded.dataset, encoded.vocabulary, settings)
    return Inputs(space, corpus, dataset, encoded.vocabulary, length, encoded.wide, encoded.logits, encoded.recipe)


def _with_vectors(dataset: Dataset, vocabulary: Vocabulary, settings: Settings) -> Dataset:
    """Adds the vectors of words to begin with, where the settings name a file of them."""
    if settings.vectors is None:
        return dataset
    vectors = read_vectors(settings.vectors, vocabulary)
    if (given := settings.space[EMBEDDING]) != vectors.shape[1]:
        raise InputError(
            f"space, {EMBEDDING}: the vectors of {settings.vectors} are of {vectors.shape[1]} numbers, not {given}."
        )
    return replace(dataset, vectors=vectors)


def settings_split(settings: Settings, corpus: Corpus) -> Split:
    """Splits a corpus as the settings say.

    Raises:
        InputError: If it cannot be split.
    """
    with remedies_told(settings):
        return split_corpus(corpus, validation=settings.validation, test=settings.test, seed=settings.seed)


def read_settings_corpus(settings: Settings) -> Corpus:
    """Reads the corpus that the settings name, classes too small to split folded or dropped as they say.

    Raises:
        InputError: If the corpus cannot be used.
    """
    if settings.data is None:
        return without_small_classes(read_industries(), settings.small_classes)
    with here(settings.data) as file:
        corpus = read_corpus(
            file,
            text=settings.text,
            label=settings.label,
            group=settings.group,
            drop_unlabelled=settings.drop_unlabelled,
            drop_empty=settings.drop_empty,
        )
    with remedies_told(settings):
        return without_small_classes(corpus, settings.small_classes)


@contextmanager
def remedies_told(settings: Settings) -> Iterator[None]:
    """Names the flag that does something about classes that are too small."""
    try:
        yield
    except SmallClassesError as error:
        fold = "" if settings.small_classes == "fold" else "fold (into one class 'other') or "
        raise SmallClassesError(error.problem, f"Add rows, or pass --small-classes {fold}drop.") from None
