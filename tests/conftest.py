"""Real objects, small: a corpus whose classes words give away, and a network of 4 units."""

import os

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from data.corpus import Corpus, corpus_from_lists
from data.dataset import Dataset, encode_corpus
from data.split import split_corpus
from data.vocabulary import Vocabulary

# Fixed examples: a test that passes here passes in CI.
settings.register_profile("fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fixed")


def word_corpus(rows: int = 240, classes: int = 3, seed: int = 0) -> Corpus:
    """Texts of 1 to 12 words, among them one or two that only its class has."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(rows):
        label = row % classes
        words = [f"filler{word}" for word in rng.integers(0, 60, rng.integers(0, 11))]
        words += [f"sign{label}of{word}" for word in rng.integers(0, 3, rng.integers(1, 3))]
        texts.append(" ".join([*rng.permutation(words).tolist(), f"row{row}"]))
        labels.append(f"class {label}")
    return corpus_from_lists(texts, labels)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return word_corpus()


@pytest.fixture(scope="session")
def encoded(corpus: Corpus) -> tuple[Dataset, Vocabulary]:
    return encode_corpus(corpus, split_corpus(corpus), 50)


@pytest.fixture(scope="session")
def dataset(encoded: tuple[Dataset, Vocabulary]) -> Dataset:
    return encoded[0]
