"""The winner trained again on train and validation rows."""

import dataclasses
import math
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from data.clock import now
from data.corpus import Corpus
from data.dataset import Dataset
from data.split import SIDES, split_corpus
from model.calibration import fit_temperature
from model.classifier import Classifier
from model.ensemble import Ensemble
from model.hparams import HParams
from model.shape import Shape
from model.trained import Trained, Weights
from model.training import Training
from tune.again import train_epochs
from tune.folder import SearchFolder
from tune.inputs import Inputs, prepare_inputs
from tune.means import Means
from tune.outcome import TrialOutcome
from tune.refit import _work, join, refit_winner
from tune.run_times import RunTimes
from tune.settings import Settings
from tune.timetable import Timetable
from tune.trial_seed import trial_seed
from tune.winner import Winner, encoded
from tune.workers import Workers

TINY = HParams(lstm_size=4, embedding_size=8, batch_size=16, learning_rate=0.02, wide=False).to_dict()
MEANS = Means(cpus=1, gpus=0, precision="float32", memory=2.0**34, deadline=math.inf)


@pytest.fixture(autouse=True)
def _tensorflow_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.device.use_device", lambda *_, **__: None)  # other tests have used TensorFlow in this process


def test_train_and_validation_rows_are_joined_and_no_test_row_is_among_them(corpus: Corpus) -> None:
    split = split_corpus(corpus)
    joined = join(split)
    assert sorted([*split.train, *split.validation]) == joined.train.tolist()
    assert len(joined.validation) == 0
    np.testing.assert_array_equal(joined.test, split.test)


def test_it_is_trained_as_the_trial_was_for_as_many_epochs_as_its_best_one_had() -> None:
    epochs = tuple({"loss": loss} for loss in (3.0, 1.0, 2.0, 2.0, 2.0))
    trial = TrialOutcome(9, "complete", "", TINY, epochs, 1.0)  # type: ignore[arg-type]
    assert _work(Settings(seed=4), trial) == (TINY, trial_seed(4, 9), 2)
    cut = TrialOutcome(9, "pruned", "", TINY, (*epochs, {"loss": 0.5, "part": 0.25}), 1.0)  # type: ignore[arg-type]
    assert (cut.best_epoch, _work(Settings(seed=4), cut)[-1]) == (6, 5.25)


def test_of_an_epoch_that_was_cut_short_as_much_is_trained(dataset: Dataset) -> None:
    joined = dataclasses.replace(dataset, split=join(dataset.split))
    with Training(joined, HParams(**TINY), seed=3) as training:
        training.train_epoch()
        training.train_epoch(part=0.25)
        whole, steps = -(-len(joined.split.train) // training.hparams.batch_size), training.steps
        by_hand = training.trained().weights
    assert steps == whole + math.ceil(whole / 4)
    learned = train_epochs(TINY, 3, 1.25, joined, MEANS)
    assert learned
    for ours, theirs in zip(learned, by_hand, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_that_the_last_step_has_spoilt_are_no_classifiers(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    joined = dataclasses.replace(dataset, split=join(dataset.split))
    monkeypatch.setattr("model.training.Training.trained", lambda _: SimpleNamespace(weights=[np.array([1.0, np.nan])]))
    with pytest.raises(ValueError, match="the weights were not finite after epoch 1"):
        train_epochs(TINY, 3, 1, joined, MEANS)


def test_it_learns_from_the_labels_of_validation_rows_and_not_from_those_of_test_rows(dataset: Dataset) -> None:
    joined = dataclasses.replace(dataset, split=join(dataset.split))

    def learned(side: str) -> Weights:
        labels = dataset.labels.copy()
        labels[dataset.split.side(side)] = 0
        weights = train_epochs(TINY, 3, 1, dataclasses.replace(joined, labels=labels), MEANS)
        assert weights
        return weights

    plain = train_epochs(TINY, 3, 1, joined, MEANS)
    assert plain
    for ours, same, other in zip(plain, learned("test"), learned("validation"), strict=True):
        np.testing.assert_array_equal(ours, same)
        assert not np.array_equal(ours, other)


def test_vocabulary_and_wide_branch_know_what_stands_in_validation_rows_alone(corpus: Corpus) -> None:
    settings = Settings.model_validate({})
    split = split_corpus(corpus)
    before = prepare_inputs(settings, corpus)
    after = prepare_inputs(settings, corpus, join(split), before.recipe)
    assert after.recipe == before.recipe is not None
    word = corpus.texts[split.validation[0]].split()[-1]
    assert word.startswith("row")
    assert word not in before.vocabulary.tokens
    assert word in after.vocabulary.tokens
    assert before.wide
    assert after.wide
    assert len(after.wide.ngrams.codes) > len(before.wide.ngrams.codes)
    untested = corpus.texts[split.test[0]].split()[-1]
    assert untested not in after.vocabulary.tokens


def winner_of_two(folder: SearchFolder, inputs: Inputs) -> Winner:
    """An ensemble of two LSTMs, each of which answers all texts with a class of its own; the second weighs 2 / 3."""
    folder.path.mkdir()
    folder.repair()
    hparams = HParams.from_dict(TINY)
    members, trials = {}, {}
    for number, name in enumerate(("00000", "00001")):
        trials[name] = TrialOutcome(number, "complete", "", TINY, ({"loss": 1.0 + number},), 1.0)
        members[name] = Classifier(hparams, Trained(constant(inputs, number)), inputs.vocabulary, inputs.corpus.classes, 3000)
    result: dict[str, Any] = {"checkpoint": "classifiers/both", "calibration": {}, **{side: {} for side in SIDES}}
    return Winner(result, Ensemble(members, {"00000": 1 / 3, "00001": 2 / 3}), trials)


def times(seconds: float | None = None, prepare: float = 0.0) -> RunTimes:
    """The times of a run that began with preparing for so long, and may take so many seconds."""
    unasked = cast("Any", None)
    if seconds is None:
        return cast("RunTimes", SimpleNamespace(latest=Timetable(*[math.inf] * 4), prepare=prepare))
    deadline = now() + seconds
    return cast("RunTimes", SimpleNamespace(latest=Timetable(deadline, deadline, deadline, unasked), prepare=prepare))


def constant(inputs: Inputs, answer: int) -> Weights:
    shape = Shape.of(HParams.from_dict(TINY), inputs.dataset.vocabulary_size, inputs.dataset.classes)
    weights = [np.zeros(size, np.float32) for _, size in shape.weights()]
    weights[-1][answer] = 4.0
    return weights


@pytest.mark.parametrize(("error", "raised"), [(MemoryError("no room"), False), (OSError(28, "No space left"), True)])
def test_a_winner_that_cannot_be_trained_again_stays_as_it_was(
    error: Exception, raised: bool, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    settings, said, unasked = Settings(space={"wide": False}), list[str](), cast("Any", None)
    inputs, folder = prepare_inputs(settings, corpus), SearchFolder(tmp_path / "one")
    winner = winner_of_two(folder, inputs)
    monkeypatch.setattr("tune.refit.prepare_inputs", fail)
    with pytest.raises(OSError, match="No space") if raised else nullcontext():
        result = refit_winner(folder, settings, inputs, winner, unasked, times(), threading.Event(), said.append)
        assert result == {"refit": None}
        assert "MemoryError: no room" in said[-1]


def test_an_ensemble_is_refitted_as_far_as_there_is_time_those_first_that_weigh_most(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"space": {"wide": False}})
    inputs, folder, said = prepare_inputs(settings, corpus), SearchFolder(tmp_path / "one"), list[str]()
    winner, workers = winner_of_two(folder, inputs), Workers(2, 1, None)
    in_time, works = 0, list[str]()

    def run(_: Any, given: dict[str, Any], shared: tuple[Dataset], *__: Any) -> Iterator[tuple[str, Weights | None]]:
        assert len(shared[0].split.train) == 216
        works[:] = given
        again = prepare_inputs(settings, corpus, join(inputs.dataset.split))
        yield from ((name, constant(again, 2) if place < in_time else None) for place, name in enumerate(given))

    def refit() -> dict[str, Any]:
        works.clear()
        return refit_winner(folder, settings, inputs, winner, workers, times(), threading.Event(), said.append)

    monkeypatch.setattr("tune.refit.run_on_workers", run)
    assert refit() == {"refit": None}
    assert "there was no time" in said[-1]

    in_time = 1
    part = refit()
    assert works == ["00001", "00000"]
    assert part["refit"] == {"rows": 216, "epochs": {"1": 1}}
    assert said[-1] == "There was time for 1 of the ensemble's 2 classifiers"
    left, rows = Ensemble.load(folder.path / part["checkpoint"]), inputs.dataset.split.validation
    assert left.weights == {"00001": 1.0}
    alone = winner.classifier.members["00001"].uncalibrated(encoded(inputs), rows)  # type: ignore[union-attr]
    assert left.temperature == pytest.approx(fit_temperature(inputs.dataset.labels[rows], alone), rel=1e-4)

    in_time = 0
    assert refit() == part
    assert works == ["00000"]  # the other is there

    in_time = 1
    result = refit()
    assert result["refit"]["epochs"] == {"0": 1, "1": 1}
    assert Ensemble.load(folder.path / result["checkpoint"]).weights == pytest.approx({"00000": 1 / 3, "00001": 2 / 3})
    assert "There was time" not in said[-1]
    assert Ensemble.load(folder.path / part["checkpoint"])  # what an earlier result names is still there

    assert refit()["refit"] == result["refit"]
    assert not works  # all of it was there


def test_nothing_is_prepared_that_there_is_no_time_to_train_on(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, said, unasked = Settings.model_validate({"space": {"wide": False}}), list[str](), cast("Any", None)
    inputs, folder = prepare_inputs(settings, corpus), SearchFolder(tmp_path / "one")
    winner = winner_of_two(folder, inputs)
    monkeypatch.setattr("tune.refit.prepare_inputs", lambda *_: pytest.fail("it was prepared"))
    late = times(60.0, prepare=90.0)
    assert refit_winner(folder, settings, inputs, winner, unasked, late, threading.Event(), said.append) == {"refit": None}
    assert "there was no time" in said[-1]


@pytest.mark.parametrize("stopped", [pytest.param(True, id="Ctrl-C"), pytest.param(False, id="a training failed")])
def test_members_that_were_trained_are_kept_where_others_are_not(
    stopped: bool, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"space": {"wide": False}})
    inputs, folder, said = prepare_inputs(settings, corpus), SearchFolder(tmp_path / "one"), list[str]()
    winner, workers, interrupted = winner_of_two(folder, inputs), Workers(2, 1, None), threading.Event()
    again = prepare_inputs(settings, corpus, join(inputs.dataset.split))

    def run(_: Any, given: dict[str, Any], *__: Any) -> Iterator[tuple[str, Weights | Exception]]:
        heavy, light = given
        yield heavy, constant(again, 2)
        if stopped:
            interrupted.set()
            return
        yield light, ValueError("Traceback ...\nthe loss was not finite in epoch 1")

    monkeypatch.setattr("tune.refit.run_on_workers", run)
    with pytest.raises(KeyboardInterrupt) if stopped else nullcontext():
        result = refit_winner(folder, settings, inputs, winner, workers, times(), interrupted, said.append)
        assert result["refit"]["epochs"] == {"1": 1}
        assert said[-1] == (
            "A training failed (the loss was not finite in epoch 1); there are 1 of the ensemble's 2 classifiers"
        )
    (saved,) = (folder.path / "classifiers").glob("*-refit*")
    assert Ensemble.load(saved).weights == {"00001": 1.0}


def test_no_time_gives_no_weights_and_a_loss_that_is_not_finite_is_told(dataset: Dataset) -> None:
    assert train_epochs(TINY, 3, 1, dataset, dataclasses.replace(MEANS, deadline=0.0)) is None
    wild = HParams.from_dict(TINY | {"learning_rate": 1e38, "clip_norm": 1e30}).to_dict()
    with pytest.raises(ValueError, match="not finite in epoch 1"):
        train_epochs(wild, 3, 3, dataset, MEANS)
