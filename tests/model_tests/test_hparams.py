import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.hparams import HParams


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lstm_layers", 0),
        ("lstm_size", -1),
        ("dense_layers", -1),
        ("vocabulary_size", 2),
        ("dropout", 0.2),
        ("lstm_dropout", 1.0),
        ("dense_dropout", math.nan),
        ("recurrent_dropout", 1.0),
        ("dense_activation", "tanh"),
        ("dense_init", "zeros"),
        ("batch_norm", 1),
        ("learning_rate", 0.0),
        ("learning_rate", math.inf),
        ("weight_decay", -0.1),
        ("clip_norm", 0),
        ("top_k", 0.0),
        ("top_k", 1.5),
        ("class_weight", "heavy"),
        ("class_weight_beta", 1.0),
        ("focal_gamma", -1.0),
        ("logit_adjustment", -0.5),
        ("logit_adjustment", math.inf),
        ("label_smoothing", 1.0),
        ("pooling", "median"),
        ("weight_dropout", 1.0),
        ("output_dropout", -0.1),
        ("learning_rate_schedule", "step"),
        ("learning_rate_epochs", 0),
        ("ema_momentum", 1.0),
        ("lstm_size", 2.5),
        ("lstm_size", "64"),
        ("bidirectional", 1),
    ],
)
def test_a_value_out_of_range_or_kind_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"`{name}`"):
        HParams.from_dict({name: value})


def test_hyperparameters_survive_a_dict_and_whole_numbers_become_floats() -> None:
    hparams = HParams(lstm_size=7, top_k=1, pooling="max")
    assert HParams.from_dict(hparams.to_dict()) == hparams
    assert isinstance(hparams.top_k, float)


@given(st.sampled_from(["linear", "cosine"]), st.integers(1, 30), st.floats(0, 40), st.floats(0, 40))
def test_a_falling_learning_rate_begins_at_its_value_and_ends_at_a_twentieth(
    schedule: str, epochs: int, first: float, second: float
) -> None:
    hparams = HParams(learning_rate=0.1, learning_rate_schedule=schedule, learning_rate_epochs=epochs)
    assert hparams.learning_rate_after(0) == pytest.approx(0.1)
    assert hparams.learning_rate_after(epochs / 2) == pytest.approx(0.0525)
    assert hparams.learning_rate_after(epochs + first) == pytest.approx(0.005)
    earlier, later = sorted((first, second))
    assert hparams.learning_rate_after(earlier) >= hparams.learning_rate_after(later)
    assert HParams(learning_rate=0.1).learning_rate_after(first) == 0.1


@pytest.mark.parametrize(
    ("layers", "taper", "sizes"), [(0, True, ()), (3, False, (5, 5, 5)), (2, True, (5, 2)), (4, True, (5, 2, 1, 1))]
)
def test_dense_layers_taper_by_halves_and_no_layer_is_empty(layers: int, taper: bool, sizes: tuple[int, ...]) -> None:
    assert HParams(dense_layers=layers, dense_size=5, dense_taper=taper).dense_sizes == sizes


@given(st.floats(0.01, 1), st.integers(1, 9), st.sampled_from(["constant", "warmup", "anneal"]))
def test_every_schedule_comes_to_top_k_and_stays(top_k: float, epochs: int, schedule: str) -> None:
    hparams = HParams.from_dict({"top_k": top_k, "top_k_epochs": epochs, "top_k_schedule": schedule})
    fractions = [hparams.top_k_fraction(epoch) for epoch in range(1, epochs + 4)]
    assert fractions == sorted(fractions, reverse=True)
    assert fractions[0] == (top_k if schedule == "constant" else 1)
    assert fractions[epochs:] == pytest.approx([top_k] * 3)
    assert all(0 < fraction <= 1 for fraction in fractions)


@pytest.mark.parametrize(
    "change", [{"class_weight": "balanced"}, {"focal_gamma": 1}, {"logit_adjustment": 1}, {"label_smoothing": 0.1}]
)
def test_the_loss_is_plain_unless_it_is_shaped(change: dict[str, Any]) -> None:
    assert HParams(class_weight_beta=0.9).plain_loss
    assert not HParams.from_dict(change).plain_loss
