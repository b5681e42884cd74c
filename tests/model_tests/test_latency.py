from collections.abc import Iterable
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.corpus import Corpus
from data.dataset import encode_corpus
from data.split import split_corpus
from data.tokens import Tokens
from model.compiled import CompiledNetwork
from model.hparams import HParams
from model.latency import ANSWERS, FEWEST, MOST, WARM_UP, milliseconds, typical_row
from model.pool import Pool
from model.training import Training


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.data())
def test_half_of_the_rows_are_no_longer_than_the_typical_one_and_half_no_shorter(
    lengths: list[int], data: st.DataObject
) -> None:
    tokens = Tokens(np.full(sum(lengths), 2, np.int32), np.cumsum([0, *lengths]))
    rows = np.array(sorted(data.draw(st.sets(st.sampled_from(range(len(lengths))), min_size=1))))
    row = typical_row(tokens, rows)
    assert row in rows
    for sign in (1, -1):
        assert 2 * sum(sign * lengths[other] <= sign * lengths[row] for other in rows) >= len(rows)


def measured(monkeypatch: pytest.MonkeyPatch, taken: Iterable[float]) -> tuple[float, int]:
    """What is told of answers that take so many milliseconds each, and how many were asked for."""
    spent, rest = list[float](), iter(taken)
    monkeypatch.setattr("model.latency.time", SimpleNamespace(perf_counter=lambda: sum(spent) / 1000))
    return milliseconds(lambda: spent.append(next(rest))), len(spent)


@pytest.mark.parametrize(
    ("each", "rounds"),
    [pytest.param(1, MOST, id="fast"), pytest.param(30, 4, id="half a second"), pytest.param(1000, FEWEST, id="slow")],
)
def test_answers_are_as_many_as_need_be_and_no_more_than_are_worth_it(
    each: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert measured(monkeypatch, repeat(each)) == (pytest.approx(each), WARM_UP + rounds * ANSWERS)


def test_the_lowest_of_the_rounds_medians_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = [[30, 1, 30, 30, 30], [10, 20, 90, 20, 20], [40] * 5, [50, 50, 5, 50, 50]]
    taken = [2] * WARM_UP + [each for answers in rounds for each in answers]
    assert measured(monkeypatch, taken) == (pytest.approx(20), len(taken))


@pytest.mark.parametrize("more", [{}, {"ema_momentum": 0.9, "subwords": True}])
def test_a_training_whose_latency_was_measured_goes_on_as_if_it_had_not_been(corpus: Corpus, more: dict[str, Any]) -> None:
    dataset, _ = encode_corpus(corpus, split_corpus(corpus), 50, subwords=True)
    hparams, pool = HParams(lstm_size=4, embedding_size=8, batch_size=16, learning_rate=0.02, **more), Pool()
    losses = []
    for measured in (False, True):
        with Training(dataset, hparams, seed=0, pool=pool) as training:
            if measured:
                assert training.latency() > 0
            losses.append([training.run_epoch().loss for _ in range(2)])
    assert losses[0] == losses[1]


def test_what_is_timed_is_what_a_classifier_answers_with(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, _ = encode_corpus(corpus, split_corpus(corpus), 50, subwords=True)
    hparams = HParams(lstm_size=4, embedding_size=8, batch_size=16, ema_momentum=0.9, subwords=True)
    asked, given = list[CompiledNetwork](), list[Any]()
    inferred = CompiledNetwork.infer
    monkeypatch.setattr(
        CompiledNetwork,
        "infer",
        lambda self, tokens, parts=None: (asked.append(self), given.append(parts)) and inferred(self, tokens, parts),
    )
    with Training(dataset, hparams, seed=0, pool=Pool()) as training:
        training.run_epoch()
        asked.clear()
        training.latency()
        (timed,) = set(asked)
        assert all(parts is dataset.parts for parts in given[-len(asked) :])
        for got, learned in zip(timed.weights(), training.trained().weights, strict=True):
            np.testing.assert_array_equal(got, learned)
