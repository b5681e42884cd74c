import threading
import time

import numpy as np
import pytest

from data.corpus import Corpus
from data.dataset import Dataset
from data.split import SIDES
from model.baseline import evaluate_baseline
from model.strong_baseline import evaluate_strong_baseline
from tune.baseline import Baseline


def test_a_process_of_its_own_comes_to_the_same_figures(corpus: Corpus, dataset: Dataset) -> None:
    baseline, strong = Baseline.linear(dataset, 0), Baseline.strong(corpus, dataset, 0)
    threads = [threading.Thread(target=baseline.start) for _ in range(8)]  # asked for by many, it is started once
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = baseline.result(None)
    baseline.close()
    expected = evaluate_baseline(dataset, 0)
    assert list(figures) == ["kind", *SIDES]
    assert figures["kind"] == expected.kind
    for side in SIDES:
        assert figures[side] == pytest.approx(expected.sides[side].summary(), abs=1e-9)
    assert strong.result(None) == evaluate_strong_baseline(corpus, dataset.split, 0).summary()
    strong.close()


def test_one_that_is_closed_before_it_was_started_stays_so(dataset: Dataset) -> None:
    baseline = Baseline.linear(dataset, 0)
    baseline.close()
    baseline.start()  # as a timer does
    assert baseline._process is None


def test_one_that_fails_says_why(dataset: Dataset) -> None:
    labels = np.zeros_like(dataset.labels)
    one_class = Dataset(dataset.tokens, labels, dataset.split, 1, dataset.vocabulary_size)
    baseline = Baseline.linear(one_class, 0)
    with pytest.raises(RuntimeError, match=r"ValueError: .*class"):
        baseline.result(None)


def test_it_is_not_waited_for_longer_than_asked_and_ends_when_closed(dataset: Dataset) -> None:
    baseline = Baseline.linear(dataset, 0)
    with pytest.raises(TimeoutError):
        baseline.result(0.0)
    started = time.monotonic()
    baseline.close()
    assert time.monotonic() - started < 5
    assert baseline._process is not None
    assert baseline._process.poll() is not None
    Baseline.linear(dataset, 0).close()  # never started
