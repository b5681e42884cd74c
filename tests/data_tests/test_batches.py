import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.batches import EVALUATION_TOKENS, pad, shuffled_batches, sorted_batches
from data.tokens import PAD, UNKNOWN, Tokens

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=200)


def tokens_of(sizes: list[int]) -> Tokens:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Tokens(np.random.default_rng(0).integers(1, 50, offsets[-1]).astype(np.int32), offsets)


@given(lengths, st.integers(1, 7), st.integers(0, 3))
def test_every_row_is_in_one_batch_an_epoch(sizes: list[int], batch_size: int, seed: int) -> None:
    rows = np.arange(len(sizes))[::2]
    batches = list(shuffled_batches(tokens_of(sizes), rows, batch_size, np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches)) == rows.tolist()
    assert max(map(len, batches)) <= batch_size
    assert max(map(len, batches)) - min(map(len, batches)) <= 1, "no row weighs more than others"


@given(lengths, st.integers(1, 7), st.integers(1, 4))
def test_every_row_is_in_one_batch_whatever_the_window(sizes: list[int], batch_size: int, window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data.batches.WINDOW", window)
        batches = list(shuffled_batches(tokens_of(sizes), np.arange(len(sizes)), batch_size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches)) == list(range(len(sizes)))
    assert max(map(len, batches)) <= batch_size


def test_the_same_seed_gives_the_same_batches_and_another_epoch_others() -> None:
    tokens, rows = tokens_of([3] * 50), np.arange(50)
    epochs = [
        list(map(tuple, shuffled_batches(tokens, rows, 8, np.random.default_rng(seed)))) for seed in ([1, 1], [1, 1], [1, 2])
    ]
    assert epochs[0] == epochs[1]
    assert epochs[0] != epochs[2]


def test_batches_hold_rows_of_like_length() -> None:
    sizes = np.random.default_rng(0).lognormal(3, 0.8, 4096).astype(int) + 1
    tokens, rows = tokens_of(sizes.tolist()), np.arange(4096)
    padded = sum(len(batch) * sizes[batch].max() for batch in shuffled_batches(tokens, rows, 64, np.random.default_rng(0)))
    assert padded < 1.25 * sizes.sum()


@given(lengths, st.integers(1, 50), st.integers(3, 60))
def test_padding_lays_each_text_out_cut_and_seen_through_the_vocabulary(sizes: list[int], cap: int, size: int) -> None:
    tokens = tokens_of(sizes)
    rows = np.arange(len(sizes))[::-1]
    ids = pad(tokens, rows, max_length=cap, vocabulary_size=size)
    assert ids.shape == (len(sizes), min(max(sizes), cap))
    assert ids.dtype == np.int32
    for line, row in zip(ids, rows, strict=True):
        expected = [token if token < size else UNKNOWN for token in tokens[row][:cap]]
        assert line.tolist() == expected + [PAD] * (ids.shape[1] - len(expected))


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=300), st.integers(1, 90_000))
def test_evaluation_batches_cover_all_and_stay_within_memory(sizes: list[int], cap: int) -> None:
    cut = np.minimum(sizes, cap)
    batches = list(sorted_batches(np.array(sizes), cap))
    assert sorted(np.concatenate(batches)) == list(range(len(sizes)))
    assert all(len(batch) == 1 or len(batch) * cut[batch].max() <= EVALUATION_TOKENS for batch in batches)
