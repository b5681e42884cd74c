"""Trackers: told in order, never in the way of a search, and refused before it starts if they cannot be reached."""

import math
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ports import free_port

from data.corpus import Corpus
from data.errors import InputError
from model.experiment import run_experiment
from tune.cli import run
from tune.folder import SearchFolder
from tune.objective import Objective
from tune.searcher import ENDED, EPOCHS, HPARAMS, NUMBER
from tune.tracking.tracker import Tracker, check_track, held_out, make_tracker
from tune.tracking.tracking import Tracking

RESULT = {"trial": 3, "epoch": 2, "hparams": {}, "validation": {"loss": 0.5}, "test": {"loss": 0.625}}


def test_a_refitted_winner_is_told_of_with_figures_on_rows_that_it_has_not_learned_from() -> None:
    assert held_out(RESULT) == {"validation": {"loss": 0.5}, "test": {"loss": 0.625}}
    refitted = {"validation": {"loss": 0.01}, "test": {"loss": 0.6}, "original": {"validation": {"loss": 0.5}}}
    assert held_out(refitted) == {"validation": {"loss": 0.5}, "test": {"loss": 0.6}}


class Listener(Tracker):
    """Keeps what it is told; fails where it is asked to."""

    def __init__(self, fails: str = "") -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fails = fails

    def _hear(self, *message: Any) -> None:
        if message[0] == self.fails:
            raise ConnectionError("gone\nand more")
        self.told.append(message)

    def check(self) -> None:
        self._hear("check")

    def begin(self, trial: int, hparams: Mapping[str, Any]) -> None:
        self._hear("begin", trial, dict(hparams))

    def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
        self._hear("report", trial, epoch, figures["loss"])

    def end(self, trial: int, state: str, reason: str, best: Mapping[str, float]) -> None:
        self._hear("end", trial, state, reason, best.get("loss"))

    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        self._hear("finish", result["trial"], classifier.name)

    def close(self) -> None:
        self._hear("close")


def tell(tracking: Tracking, number: int, epoch: int, loss: float, ended: str = "", before: int = 0, **more: Any) -> None:
    trial: Any = SimpleNamespace(config={NUMBER: number, HPARAMS: {"lstm_size": 4}, EPOCHS: before})
    result = {"epoch": epoch, "loss": loss, "accuracy": 0.5, "macro_f1": 0.4, "train_loss": 2.0, "seconds": 1.0, ENDED: ended}
    tracking.on_trial_result(0, [], trial, result | more)


def test_a_tracker_is_told_all_in_order_and_no_epoch_twice() -> None:
    listener, said = Listener(), list[str]()
    tracking = Tracking({"x": listener}, Objective(), said.append)
    tell(tracking, 0, 1, 0.75)
    tell(tracking, 1, 1, 1.5, done=True)
    tell(tracking, 0, 1, 0.75, repeated=True)
    tell(tracking, 0, 1, 0.75, before=1)  # it is run again
    tell(tracking, 0, 2, 0.5, before=1)
    tell(tracking, 0, 3, 0.625, ended="no better since epoch 2")
    tell(tracking, 2, 1, float("nan"), ended="nan: the loss was not finite in epoch 1")
    tracking.finish(RESULT, Path("classifiers/00003"))
    tracking.close()
    hparams = {"lstm_size": 4}
    assert listener.told == [
        ("begin", 0, hparams),
        ("report", 0, 1, 0.75),
        ("begin", 1, hparams),
        ("report", 1, 1, 1.5),
        ("end", 1, "stopped", "stopped by the scheduler", 1.5),
        ("report", 0, 2, 0.5),
        ("report", 0, 3, 0.625),
        ("end", 0, "complete", "no better since epoch 2", 0.5),
        ("begin", 2, hparams),
        ("report", 2, 1, pytest.approx(math.nan, nan_ok=True)),
        ("end", 2, "failed", "nan: the loss was not finite in epoch 1", None),
        ("finish", 3, "00003"),
        ("close",),
    ]
    assert said == []


@pytest.mark.parametrize("fails", ["begin", "report", "end", "finish", "close"])
def test_a_tracker_that_fails_is_left_out_with_a_word_and_the_others_go_on(fails: str) -> None:
    listener, said = Listener(), list[str]()
    tracking = Tracking({"bad": Listener(fails), "good": listener}, Objective(), said.append)
    for epoch in range(1, 5):
        tell(tracking, 0, epoch, 1 / epoch, ended="all 4 epochs" if epoch == 4 else "")
    tracking.finish(RESULT, Path("00003"))
    tracking.close()
    assert said == ["--track bad failed, and is told no more: gone"]
    assert [message[0] for message in listener.told] == ["begin", *["report"] * 4, "end", "finish", "close"]


def test_no_word_about_a_tracker_holds_the_password_of_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    address, said = "mlflow:http://me:s3cret@127.0.0.1:5000", list[str]()

    class Lost(Listener):
        def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
            raise OSError(f"no answer from {address.removeprefix('mlflow:')}")

    tracking = Tracking({address: Lost()}, Objective(), said.append)
    tell(tracking, 0, 1, 1.0)
    tracking.close()
    assert run(["search", "--track", address, "--print-config"]) == 0
    told = [*said, capsys.readouterr().out]
    assert all("mlflow:http://me:***@127.0.0.1:5000" in one and "s3cret" not in one for one in told)
    assert len(told) == 2


def test_a_slow_tracker_keeps_nobody_waiting() -> None:
    release = threading.Event()

    class Slow(Listener):
        def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
            release.wait(30)

    tracking = Tracking({"slow": Slow()}, Objective(), lambda _: None)
    start = time.monotonic()
    for epoch in range(1, 1_000):
        tell(tracking, 0, epoch, 1.0)
    assert time.monotonic() - start < 10
    release.set()
    tracking.close()


@pytest.mark.parametrize(
    ("value", "message"), [("tensorbord", "is no tracker"), ("mlflow", "needs the address"), ("", "is no tracker")]
)
def test_a_tracker_is_named_right(value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_track(value)


def test_one_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"--track tensorboard:.*it cannot be reached"):
        make_tracker(f"tensorboard:{tmp_path / 'file'}", "name", tmp_path)


@pytest.fixture
def mlflow_address(tmp_path: Path) -> Iterator[str]:
    """A real server's, where the whole of MLflow is installed; else that of a store."""
    pytest.importorskip("mlflow", reason="NOT TESTED: MLflow; it is not installed (pip install mlflow)")
    if find_spec("flask") is None:
        warnings.warn("NOT TESTED: MLflow's server; a store in SQLite in its place", stacklevel=1)
        yield f"sqlite:///{tmp_path / 'ml.db'}"
        return
    port = free_port()
    flags = ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", f"sqlite:///{tmp_path / 'ml.db'}"]
    command = [sys.executable, "-m", "mlflow", "server", *flags, "--artifacts-destination", str(tmp_path / "artefacts")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path) as server:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, at MLflow
def test_mlflow_has_a_run_for_each_trial_and_the_winner_loads_back(
    mlflow_address: str, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    classifier = run_experiment(corpus, epochs=1, embedding_size=4, lstm_size=4).classifier
    classifier.save(tmp_path / "00003")
    said: list[str] = []
    for sitting in range(2):  # the second is of a search that is resumed
        tracker = make_tracker(f"mlflow:{mlflow_address}", "words", tmp_path)
        tracking = Tracking({"mlflow": tracker}, Objective(), said.append)
        tell(tracking, 0, 1 + sitting, 0.75 - sitting / 4, ended="all 2 epochs" if sitting else "")
        if sitting:
            tell(tracking, 1, 1, 2.0, done=True)
        tracking.finish(RESULT, tmp_path / "00003")
        tracking.close()
    client = MlflowClient(mlflow_address)
    experiment = client.get_experiment_by_name("words")
    ours = {run.info.run_id for run in client.search_runs([experiment.experiment_id])}
    other = SearchFolder(tmp_path / "other")  # of the same name, in another storage
    other.path.mkdir()
    other.write_json("search.json", {"created": "2026-11-30T12:00:00+0000"})
    tracking = Tracking({"mlflow": make_tracker(f"mlflow:{mlflow_address}", "words", other.path)}, Objective(), said.append)
    tell(tracking, 0, 1, 9.0, done=True)
    tracking.finish(RESULT, tmp_path / "00003")
    tracking.close()
    theirs = {run.info.run_id for run in client.search_runs([experiment.experiment_id])} - ours
    assert len(theirs) == 2
    for one in theirs:
        client.delete_run(one)
    assert said == []
    assert capsys.readouterr().out == ""
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"trial 0", "trial 1", "winner"}
    assert [(point.step, point.value) for point in client.get_metric_history(runs["trial 0"].info.run_id, "loss")] == [
        (1, 0.75),
        (2, 0.5),
    ]
    assert runs["trial 0"].info.status == "FINISHED"
    assert runs["trial 1"].info.status == "KILLED"
    assert runs["trial 0"].data.params["lstm_size"] == "4"
    assert runs["winner"].data.metrics["test_loss"] == 0.625
    page = (Path(__file__).parents[2] / "docs/tracking.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"RUN_ID": runs["winner"].info.run_id}
    exec(code.replace("http://127.0.0.1:5000", mlflow_address), names)  # noqa: S102 - our own
    again = names["load_classifier"](Path(names["folder"]))
    assert (again.probabilities(["sign1of0"]) == classifier.probabilities(["sign1of0"])).all()


def test_mlflow_that_is_not_there_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="NOT TESTED: MLflow; it is not installed (pip install mlflow)")
    with pytest.raises(InputError, match=r"--track mlflow:http://127\.0\.0\.1:\d+: it cannot be reached"):
        make_tracker(f"mlflow:http://127.0.0.1:{free_port()}", "words", tmp_path)
