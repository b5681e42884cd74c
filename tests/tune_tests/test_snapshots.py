"""What a running trial leaves for the case that its process dies."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tune.snapshots
from data.dataset import Dataset
from model.hparams import HParams
from model.snapshot import Snapshot
from model.training import Training
from tune.ending import Rules
from tune.means import Means
from tune.objective import Objective
from tune.place import Folder
from tune.searcher import BAR, ENDED, HPARAMS, NUMBER, REPORTED
from tune.snapshots import Kept, SnapshotFile
from tune.trial import LSTMTrial
from tune.trial_files import TrialFiles
from tune.weights import read_trained

TINY = HParams(lstm_size=4, embedding_size=8, batch_size=16, learning_rate=0.02, wide=False)
FIGURES = ("epoch", "train_loss", "loss", "accuracy", "macro_f1", "tokens", ENDED, "done")


@pytest.fixture(autouse=True)
def at_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.device.use_device", lambda *_, **__: None)  # other tests have used TensorFlow in this process
    monkeypatch.setattr("tune.trial.watch_memory", lambda *_: None)  # it would watch this process ever after
    monkeypatch.setattr(tune.snapshots, "SECONDS", 0.0)
    monkeypatch.setattr(tune.snapshots, "COST", 0.0)


def files(folder: Path) -> TrialFiles:
    return TrialFiles(Folder(folder))


def begun(
    dataset: Dataset,
    folder: Path,
    hparams: HParams = TINY,
    *,
    number: int = 7,
    reported: float = math.inf,
    objective: Objective = Objective(),  # noqa: B008 - it is frozen
    deadline: float = math.inf,
) -> LSTMTrial:
    """A trial in this process, as it stands in a new worker."""
    for name in ("weights", "snapshots"):
        (folder / name).mkdir(exist_ok=True)
    shared: dict[str, Any] = {
        "dataset": dataset,
        "weights": files(folder / "weights"),
        "snapshots": files(folder / "snapshots"),
        "seed": 3,
        "rules": Rules(6, 6, objective),
        "means": Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=deadline),
    }

    class Begun(LSTMTrial):
        def setup(self, config: dict[str, Any], **_: Any) -> None:
            super().setup(config, **shared)

    return Begun({NUMBER: number, HPARAMS: hparams.to_dict(), REPORTED: reported, BAR: math.inf})


def test_a_trial_for_which_there_is_no_time_is_not_built(dataset: Dataset, tmp_path: Path) -> None:
    trial = begun(dataset, tmp_path, deadline=0.0)
    assert trial._training is None
    result = trial.step()
    assert (result[ENDED], result["done"], result["epoch"]) == ("time limit: before it began", True, 0)


def steps(trial: LSTMTrial, count: int) -> list[dict[str, Any]]:
    return [{name: result[name] for name in FIGURES} for _ in range(count) for result in [trial.step()]]


@pytest.mark.parametrize(
    ("epochs", "change"), [(1, {}), (4, {}), (2, {"ema_momentum": 0.9, "learning_rate_schedule": "linear"})]
)
def test_a_trial_whose_process_died_tells_again_what_it_told_and_goes_on_as_it_would_have(
    dataset: Dataset, tmp_path: Path, epochs: int, change: dict[str, Any]
) -> None:
    hparams = dataclasses.replace(TINY, **change)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    wanted = steps(begun(dataset, whole, hparams), 6)
    told = steps(begun(dataset, cut, hparams), epochs)
    file = cut / "snapshots/00007.npz"
    before = (cut / "weights/00007.npz").read_bytes()
    trial = begun(dataset, cut, hparams, reported=min(report["loss"] for report in told))
    assert steps(trial, epochs) == wanted[:epochs]
    assert (cut / "weights/00007.npz").read_bytes() == before, "what was told before is not written again"
    assert trial._training is not None
    assert trial._training.steps == epochs * math.ceil(len(dataset.split.train) / TINY.batch_size), "nor trained again"
    assert steps(trial, 6 - epochs) == wanted[epochs:]
    assert file.exists(), "the driver removes it when it knows of the end"
    for ours, theirs in zip(
        read_trained(files(cut / "weights"), 7).weights,
        read_trained(files(whole / "weights"), 7).weights,
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


class DiedError(Exception):
    """The process is no more."""


@pytest.mark.parametrize(
    ("written", "change"), [(1, {}), (9, {}), (20, {"ema_momentum": 0.9, "learning_rate_schedule": "linear"})]
)
def test_a_trial_that_died_within_an_epoch_goes_on_within_it_as_it_would_have(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int, change: dict[str, Any]
) -> None:
    hparams, trained = dataclasses.replace(TINY, **change), []
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    wanted = steps(begun(dataset, tmp_path / "whole", hparams), 6)
    monkeypatch.setattr(tune.snapshots, "WITHIN_SECONDS", 0.0)
    write = SnapshotFile.write

    def write_and_die(file: SnapshotFile, kept: Kept) -> None:
        write(file, kept)
        trained.append(kept.snapshot.steps)
        if len(trained) == written:
            raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr(SnapshotFile, "write", write_and_die)
        patch.setattr(
            "tune.trial._crash", lambda error: pytest.fail(repr(error)) if not isinstance(error, DiedError) else "died"
        )
        trial = begun(dataset, tmp_path / "cut", hparams)
        while len(trained) < written:
            trial.step()
    after = begun(dataset, tmp_path / "cut", hparams)
    assert after._training is not None
    assert after._training.steps == trained[-1], "what was trained is not trained again"
    assert steps(after, 6) == wanted


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda _: b"", lambda content: content[:50] + content[90:]])
def test_a_damaged_snapshot_costs_the_epochs_and_nothing_else(dataset: Dataset, tmp_path: Path, damage: Any) -> None:
    wanted = steps(begun(dataset, tmp_path), 3)
    file = tmp_path / "snapshots/00007.npz"
    file.write_bytes(damage(file.read_bytes()))
    assert steps(begun(dataset, tmp_path), 3) == wanted


def test_a_trial_that_was_given_up_ends_with_the_reason_whoever_runs_it_again(dataset: Dataset, tmp_path: Path) -> None:
    trial = begun(dataset, tmp_path)
    steps(trial, 2)
    trial._file.give_up("took 9.0 GiB")
    for _ in range(2):
        (report,) = steps(begun(dataset, tmp_path), 1)
        assert (report[ENDED], report["done"]) == ("crashed: MemoryError: took 9.0 GiB", True)


def test_a_snapshot_of_another_network_is_not_gone_on_from(dataset: Dataset, tmp_path: Path) -> None:
    steps(begun(dataset, tmp_path), 3)
    other = dataclasses.replace(TINY, lstm_size=5)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    assert steps(begun(dataset, tmp_path, other), 3) == steps(begun(dataset, fresh, other), 3)


def test_a_snapshot_is_not_due_before_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SnapshotFile(files(tmp_path), 1).due
    monkeypatch.setattr(tune.snapshots, "SECONDS", 3600.0)
    assert not SnapshotFile(files(tmp_path), 1).due


def test_within_an_epoch_a_snapshot_is_due_when_the_last_is_half_a_minute_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = SnapshotFile(files(tmp_path), 1, each_epoch=True)
    assert not file.due_within
    monkeypatch.setattr(tune.snapshots, "WITHIN_SECONDS", 0.0)
    assert file.due_within
    monkeypatch.setattr(tune.snapshots, "COST", math.inf)
    file.write(Kept(Snapshot(0, 0, [], []), []))
    assert not file.due_within, "where writing takes long, training comes first"


def test_on_a_cluster_a_snapshot_is_due_after_each_epoch(tmp_path: Path) -> None:
    assert SnapshotFile(files(tmp_path), 1, each_epoch=True).due


def test_only_running_trials_have_snapshots(tmp_path: Path) -> None:
    for name in ("00003.npz", "00012.npz", ".00012.npz.411", ".00003.npz.77", "123456.npz", ".nfs0000000004"):
        (tmp_path / name).touch()
    files(tmp_path).keep_only({3})
    assert {path.name for path in tmp_path.iterdir()} == {"00003.npz", ".00003.npz.77", ".nfs0000000004"}


def test_a_trial_tells_its_latency_with_each_report_where_it_counts_and_only_there(dataset: Dataset, tmp_path: Path) -> None:
    trial = begun(dataset, tmp_path, objective=Objective("macro_f1", ("latency",)))
    first, second = trial.step(), trial.step()
    assert first["latency"] == second["latency"] > 0
    assert "latency" not in begun(dataset, tmp_path, number=8).step()


def test_a_trial_whose_latency_cannot_be_measured_fails_and_trains_no_further(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def latency(_: Training) -> float:
        raise MemoryError("no room for a second network")

    monkeypatch.setattr(Training, "latency", latency)
    trial = begun(dataset, tmp_path, objective=Objective("loss", ("latency",)))
    told = trial.step()
    assert told[ENDED] == "crashed: MemoryError: no room for a second network"
    assert told["done"]
    assert told["epoch"] == 0


def test_a_run_that_comes_back_leaves_alone_what_a_later_run_of_its_trial_has_written(tmp_path: Path) -> None:
    lost = files(tmp_path).writer(7)
    assert lost.write({"epoch": np.array(4)})
    later = files(tmp_path).writer(7)
    assert lost.write({"epoch": np.array(5)}), "the later run has not written yet"
    assert later.write({"epoch": np.array(6)}), "it is the one that counts"
    assert not lost.write({"epoch": np.array(7)})
    assert files(tmp_path).read(7)["epoch"] == 6
    assert later.write({"epoch": np.array(8)})
    files(tmp_path).remove(7)
    assert lost.write({"epoch": np.array(9)}), "there is nothing to keep"
    (tmp_path / "00007.npz").write_bytes(b"damaged")
    assert later.write({"epoch": np.array(10)})
