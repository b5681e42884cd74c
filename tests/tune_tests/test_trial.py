"""When a trial ends of itself."""

import math
from pathlib import Path
from typing import Any

import pytest

from data.dataset import Dataset
from model.epoch_report import EpochReport
from model.hparams import HParams
from tune.ending import Rules
from tune.means import Means
from tune.objective import Objective
from tune.place import Folder
from tune.searcher import BAR, ENDED, HPARAMS, NUMBER, REPORTED
from tune.trial import LSTMTrial
from tune.trial_files import TrialFiles

TINY = HParams(lstm_size=4, embedding_size=8, batch_size=16, learning_rate=0.02, wide=False)


def begun(dataset: Dataset, folder: Path, rules: Rules) -> LSTMTrial:
    """A trial in this process, as it stands in a new worker."""
    places = {name: folder / name for name in ("weights", "snapshots")}
    for place in places.values():
        place.mkdir()
    shared: dict[str, Any] = {name: TrialFiles(Folder(place)) for name, place in places.items()}
    shared |= {"dataset": dataset, "seed": 3, "rules": rules}
    shared["means"] = Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=math.inf)

    class Begun(LSTMTrial):
        def setup(self, config: dict[str, Any], **_: Any) -> None:
            super().setup(config, **shared)

    return Begun({NUMBER: 7, HPARAMS: TINY.to_dict(), REPORTED: math.inf, BAR: math.inf})


@pytest.mark.parametrize(
    ("losses", "ended"),
    [
        pytest.param([3.0, 2.0, 2.5, 2.1], "no better since epoch 2", id="worse"),
        pytest.param([2.0, 2.0, 2.0], "no better since epoch 1", id="as good"),
        pytest.param([3.0, 3.5, 2.0, 2.5, 1.0, 1.5], "all 6 epochs", id="better before it is too late"),
        pytest.param([3.0, math.nan], "nan: the loss was not finite in epoch 2", id="no number"),
    ],
)
def test_a_trial_ends_when_it_was_no_better_for_as_many_epochs_as_patience_says(
    losses: list[float], ended: str, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = iter(enumerate(losses, start=1))

    def run_epoch(*_: Any, **__: Any) -> EpochReport:
        epoch, loss = next(epochs)
        return EpochReport(epoch=epoch, train_loss=1.0, loss=loss, accuracy=0.5, macro_f1=0.4, seconds=1.0, tokens=9)

    monkeypatch.setattr("model.device.use_device", lambda *_, **__: None)  # other tests have used TensorFlow in this process
    monkeypatch.setattr("tune.trial.watch_memory", lambda *_: None)  # it would watch this process ever after
    monkeypatch.setattr("model.training.Training.run_epoch", run_epoch)
    trial = begun(dataset, tmp_path, Rules(epochs=6, patience=2, objective=Objective()))
    reports = [trial.step()]
    while not reports[-1]["done"]:
        reports.append(trial.step())
    trial.cleanup()
    assert [report["loss"] for report in reports] == pytest.approx(losses, nan_ok=True)
    assert reports[-1][ENDED] == ended


def test_a_trial_whose_epoch_was_cut_short_has_that_reported_and_ends(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_epoch(training: Any, *_: Any, or_part: bool) -> EpochReport:
        training.epoch += 1
        part = 0.25 if or_part and training.epoch == 2 else 1.0
        return EpochReport(training.epoch, 1.0, 3.0 - training.epoch, 0.5, 0.4, seconds=1.0, tokens=9, part=part)

    monkeypatch.setattr("model.device.use_device", lambda *_, **__: None)
    monkeypatch.setattr("tune.trial.watch_memory", lambda *_: None)
    monkeypatch.setattr("model.training.Training.run_epoch", run_epoch)
    trial = begun(dataset, tmp_path, Rules(epochs=2, patience=2, objective=Objective()))
    first, second = trial.step(), trial.step()
    trial.cleanup()
    assert (first["done"], first[ENDED]) == (False, "")
    assert (second["done"], second[ENDED]) == (True, "time limit: cut short in epoch 2")
    assert (second["epoch"], second["loss"]) == (2, 1.0)
    assert "repeated" not in second
