"""What a training is run with: none of it needs TensorFlow."""

from typing import get_args

import pytest

from model.hparams import HParams
from model.presets import SPACES
from model.question import TRAININGS, single_training
from tune.settings import Settings
from tune.single import plan


def test_presets_are_spaces_to_search_or_trainings() -> None:
    presets = get_args(Settings.model_fields["preset"].annotation)
    assert set(presets) == {*SPACES, *TRAININGS}
    assert not set(SPACES) & set(TRAININGS)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_preset_says_all_that_was_not_given(name: str) -> None:
    training = single_training(name, 9)
    assert plan(Settings.model_validate({"preset": name}), {}, 9) == (training.hparams, training.epochs, training.epochs)
    given = Settings.model_validate({"preset": name, "max_epochs": 3, "patience": 4})
    changed = single_training(name, 9, {"lstm_size": 8})
    assert plan(given, {"lstm_size": 8}, 9) == (changed.hparams, 3, 4)
    assert changed.hparams.lstm_size == 8


def test_without_a_preset_hyperparameters_epochs_and_patience_stay_at_their_defaults() -> None:
    settings = Settings.model_validate({})
    assert plan(settings, {"lstm_size": 8}, 9) == (HParams(lstm_size=8), settings.max_epochs, settings.patience)
