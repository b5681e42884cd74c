from typing import Any

import keras
import pytest

from data.corpus import Corpus
from model.experiment import run_experiment
from model.network import build
from model.question import single_training

CLASSES = 30


def layers(name: str) -> list[tuple[Any, ...]]:
    """The preset's Keras network, layer by layer, but for what does nothing."""
    told: list[tuple[Any, ...]] = []
    for layer in build(single_training(name, CLASSES).hparams, vocabulary_size=50, classes=CLASSES).layers:
        if isinstance(layer, keras.layers.Embedding):
            told.append(("embedding", layer.output_dim, layer.trainable))
        elif isinstance(layer, keras.layers.Dropout | keras.layers.SpatialDropout1D) and layer.rate:
            told.append(("dropout", layer.rate))
        elif isinstance(layer, keras.layers.LSTM):
            told.append(("lstm", layer.units, layer.recurrent_dropout))
        elif isinstance(layer, keras.layers.Dense):
            told.append(("dense", layer.units, layer.activation.__name__))
        elif isinstance(layer, keras.layers.BatchNormalization):
            told.append(("batch norm",))
    return told


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model_1", [("embedding", 80, True), ("dropout", 1 - 0.8**2), ("lstm", 100, 0.2)]),
        (
            "model_2",
            [
                ("embedding", 80, True),
                ("lstm", 100, 0.0),
                ("dropout", 0.5),
                ("dense", 128, "relu"),
                ("dropout", 0.5),
                ("dense", 64, "relu"),
                ("dropout", 0.5),
            ],
        ),
        (
            "model_3",
            [
                ("embedding", 80, False),
                ("dropout", 1 - 0.6**2),
                ("lstm", 100, 0.4),
                ("dense", 128, "sigmoid"),
                ("batch norm",),
                ("dense", 64, "sigmoid"),
                ("batch norm",),
                ("dense", 32, "sigmoid"),
                ("batch norm",),
            ],
        ),
        ("baseline", [("embedding", 80, True), ("lstm", CLASSES // 4, 0.0)]),
    ],
)
def test_the_networks_are_those_of_the_question(name: str, expected: list[tuple[Any, ...]]) -> None:
    told = [tuple(pytest.approx(value) if isinstance(value, float) else value for value in layer) for layer in layers(name)]
    assert [*expected, ("dense", CLASSES, "linear")] == told


def test_they_are_trained_as_in_the_question() -> None:
    for name in ("model_1", "model_2", "model_3"):
        training = single_training(name, CLASSES)
        hparams = training.hparams
        assert (training.epochs, hparams.batch_size, hparams.top_k, hparams.max_length) == (50, 100, 1.0, 3_000)
        assert (hparams.learning_rate, hparams.learning_rate_schedule, hparams.clip_norm >= 1e9) == (1e-3, "constant", True)
        shaped = (
            hparams.weight_decay,
            hparams.label_smoothing,
            hparams.focal_gamma,
            hparams.logit_adjustment,
            hparams.ema_momentum,
        )
        assert (shaped, hparams.class_weight, hparams.wide) == ((0,) * 5, "none", False)
    assert single_training("model_2", CLASSES).hparams.dense_init == "he_uniform"
    assert single_training("model_3", CLASSES).hparams.dense_init == "normal"
    baseline = single_training("baseline", CLASSES)
    assert (baseline.epochs, baseline.hparams.top_k * baseline.hparams.batch_size) == (100, 16)
    assert single_training("baseline", 3).hparams.lstm_size == 1
    with pytest.raises(ValueError, match="no training 'model_4'; there are model_1"):
        single_training("model_4", CLASSES)


def test_an_experiment_starts_from_a_preset(corpus: Corpus) -> None:
    done = run_experiment(corpus, preset="baseline", lstm_size=3, learning_rate=0.02, epochs=2)
    assert len(done.reports) == 2
    assert done.classifier.hparams == single_training("baseline", 3, {"lstm_size": 3, "learning_rate": 0.02}).hparams


def test_an_experiment_with_a_preset_trains_all_its_epochs_and_another_ends_when_it_gets_no_better(corpus: Corpus) -> None:
    still = {"learning_rate": 1e-12, "lstm_size": 2, "embedding_size": 2, "epochs": 6}
    ends = {preset: len(run_experiment(corpus, preset=preset, **still).reports) for preset in (None, "baseline")}
    assert ends == {None: 5, "baseline": 6}
    assert len(run_experiment(corpus, preset="baseline", patience=2, **still).reports) == 3
