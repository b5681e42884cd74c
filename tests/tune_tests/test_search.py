"""Searches as a user runs them: the command line, a real local Ray, real processes killed."""

import collections
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import optuna
import pytest
import yaml
from disturbances.faults import PLANTED, WORKERS, named
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tensorboardX.proto.event_pb2 import Event

from data.corpus import Corpus
from data.split import SIDES
from model.classifier import Classifier
from model.trained import Trained
from tune.cli import run
from tune.cluster import cores
from tune.continuity import read_own_corpus
from tune.folder import SearchFolder
from tune.inputs import prepare_inputs
from tune.live_view import clock
from tune.lock import is_running, locked
from tune.outcome import ranked_trials
from tune.podium import Podium
from tune.program import program
from tune.provenance import git_revision
from tune.search_result import best_classifier, missing
from tune.searches import find_search
from tune.study import open_study
from tune.suspects import suspects_document
from tune.weights import read_trained
from tune.winner import evaluate_best

RATE = "learning_rate: {float: [0.005, 0.05], log: true}"
CONFIG = f"""
max_epochs: 4
grace_period: 1
patience: 3
keep: 3
portfolio: false
workers: 1
space:
  embedding_size: 8
  lstm_size: {{int: [3, 4]}}
  pooling: {{choice: [last, max]}}
  bidirectional: false
  subwords: false
  dense_layers: 0
  batch_size: 16
  max_length: 50
  {RATE}
"""

ONE_SHAPE = CONFIG.replace("{int: [3, 4]}", "4").replace("{choice: [last, max]}", "max")
"""Of one network, compiled once a process."""


class Done(NamedTuple):
    """What a command that has ended said."""

    stdout: str
    stderr: str


def no_ray(workers: int) -> None:
    raise AssertionError(f"Ray was started for {workers} workers")


def topknot(*arguments: str, code: int = 0, stdin: str = "", as_process: bool | None = None) -> Done:
    """Runs a command: what trains in a process of its own; what reads a search, or is refused, in this one, without Ray."""
    may_train = arguments[0] in {"search", "resume", "train"}
    if as_process is None:
        as_process = may_train and code != 2
    if as_process:
        command = [sys.executable, "-m", "tune", *arguments]
        process = subprocess.run(command, capture_output=True, text=True, input=stdin, check=False, timeout=300)
        ended, done = process.returncode, Done(process.stdout, process.stderr)
    else:  # TensorFlow takes most of such a command's time, and is loaded here already
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            if may_train:
                patch.setattr("tune.search.local_cluster", no_ray)
            ended = run(arguments)
        done = Done(out.getvalue(), err.getvalue())
    assert ended == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def show(storage: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(topknot("show", name, "--storage", str(storage), "--json").stdout)
    return document


def load_study(document: dict[str, Any]) -> optuna.Study:
    kind, path = document["study"]["url"].split(":", 1)
    if kind == "sqlite":
        return optuna.load_study(study_name=document["study"]["name"], storage=document["study"]["url"])
    assert kind == "journal"
    return optuna.load_study(study_name=document["study"]["name"], storage=JournalStorage(JournalFileBackend(path)))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    lines = [f'"{text}",{corpus.classes[label]}' for text, label in zip(corpus.texts, corpus.labels, strict=True)]
    (folder / "words.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    (folder / "tiny.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> tuple[Path, dict[str, Any]]:
    """A storage with a finished search 'words' of 8 trials, and what it printed."""
    storage = tmp_path_factory.mktemp("storage")
    flags = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--workers", "2"]
    (storage / "printed.yaml").write_text(topknot("search", *flags, "--print-config", as_process=False).stdout)
    flags = ["--config", str(storage / "printed.yaml")]
    flags += ["--trials", "8", "--track", "tensorboard"]
    done = topknot("search", "--name", "words", "--storage", str(storage), "--json", *flags)
    return storage, json.loads(done.stdout)


def test_a_search_prints_its_result_as_one_json_document(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, best = finished
    assert best["name"] == "words"
    assert Path(best["checkpoint"]).is_dir()
    for sides in (best, best["baseline"]):
        for side, rows in (("train", 192), ("validation", 24), ("test", 24)):
            assert set(sides[side]) == {"loss", "accuracy", "macro_f1", "rows"}
            assert sides[side]["rows"] == rows
    assert json.loads(topknot("best", "words", "--storage", str(storage), "--json").stdout) == best


def test_tune_writes_down_nothing_of_each_trial_as_nobody_reads_it(finished: tuple[Path, dict[str, Any]]) -> None:
    states = [json.loads(path.read_text()) for path in (finished[0] / "words" / "ray").glob("experiment_state-*.json")]
    assert [state["trial_data"] for state in states] == [[]]


def test_figures_are_those_of_calibrated_probabilities_and_calibration_changes_no_answer(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    storage, best = finished
    before, after = best["calibration"]["before"], best["calibration"]["after"]
    for side in ("validation", "test"):
        assert after[side]["loss"] == best[side]["loss"]
        assert min(before[side]["error"], after[side]["error"]) >= 0
    assert after["validation"]["loss"] <= before["validation"]["loss"] + 1e-9
    winner = show(storage, "words")["trials"][best["trial"]]["validation"]
    assert {figure: best["validation"][figure] for figure in ("accuracy", "macro_f1")} == pytest.approx(
        {figure: winner[figure] for figure in ("accuracy", "macro_f1")}
    )
    assert best["calibration"]["temperature"] != 1


def test_watching_ends_with_the_search_and_says_what_to_do_then(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, best = finished
    lines = topknot("watch", "words", "--storage", str(storage)).stdout.splitlines()
    assert lines[0].startswith(f"{clock(best['wall_seconds'])}  8 trials done")
    loss = best["calibration"]["before"]["validation"]["loss"]
    assert f"best: trial {best['trial']}, epoch {best['epoch']}: loss {loss:.3f}" in lines[0]
    assert lines[-1].startswith(f"Finished: {program()} best words --storage {storage}")
    shutil.copytree(storage / "words", tmp_path / "words")
    folder = find_search(tmp_path, "words")
    folder.write_json("search.json", folder.read_json("search.json") | {"finished": False})
    assert not is_running(folder)
    with locked(folder, print):
        assert is_running(folder)
        command = [sys.executable, "-m", "tune", "watch", "words", "--storage", str(tmp_path), "--every", "0.1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout
            assert "8 trials done" in watcher.stdout.readline()
            watcher.send_signal(signal.SIGINT)
            told = watcher.communicate(timeout=60)
        assert watcher.returncode == 0
        assert told[1].splitlines() == ["The search goes on."]
    assert "go on with: " in topknot("watch", "words", "--storage", str(tmp_path)).stdout.splitlines()[-1]


def test_tensorboard_is_told_what_the_study_is_told(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, best = finished
    trials = show(storage, "words")["trials"]
    for trial in trials:
        events = events_of(storage / f"words/tensorboard/{trial['trial']:05d}")
        losses = {event.step: value.simple_value for event in events for value in event.summary.value if value.tag == "loss"}
        assert len(losses) == trial["epochs"]
        assert losses[trial["best_epoch"]] == pytest.approx(trial["validation"]["loss"], rel=1e-6)
        tags = [value.tag for event in events for value in event.summary.value]
        assert {"accuracy", "macro_f1", "_hparams_/session_start_info", "_hparams_/session_end_info", "best/loss"} <= set(tags)
        (start,) = [
            value.metadata.plugin_data.content
            for event in events
            for value in event.summary.value
            if value.tag == "_hparams_/session_start_info"
        ]
        assert b"learning_rate" in start
    winner = [value for event in events_of(storage / "words/tensorboard/winner") for value in event.summary.value]
    told = {value.tag: value.simple_value for value in winner}
    assert told["test/macro_f1"] == pytest.approx(best["test"]["macro_f1"], rel=1e-6)


def events_of(folder: Path) -> list[Any]:
    """Reads a folder's event file: records of a length, its checksum, an event and its checksum."""
    (path,) = folder.glob("events.out.*")
    content, events, at = path.read_bytes(), [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 8], "little")
        events.append(Event.FromString(content[at + 12 : at + 12 + length]))
        at += 16 + length
    return events


def test_a_search_is_not_resumed_with_another_metric(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    shutil.copytree(finished[0] / "words", tmp_path / "words")
    path = tmp_path / "words/settings.yaml"
    path.write_text(path.read_text().replace("metric: loss", "metric: macro_f1"))
    told = topknot("resume", "words", "--trials", "1", "--storage", str(tmp_path), code=2).stderr
    assert "metric is macro_f1 now, and was loss" in told


def test_a_result_is_exported_and_its_reader_answers(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, _ = finished
    flags = ["export", "words", "--storage", str(storage), "-o", str(tmp_path / "out"), "--format"]
    assert "its probabilities are the classifier's to" in topknot(*flags, "keras").stdout
    command = [sys.executable, str(tmp_path / "out/reader.py"), "sign2of0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("class 2\t")
    assert "exists; -o needs a new folder" in topknot(*flags, "keras", code=2).stderr


def test_predictions_are_explained_by_the_words_of_the_text(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, _ = finished
    flags = ["predict", "words", "-", "--storage", str(storage), "--explain"]
    text = "filler1 sign2of0 \x1b[31m"
    plain = topknot(*flags, stdin=text).stdout
    assert plain.splitlines()[0].startswith("class 2\t")
    assert plain.splitlines()[1].startswith("    sign2of0 +")
    assert "\x1b" not in plain
    (told,) = json.loads(topknot(*flags, "--json", stdin=text).stdout)
    assert told["label"] == "class 2"
    assert [text[word["start"] : word["end"]] for word in told["words"]] == ["filler1", "sign2of0", "31m"]


def test_a_report_shows_the_result_and_of_an_unfinished_search_what_there_is(
    finished: tuple[Path, dict[str, Any]], inputs: Path, tmp_path: Path
) -> None:
    storage, best = finished
    topknot("report", "words", "--storage", str(storage), "-o", str(tmp_path / "whole.html"))
    whole = (tmp_path / "whole.html").read_text()
    for text in (f"{best['test']['macro_f1']:.4f}", "linear baseline", "id='confusion'", "id='curves'", "class 2"):
        assert text in whole
    shutil.copytree(storage / "words", tmp_path / "words")
    (tmp_path / "words/result.json").unlink()
    topknot("report", "words", "--storage", str(tmp_path))
    part = (tmp_path / "words/report.html").read_text()
    assert "has not come to its end" in part
    assert "id='curves'" in part
    assert "id='confusion'" not in part
    shutil.copytree(storage / "words", tmp_path / "lost")
    settings = tmp_path / "lost/settings.yaml"
    settings.write_text(settings.read_text().replace(str(inputs), str(tmp_path / "moved")))
    topknot("report", "lost", "--storage", str(tmp_path))
    lost = (tmp_path / "lost/report.html").read_text()
    assert "What the winner answers is not shown" in lost
    assert "id='curves'" in lost
    for place in (tmp_path, tmp_path / "no/where.html"):
        assert "cannot be written" in topknot("report", "words", "--storage", str(storage), "-o", str(place), code=2).stderr
    assert not list(tmp_path.glob(".*"))


def test_leaderboard_study_and_result_tell_one_truth(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, best = finished
    document = show(storage, "words")
    trials = document["trials"]
    assert [trial["trial"] for trial in trials] == list(range(8))
    study = load_study(document)
    states = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    ended = collections.Counter(trial["state"] for trial in trials)
    assert sum(ended[state] for state in states) == len(study.trials) == 8
    assert {state: ended[state] for state in best["trials"]} == best["trials"]
    for trial, told in zip(trials, study.trials, strict=True):
        assert told.state.name == states[trial["state"]]
        assert sorted(told.intermediate_values) == list(range(1, trial["epochs"] + 1)) != []
        assert trial["validation"]["loss"] == min(told.intermediate_values.values())
        assert told.intermediate_values[trial["best_epoch"]] == trial["validation"]["loss"]
        assert trial["reason"]
        assert trial["hparams"]["lstm_size"] == told.params["lstm_size"]
    uncalibrated = best["calibration"]["before"]["validation"]["loss"]
    assert min(trial["validation"]["loss"] for trial in trials) == pytest.approx(uncalibrated, abs=1e-6)
    winner = trials[best["trial"]]
    assert (winner["best_epoch"], winner["hparams"]) == (best["epoch"], best["hparams"])
    assert any(trial["state"] == "pruned" and "ASHA" in trial["reason"] for trial in trials)
    assert 0 < document["useful_share"] < 1


def test_a_search_says_what_it_was_run_with(finished: tuple[Path, dict[str, Any]]) -> None:
    environment = show(finished[0], "words")["environment"]
    assert (environment["python"], environment["cores"]) == (platform.python_version(), cores())
    assert environment["versions"] == {name: version(name) for name in environment["versions"]}
    assert environment["versions"].keys() >= {"topknot", "ray", "optuna", "keras", "tensorflow", "numpy"}
    assert str(environment["revision"])[:7] == str(git_revision())[:7], "where there is no checkout, neither knows"


def test_only_the_best_weights_are_kept_and_no_temporary_files(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, best = finished
    kept = sorted((storage / "words/weights").iterdir())
    assert len(kept) == 3
    assert f"{best['trial']:05d}.npz" in {path.name for path in kept}
    ours = [path for path in storage.rglob("*") if "ray" not in path.relative_to(storage).parts]
    assert not [path for path in ours if path.name.startswith(".") or "tmp" in path.name]


@pytest.mark.parametrize("side", SIDES)
def test_a_split_is_evaluated_to_the_same_figures_in_a_new_process_too(
    finished: tuple[Path, dict[str, Any]], side: str
) -> None:
    storage, best = finished
    flags = ["--storage", str(storage), "--split", side, "--json"]
    got = json.loads(topknot("evaluate", "words", *flags, as_process=side == "test").stdout)
    for figure in ("loss", "accuracy", "macro_f1", "rows"):
        assert got[figure] == pytest.approx(best[side][figure], abs=1e-6)
    if side != "train":
        assert got["calibration_error"] == pytest.approx(best["calibration"]["after"][side]["error"], abs=1e-6)
    assert set(got["classes"]) == {"class 0", "class 1", "class 2"}
    assert sum(figures["rows"] for figures in got["classes"].values()) == best[side]["rows"]


def test_texts_are_classified_from_stdin_a_file_and_an_exported_folder(
    finished: tuple[Path, dict[str, Any]], inputs: Path, tmp_path: Path
) -> None:
    storage, _ = finished
    topknot("best", "words", "--storage", str(storage), "--export", str(tmp_path / "model"))
    by_name = topknot(
        "predict", "words", "-", "--storage", str(storage), stdin="sign1of2 sign1of1\n\nsign2of0\n", as_process=True
    )
    by_folder = topknot("predict", str(tmp_path / "model"), "-", stdin="sign1of2 sign1of1\n\nsign2of0\n")
    assert by_name.stdout == by_folder.stdout
    assert len(by_name.stdout.splitlines()) == 3
    assert by_name.stdout.startswith("class 1\t")
    assert by_name.stderr == "", "no library's chatter"
    out = tmp_path / "out.json"
    topknot(
        "predict", str(tmp_path / "model"), str(inputs / "words.csv"), "--text", "text", "--top", "2", "--json", "-o", str(out)
    )
    answers = json.loads(out.read_text())
    assert len(answers) == 240
    assert answers[0]["label"] == answers[0]["top"][0]["label"]
    assert len(answers[0]["top"]) == 2
    file = str(inputs / "words.csv")
    figures = json.loads(topknot("evaluate", str(tmp_path / "model"), "--data", file, "--json").stdout)
    assert figures["accuracy"] == pytest.approx(
        np.mean([f"class {row % 3}" == answer["label"] for row, answer in enumerate(answers)])
    )
    others = tmp_path / "others.csv"
    others.write_text((inputs / "words.csv").read_text() + "no such,class 7\nnor such,class 8\n")
    refused = topknot("evaluate", str(tmp_path / "model"), "--data", str(others), code=2).stderr
    assert "others.csv, row 241: the classifier does not know the label 'class 7', the first of 2 rows of 2 such" in refused
    again = topknot("evaluate", str(tmp_path / "model"), "--data", str(others), "--drop-unknown", "--json")
    assert json.loads(again.stdout) == figures
    assert "Left out: 2 of 242 rows, whose labels the classifier does not know" in again.stderr
    topknot("best", "words", "--storage", str(storage), "--export", str(tmp_path / "model"), code=2)
    shutil.copytree(storage / "words", tmp_path / "words")
    shutil.rmtree(tmp_path / "words/classifiers")
    said = topknot("best", "words", "--storage", str(tmp_path), "--export", str(tmp_path / "new"), code=2).stderr
    assert "is missing; make it again" in said
    assert not (tmp_path / "new").exists()


def test_people_get_tables(finished: tuple[Path, dict[str, Any]]) -> None:
    storage, best = finished
    flag = ["--storage", str(storage)]
    assert "words" in topknot("list", *flag).stdout
    assert "stopped by ASHA" in topknot("show", "words", *flag).stdout
    shown = topknot("best", "words", *flag).stdout
    for part in (
        "LSTM and wide branch, test",
        "wide branch alone, test",
        "linear baseline, test",
        "Calibrated at temperature",
        best["checkpoint"],
        f"-m tune predict words - --storage {storage}",
    ):
        assert part in shown
    assert "precision" in topknot("evaluate", "words", *flag, "--split", "test").stdout


def test_suspects_are_rows_of_the_file_with_what_is_said_of_them(finished: tuple[Path, dict[str, Any]], inputs: Path) -> None:
    storage, _ = finished
    show_suspects = ["show", "words", "--storage", str(storage), "--suspects"]
    document = json.loads(topknot(*show_suspects, "7", "--json").stdout)
    assert (document["judged"], len(document["trials"]), document["linear"]) == (192, 3, True)
    rows = (inputs / "words.csv").read_text().splitlines()
    assert len(document["suspects"]) == 7
    for suspect in document["suspects"]:
        assert rows[suspect["row"]] == f'"{suspect["text"]}",{suspect["label"]}'
        assert suspect["label_probability"] <= suspect["probability"] <= 1
    table = topknot(*show_suspects).stdout
    assert "the 20 of 192 training texts" in table
    assert document["suspects"][0]["text"] in table


def test_suspects_are_judged_without_what_a_running_search_lets_go_of_meanwhile(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_go(files: Any, trial: int) -> Trained:
        if not gone:
            gone.append(trial)
            files.remove(trial)
        return read_trained(files, trial)

    gone = list[int]()
    shutil.copytree(finished[0] / "words", tmp_path / "words")
    monkeypatch.setattr("tune.suspects.read_trained", let_go)
    document = suspects_document(find_search(tmp_path, "words"), 3)
    assert len(document["trials"]) == 2
    assert gone[0] not in document["trials"]


def test_a_finished_search_moved_elsewhere_takes_more_trials(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, best = finished
    shutil.copytree(storage / "words", tmp_path / "moved")
    flag = ["--storage", str(tmp_path)]
    nothing_to_finish = json.loads(topknot("resume", "moved", *flag, "--json", as_process=False).stdout)
    assert nothing_to_finish["test"] == best["test"]
    extended = json.loads(topknot("resume", "moved", *flag, "--trials", "3", "--json").stdout)
    assert extended["name"] == "moved"
    document = show(tmp_path, "moved")
    assert document["command"].endswith(" --trials 11 --name ANOTHER")
    assert [trial["trial"] for trial in document["trials"]] == list(range(11))
    assert document["trials"][:8] == show(storage, "words")["trials"]
    losses = [result["calibration"]["before"]["validation"]["loss"] for result in (extended, best)]
    assert losses[0] <= losses[1] + 1e-9
    assert Path(extended["checkpoint"]).is_relative_to(tmp_path)
    again = json.loads(topknot("evaluate", "moved", *flag, "--split", "test", "--json").stdout)
    assert again["loss"] == pytest.approx(extended["test"]["loss"], abs=1e-6)


def cut_end(folder: SearchFolder) -> None:
    """Takes the end of the trial that ended last out of the study."""
    journal = folder.path / "study.journal"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))


LOSSES: dict[str, Callable[[SearchFolder], object]] = {
    "its classifier is missing": lambda folder: shutil.rmtree(best_classifier(folder)),
    "its classifier is damaged": lambda folder: (best_classifier(folder) / "network.keras").write_bytes(b""),
    "the end of its study is missing": cut_end,
    "its result.json is missing or damaged": lambda folder: (folder.path / "result.json").unlink(),
}
"""What a finished search may lose, by what is said of it."""


@pytest.mark.parametrize("said", LOSSES)
def test_a_finished_search_knows_what_it_has_lost(finished: tuple[Path, dict[str, Any]], tmp_path: Path, said: str) -> None:
    folder = SearchFolder(shutil.copytree(finished[0] / "words", tmp_path / "words"))
    assert missing(folder) is None
    LOSSES[said](folder)
    assert missing(folder) == said


def test_a_finished_search_makes_what_it_has_lost_again(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, best = finished
    folder = SearchFolder(shutil.copytree(storage / "words", tmp_path / "words"))
    for said in ("its classifier is damaged", "the end of its study is missing", "its result.json is missing or damaged"):
        LOSSES[said](folder)
    flag = ["--storage", str(tmp_path), "--json"]
    again = json.loads(topknot("resume", "words", *flag).stdout)
    assert missing(folder) is None
    assert again["test"] == best["test"]
    assert json.loads(topknot("best", "words", *flag).stdout)["test"] == best["test"]
    trials = show(tmp_path, "words")["trials"]
    assert [trial["state"] for trial in trials] == [trial["state"] for trial in show(storage, "words")["trials"]]
    assert json.loads(topknot("evaluate", "words", *flag, "--split", "test").stdout)["loss"] == pytest.approx(
        best["test"]["loss"]
    )


def test_a_study_that_is_gone_is_not_begun_anew(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, _ = finished
    journal = shutil.copytree(storage / "words", tmp_path / "words") / "study.journal"
    journal.unlink()
    for command in ("show", "report", "resume"):
        assert "study.journal is missing" in topknot(command, "words", "--storage", str(tmp_path), code=2).stderr
    assert not journal.exists()


def test_a_changed_corpus_is_refused(finished: tuple[Path, dict[str, Any]], tmp_path: Path, inputs: Path) -> None:
    storage, _ = finished
    shutil.copytree(storage / "words", tmp_path / "words")
    changed = tmp_path / "words.csv"
    changed.write_text((inputs / "words.csv").read_text().replace("filler1 ", "other "))
    settings = tmp_path / "words/settings.yaml"
    settings.write_text(settings.read_text().replace(str(inputs / "words.csv"), str(changed)))
    commands = (["resume", "words", "--trials", "1"], ["evaluate", "words", "--split", "test"], ["show", "words", "--suspects"])
    for command in commands:
        refused = topknot(*command, "--storage", str(tmp_path), code=2).stderr
        assert "has changed since" in refused
        assert "then 240 rows of 3 classes, now 240 of 3 (class 'class 0' has other texts, or in another order; " in refused


def test_a_search_whose_rows_would_change_sides_is_refused(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, _ = finished
    shutil.copytree(storage / "words", tmp_path / "words")
    settings = tmp_path / "words/settings.yaml"
    written = yaml.safe_load(settings.read_text())
    commands = {"seed": ["resume", "words", "--trials", "1"], "test": ["evaluate", "words", "--split", "test"]}
    for name, command in commands.items():
        settings.write_text(yaml.safe_dump(written | {name: written[name] + (1 if name == "seed" else 0.05)}))
        refused = topknot(*command, "--storage", str(tmp_path), code=2).stderr
        assert f"{name} is" in refused
        assert "rows would change sides" in refused


def test_a_resume_that_is_refused_leaves_what_the_search_is_to_come_to(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(finished[0] / "words", tmp_path / "words")
    about, settings = (tmp_path / "words" / name for name in ("search.json", "settings.yaml"))
    before = json.loads(about.read_text()), settings.read_text()
    flags = ["--trials", "3", "--ensemble", "3", "--address", "127.0.0.1:1", "--storage", str(tmp_path)]
    assert "--address 127.0.0.1:1: " in topknot("resume", "words", *flags, code=2).stderr
    assert (json.loads(about.read_text()), settings.read_text()) == before


@pytest.mark.parametrize("cut", [pytest.param(False, id="finished"), pytest.param(True, id="cut in what follows the trials")])
def test_a_search_whose_trials_are_over_gets_an_ensemble_without_further_trials(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path, cut: bool
) -> None:
    storage, best = finished
    folder = SearchFolder(shutil.copytree(storage / "words", tmp_path / "words"))
    about = folder.read_json("search.json")
    assert about["trials_over"]
    if cut:
        (folder.path / "result.json").unlink()
        folder.write_json("search.json", about | {"finished": False, "goal": {"trials": None, "wall_seconds": 3_600.0}})
    flags = ["--storage", str(tmp_path), "--json"]
    done = topknot("resume", "words", "--ensemble", "3", *flags)
    assert ("Its trials are over; what follows them is done, with no time limit" in done.stderr) == cut
    document = json.loads(done.stdout)
    assert document["trials"] == best["trials"]
    assert document["single"]["test"] == pytest.approx(best["test"], rel=1e-4)
    assert document == json.loads(topknot("best", "words", *flags).stdout)
    assert yaml.safe_load((tmp_path / "words/settings.yaml").read_text())["ensemble"] == 3


def test_a_changed_space_is_refused_with_the_difference(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    storage, _ = finished
    shutil.copytree(storage / "words", tmp_path / "words")
    settings = tmp_path / "words/settings.yaml"
    settings.write_text(settings.read_text().replace("batch_size: 16", "batch_size: 17"))
    refused = topknot("resume", "words", "--trials", "1", "--storage", str(tmp_path), code=2).stderr
    assert "has changed since the search was started (batch_size: then 16, now 17)" in refused


def without_test(document: Any) -> Any:
    """A result, but for the figures of the test rows."""
    if isinstance(document, dict):
        return {key: without_test(value) for key, value in document.items() if key != "test"}
    return document


def test_labels_of_test_rows_decide_nothing_but_the_figures_of_those_rows(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = SearchFolder(shutil.copytree(finished[0] / "words", tmp_path / "words"))
    settings = folder.settings()
    corpus, split = read_own_corpus(folder, settings)
    others = corpus.labels.copy()
    others[split.test] = (others[split.test] + 1) % len(corpus.classes)
    results = []
    for labels in (corpus.labels, others):
        shutil.rmtree(folder.path / "classifiers")
        inputs = prepare_inputs(settings, replace(corpus, labels=labels), split)
        results.append(evaluate_best(folder, inputs, 3, folder.trials()).result)
    before, after = results
    assert {"ensemble", "calibration", "validation", "wide"} <= without_test(before).keys()
    assert without_test(after) == without_test(before)
    assert after["test"] != before["test"]


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def started(tmp_path: Path, inputs: Path) -> Iterator[Start]:
    """Starts a search 'cut' in a session of its own and waits until some trials have ended; none of it outlives the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> subprocess.Popen[str]:
        data = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--workers", "2", "--name", "cut"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tune", "search", *data, "--storage", str(tmp_path), *flags],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        folder, deadline = SearchFolder(tmp_path / "cut"), time.monotonic() + 120
        while sum(trial.state != "running" for trial in folder.trials()) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "no trial ended in time"
            time.sleep(0.2)
        return process

    yield start
    for process in processes:
        kill(process)


def assert_complete(storage: Path, count: int) -> None:
    document = show(storage, "cut")
    best = json.loads(topknot("best", "cut", "--storage", str(storage), "--json").stdout)
    assert [trial["trial"] for trial in document["trials"]] == list(range(count))
    states = collections.Counter(trial["state"] for trial in document["trials"])
    assert states["running"] == 0
    told = load_study(document).trials
    assert collections.Counter(trial.state.name for trial in told)["RUNNING"] == 0
    assert [len(trial.intermediate_values) for trial in told] == [trial["epochs"] for trial in document["trials"]]
    ended = [trial for trial in document["trials"] if trial["state"] in {"complete", "pruned"} and trial["best_epoch"]]
    lowest = min(trial["validation"]["loss"] for trial in ended)
    assert lowest == pytest.approx(best["calibration"]["before"]["validation"]["loss"], abs=1e-6)


def kill(process: subprocess.Popen[str], seconds: float = 0.0, yet_to_come: Callable[[], bool] = lambda: False) -> None:
    """Kills a search and what it has started, so many seconds after a moment yet to come; or lets it end before."""
    while process.poll() is None and yet_to_come():
        time.sleep(0.05)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_search_killed_again_and_again_loses_nothing_and_leaves_nothing_half_done(started: Start, tmp_path: Path) -> None:
    storage, folder, rng = ["--storage", str(tmp_path)], SearchFolder(tmp_path / "cut"), np.random.default_rng(0)

    def resumed(*flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tune", "resume", "cut", *storage, *flags]
        return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    kill(started("--trials", "8"), rng.uniform(0, 1))
    before = [trial for trial in show(tmp_path, "cut")["trials"] if trial["state"] != "running"]
    assert "has no result yet" in topknot("best", "cut", *storage, code=2).stderr
    kill(resumed(), rng.uniform(0, 8))  # while it starts
    kill(resumed(), rng.uniform(0, 4), lambda: sum(trial.state != "running" for trial in folder.trials()) < 8)  # at its end
    topknot("resume", "cut", *storage)
    assert_complete(tmp_path, 8)
    after = show(tmp_path, "cut")["trials"]
    assert [after[trial["trial"]] for trial in before] == before
    kill(resumed("--trials", "2"), 0, lambda: folder.read_json("search.json")["goal"]["trials"] == 8)  # while it starts
    best = json.loads(topknot("resume", "cut", *storage, "--json").stdout)
    assert_complete(tmp_path, 10)
    assert {path.name for path in (folder.path / "weights").iterdir()} == {
        f"{trial.number:05d}.npz" for trial in ranked_trials(folder.trials())[:3]
    }
    assert not list((folder.path / "snapshots").iterdir())
    ours = [path for path in folder.path.rglob("*") if "ray" not in path.relative_to(folder.path).parts]
    assert not [path for path in ours if path.name.startswith((".", "study.journal."))]
    again = json.loads(topknot("evaluate", "cut", *storage, "--split", "test", "--json").stdout)
    assert again["loss"] == pytest.approx(best["test"]["loss"], abs=1e-6)


def test_ctrl_c_keeps_everything_and_the_search_goes_on_for_as_long_as_it_is_told(started: Start, tmp_path: Path) -> None:
    storage = ["--storage", str(tmp_path)]
    # Trials so long that some run when the time is over.
    process = started("--trials", "40", "--max-epochs", "30", "--patience", "30", "--scheduler", "none")
    assert "is running already" in topknot("resume", "cut", *storage, code=2).stderr
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip().splitlines()[-1].endswith(f"-m tune resume cut --storage {tmp_path}")
    assert "Traceback" not in stderr
    before = SearchFolder(tmp_path / "cut").read_json("search.json")["wall_seconds"]
    best = json.loads(topknot("resume", "cut", *storage, "--time-limit", "20s", "--json").stdout)
    trials = show(tmp_path, "cut")["trials"]
    assert_complete(tmp_path, len(trials))
    assert any(trial["reason"].startswith("time limit") for trial in trials)
    assert 0 < best["wall_seconds"] - before < 20 + 90, "a slow machine comes to its end late"


def without_times(document: Any) -> Any:
    """What a command printed, but for what is of the one run: times, and where it stands."""
    of_one_run = {"name", "checkpoint", "seconds", "wall_seconds", "useful_share", "study", "command"}
    if isinstance(document, dict):
        return {key: without_times(value) for key, value in document.items() if key not in of_one_run}
    return [without_times(value) for value in document] if isinstance(document, list) else document


BUDGET = 1.15e-5
"""GiB: room for the weights of two trials, of which each takes some 5,000 bytes."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> tuple[Path, dict[str, Any]]:
    """A storage with a search 'first' of one worker, with so many trials that the sampler learns; and its result."""
    storage = tmp_path_factory.mktemp("alone")
    flags = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--storage", str(storage)]
    flags += ["--name", "first", "--trials", "14", "--workers", "1", "--seed", "5", "--checkpoint-budget", str(BUDGET)]
    return storage, json.loads(topknot("search", *flags, "--json").stdout)


def test_a_search_with_one_worker_is_the_same_again_to_the_digit(alone: tuple[Path, dict[str, Any]]) -> None:
    storage, best = alone
    *command, name = show(storage, "first")["command"].split()
    assert name == "ANOTHER"
    again = json.loads(topknot(*command[command.index("search") :], "second", "--json").stdout)
    assert without_times(again) == without_times(best)
    assert without_times(show(storage, "second")) == without_times(show(storage, "first"))


def test_kept_weights_stay_within_their_budget_and_the_bests_are_among_them(alone: tuple[Path, dict[str, Any]]) -> None:
    storage, best = alone
    sizes = {path.name: path.stat().st_size for path in (storage / "first/weights").iterdir()}
    assert f"{best['trial']:05d}.npz" in sizes
    assert sum(sizes.values()) <= BUDGET * 2**30 or len(sizes) == 1
    assert len(sizes) < 3, "so many would be kept without a budget"


def test_a_worker_that_has_outgrown_its_memory_is_replaced_and_no_trial_is_lost(
    alone: tuple[Path, dict[str, Any]], tmp_path: Path, inputs: Path
) -> None:
    flags = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--storage", str(tmp_path)]
    # Whoever has run a trial holds more than that.
    flags += ["--trials", "2", "--worker-memory", "0.01"]
    topknot("search", *flags, "--name", "cut", "--workers", "1", "--seed", "5")
    assert_complete(tmp_path, 2)
    trials = show(tmp_path, "cut")["trials"]
    assert "failed" not in {trial["state"] for trial in trials}
    assert without_times(trials) == without_times(show(alone[0], "first")["trials"][:2])


def test_a_trial_that_takes_memory_without_end_fails_alone_and_says_how_much_it_took(
    started: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PLANTED))
    process = started("--trials", "12", "--worker-memory", "1", "--scheduler", "none")
    os.kill(named(process.pid, *WORKERS)[0], signal.SIGUSR2)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert_complete(tmp_path, 12)
    failed = [trial["reason"] for trial in show(tmp_path, "cut")["trials"] if trial["state"] == "failed"]
    assert len(failed) == 1
    said = (
        r"crashed: MemoryError: took \S+ GiB of memory, more than its worker's 1.0 GiB \(worker_memory\) and \S+ GiB to spare"
    )
    assert re.fullmatch(said, failed[0])


def test_a_search_whose_ray_has_ended_ends_within_seconds_and_says_how_to_go_on(started: Start) -> None:
    driver = started("--trials", "500", "--scheduler", "none", "--workers", "1")
    (pid,) = named(driver.pid, "gcs_server")  # Ray's node process: see test_serving.py
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    out, err = driver.communicate(timeout=120)
    assert time.monotonic() - killed < 30, "Ray itself waits for a minute"
    assert (driver.returncode, out) == (1, "")
    said = "Ray's control process has ended: killed, or out of memory. What was finished is kept; go on with: "
    assert err.strip().splitlines()[-1].startswith(f"topknot: {said}")
    assert "Traceback" not in err
    assert "state-dump" not in err, "Ray's log"


def test_where_ray_cannot_be_started_the_search_says_so_and_how_to_go_on(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("long" * 25)))  # beyond what the name of a socket may take
    flags = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--storage", str(tmp_path)]
    done = topknot("search", *flags, "--name", "cut", "--trials", "2", code=1)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("topknot: Ray could not be started: ")
    assert f"resume cut --storage {tmp_path}" in last


def test_trials_that_diverge_or_crash_fail_with_the_reason_and_the_search_goes_on(tmp_path: Path, inputs: Path) -> None:
    config = tmp_path / "wild.yaml"
    wild = CONFIG.replace("lstm_size: {int: [3, 4]}", "lstm_size: {choice: [3, 4, 2147483647]}")
    config.write_text(wild.replace(RATE, "learning_rate: {choice: [0.02, 1.0e+38]}\n  clip_norm: 1.0e+30"))
    flags = ["--data", str(inputs / "words.csv"), "--config", str(config), "--storage", str(tmp_path), "--name", "wild"]
    ways = ["--trials", "6", "--sampler", "random", "--grace-period", "4", "--json"]
    best = json.loads(topknot("search", *flags, *ways).stdout)
    document = show(tmp_path, "wild")
    trials, study, ends = document["trials"], load_study(document), set()
    for trial, told in zip(trials, study.trials, strict=True):
        finite = [bool(np.isfinite(told.intermediate_values[epoch])) for epoch in range(1, trial["epochs"] + 1)]
        if trial["hparams"]["lstm_size"] > 4:
            assert (trial["state"], finite) == ("failed", [])
            assert trial["reason"].startswith("crashed: ")
        elif trial["hparams"]["learning_rate"] == 1e38:
            assert (trial["state"], finite) == ("failed", [*[True] * (trial["epochs"] - 1), False])
            assert trial["reason"] == f"nan: the loss was not finite in epoch {trial['epochs']}"
        else:
            assert (trial["state"], finite) == ("complete", [True] * 4)
        ends.add(trial["reason"].split(":")[0])
    assert ends == {"crashed", "nan", "all 4 epochs"}
    # ASHA, with such a grace period, stops no trial behind its best epoch, so that Optuna's best is ours.
    assert (study.best_trial.number, study.best_value) == (best["trial"], trials[best["trial"]]["validation"]["loss"])


def assert_refitted(storage: Path, best: dict[str, Any]) -> None:
    """The classifier that a search gives has seen the validation rows, the original has not; both give their figures again."""
    assert best["refit"] == {"rows": 192 + 24, "epochs": {str(best["trial"]): best["epoch"]}}
    for model, told in (("cut", best), (best["original"]["checkpoint"], best["original"])):
        again = json.loads(topknot("evaluate", model, "--storage", str(storage), "--split", "test", "--json").stdout)
        assert again["loss"] == pytest.approx(told["test"]["loss"], abs=1e-6)
        assert again["calibration_error"] == pytest.approx(told["calibration"]["after"]["test"]["error"], abs=1e-6)
    refitted, original = (Classifier.load(Path(told["checkpoint"])) for told in (best, best["original"]))
    assert refitted.temperature == pytest.approx(original.temperature)
    assert refitted.trained.mixture == pytest.approx(original.trained.mixture)
    assert refitted.wide
    assert original.wide
    assert len(refitted.wide.ngrams.codes) > len(original.wide.ngrams.codes)
    assert "refitted on train and validation, test" in topknot("best", "cut", "--storage", str(storage)).stdout


def test_a_search_ranked_by_macro_f1_begins_with_the_best_of_another(
    finished: tuple[Path, dict[str, Any]], inputs: Path, tmp_path: Path
) -> None:
    storage, _ = finished
    shutil.copytree(storage / "words", tmp_path / "words")
    flags = ["--data", str(inputs / "words.csv"), "--config", str(inputs / "tiny.yaml"), "--storage", str(tmp_path)]
    database = f"sqlite:///{tmp_path}/studies.db"
    ways = ["--metric", "macro_f1", "--scheduler", "hyperband", "--warm-start", "words", "--study", database, "--refit"]
    done = topknot("search", *flags, *ways, "--name", "cut", "--trials", "5", "--json")
    assert "best configurations that lie in this space, 8 of them" in done.stderr
    assert "which was another there" not in done.stderr
    best, document = json.loads(done.stdout), show(tmp_path, "cut")
    study = load_study(document)
    assert study.direction.name == "MAXIMIZE"
    for trial, told in zip(document["trials"], study.trials, strict=True):
        assert trial["validation"]["macro_f1"] == max(told.intermediate_values.values())
    highest = max(trial["validation"]["macro_f1"] for trial in document["trials"])
    assert best["original"]["validation"]["macro_f1"] == pytest.approx(highest, abs=1e-6)
    assert_refitted(tmp_path, best)
    ranked = sorted(show(storage, "words")["trials"], key=lambda trial: trial["validation"]["loss"])
    known = [trial["hparams"] for trial in document["trials"]]
    assert [trial["hparams"] for trial in ranked[:2]] == known[:2]
    assert document["command"].split()[-1] == "ANOTHER"
    elsewhere = [*flags[:-1], str(tmp_path / "other"), "--study", database, "--name", "cut", "--trials", "1"]
    assert "holds a study 'cut' already" in topknot("search", *elsewhere, code=2, as_process=True).stderr
    assert not (tmp_path / "other").exists()
    assert "no search 'none'" in topknot("search", *flags, "--warm-start", "none", "--name", "x", code=2).stderr


def test_several_metrics_give_a_front_whose_members_are_kept_and_can_be_taken(inputs: Path, tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    sizes = ONE_SHAPE.replace("lstm_size: 4", "lstm_size: {choice: [1, 12]}")
    config.write_text(sizes.replace("embedding_size: 8", "embedding_size: {choice: [2, 12]}"))
    storage = ["--storage", str(tmp_path)]
    ways = ["--metric", "macro_f1,size,latency", "--sampler", "random", "--max-epochs", "3", "--workers", "1"]
    flags = ["--data", str(inputs / "words.csv"), "--config", str(config), *storage, *ways]
    topknot("search", *flags, "--name", "cut", "--trials", "5")
    best = json.loads(topknot("resume", "cut", *storage, "--trials", "2", "--json").stdout)
    document = show(tmp_path, "cut")
    trials, front = document["trials"], document["front"]
    assert len(trials) == 7
    assert front[0] == best["trial"]
    study = load_study(document)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    for trial, told in zip(trials, study.trials, strict=True):
        assert trial["validation"]["macro_f1"] == max(told.intermediate_values.values())
        assert set(trial["costs"]) == {"size", "latency"}
        if told.state.name == "COMPLETE":
            assert told.values == [trial["validation"]["macro_f1"], trial["costs"]["size"], trial["costs"]["latency"]]
    points = {t["trial"]: (-t["validation"]["macro_f1"], t["costs"]["size"], t["costs"]["latency"]) for t in trials}
    better = {number: [all(np.less_equal(other, point)) for other in points.values()] for number, point in points.items()}
    assert {number for number in points if sum(better[number]) == 1} <= set(front), "only itself is as good in everything"
    kept = {int(path.stem) for path in (tmp_path / "cut/weights").iterdir()}
    replayed = Podium(3)
    for number, (cost, *costs) in points.items():
        replayed.add(number, cost, costs)
    assert kept == set(points) - set(replayed.fallen), "one worker, so that the trials end in their order"
    assert len(kept) == 3
    assert best["trial"] in kept
    shown = topknot("show", "cut", *storage).stdout
    assert "* The Pareto front of macro-F1 against size and latency" in shown
    assert f"*{front[0]} " in shown
    smallest = min(kept, key=lambda number: points[number][1])
    one = json.loads(
        topknot("best", "cut", *storage, "--trial", str(smallest), "--export", str(tmp_path / "model"), "--json").stdout
    )
    assert (one["trial"], one["hparams"]) == (smallest, trials[smallest]["hparams"])
    assert one["validation"]["macro_f1"] == pytest.approx(trials[smallest]["validation"]["macro_f1"], abs=1e-6)
    held = sum(path.stat().st_size for path in (tmp_path / "model").iterdir() if path.name != "classifier.json")
    assert 0 < held - trials[smallest]["costs"]["size"] < 80_000, "Keras's description is all that is not counted"
    assert topknot("predict", str(tmp_path / "model"), "-", stdin="sign1of2 sign1of1\n").stdout.startswith("class ")
    gone = next(number for number in points if number not in kept)
    assert "has no weights of that" in topknot("best", "cut", *storage, "--trial", str(gone), code=2).stderr
    assert "sampler hyperopt learns from one metric" in topknot("search", *flags, "--sampler", "hyperopt", code=2).stderr


def test_networks_that_read_parts_of_words_are_searched_gone_on_with_refitted_and_read_texts_as_the_search_did(
    inputs: Path, tmp_path: Path
) -> None:
    config, storage, data = tmp_path / "parts.yaml", ["--storage", str(tmp_path)], ["--data", str(inputs / "words.csv")]
    config.write_text(ONE_SHAPE.replace("subwords: false", "subwords: true"))
    topknot("search", *data, "--config", str(config), *storage, "--name", "cut", "--trials", "2")
    best = json.loads(topknot("resume", "cut", *storage, "--trials", "1", "--refit", "--json").stdout)
    assert [trial["hparams"]["subwords"] for trial in show(tmp_path, "cut")["trials"]] == [True] * 3
    assert_refitted(tmp_path, best)
    original = best["original"]
    read = json.loads(topknot("evaluate", original["checkpoint"], *data, "--json").stdout)
    losses, rows = ([original[side][figure] for side in SIDES] for figure in ("loss", "rows"))
    assert read["loss"] == pytest.approx(np.average(losses, weights=rows), abs=1e-4)
    assert len(json.loads(topknot("show", "cut", *storage, "--suspects", "3", "--json").stdout)["suspects"]) == 3


def test_two_searches_at_once_keep_their_studies_in_one_database(
    inputs: Path, tmp_path: Path, postgresql: Callable[[str], str]
) -> None:
    address = postgresql("searches")
    config = tmp_path / "small.yaml"
    config.write_text(ONE_SHAPE + "  wide: false\n")
    flags = ["--data", str(inputs / "words.csv"), "--config", str(config), "--storage", str(tmp_path)]
    ways = ["--study", address, "--workers", "1", "--max-epochs", "2", "--trials", "3", "--json"]
    with ThreadPoolExecutor(2) as threads:
        searches = {name: threads.submit(topknot, "search", *flags, *ways, "--name", name) for name in ("one", "two")}
        bests = {name: json.loads(search.result().stdout) for name, search in searches.items()}
    for name, best in bests.items():
        document = show(tmp_path, name)
        assert document["study"] == {"url": address, "name": name}
        study = open_study(tmp_path / name, address=address, name=name)
        assert len(document["trials"]) == len(study.trials) == 3
        for trial, told in zip(document["trials"], study.trials, strict=True):
            assert trial["validation"]["loss"] == min(told.intermediate_values.values())
        uncalibrated = best["calibration"]["before"]["validation"]["loss"]
        assert uncalibrated == pytest.approx(min(t["validation"]["loss"] for t in document["trials"]), abs=1e-6)
    password = os.environ["TOPKNOT_TESTS_PASSWORD"].encode()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [
        path for path in written if password in path.read_bytes() or quote(password, safe="").encode() in path.read_bytes()
    ]


def test_several_trials_answer_together(inputs: Path, tmp_path: Path) -> None:
    # One label in five is wrong, and networks of one unit know but a part: none is right alone.
    rows = (inputs / "words.csv").read_text().splitlines()
    noisy = [row[:-1] + str((int(row[-1]) + 1) % 3) if number % 5 == 1 else row for number, row in enumerate(rows) if number]
    (tmp_path / "noisy.csv").write_text("\n".join([rows[0], *noisy]))
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG.replace("[3, 4]", "[1, 2]").replace("keep: 3", "keep: 6") + "  wide: false\n")
    flags = ["--data", str(tmp_path / "noisy.csv"), "--config", str(config), "--storage", str(tmp_path)]
    ways = ["--ensemble", "4", "--scheduler", "none", "--max-epochs", "12", "--repeat", "2", "--repeat-top", "2", "--refit"]
    ways += ["--strong-baseline", "--trials", "6", "--json"]
    best = json.loads(topknot("search", *flags, *ways, "--name", "cut").stdout)
    trials = show(tmp_path, "cut")["trials"]
    uncalibrated = best["single"]["calibration"]["before"]["validation"]["loss"]
    assert uncalibrated == pytest.approx(min(t["validation"]["loss"] for t in trials), abs=1e-6)
    assert best["original"]["validation"]["loss"] < best["single"]["validation"]["loss"]
    assert set(best["refit"]["epochs"]) == {str(member["trial"]) for member in best["ensemble"]}
    assert sum(member["weight"] for member in best["ensemble"]) == pytest.approx(1)
    assert len(best["ensemble"]) in {2, 3, 4}
    again = json.loads(topknot("evaluate", "cut", "--storage", str(tmp_path), "--split", "test", "--json").stdout)
    assert again["loss"] == pytest.approx(best["test"]["loss"], abs=1e-6)
    topknot("best", "cut", "--storage", str(tmp_path), "--export", str(tmp_path / "model"))
    answer = json.loads(topknot("predict", str(tmp_path / "model"), "-", "--json", stdin="sign1of2 sign1of1\n").stdout)
    assert answer[0]["label"] == "class 1"
    shown = topknot("best", "cut", "--storage", str(tmp_path)).stdout
    assert f"ensemble of {len(best['ensemble'])}" in shown
    assert "strong baseline, test" in shown
    assert {side: best["strong_baseline"][side]["rows"] for side in SIDES} == {"train": 192, "validation": 24, "test": 24}
    assert "Seeds alone move the validation loss by" in shown
    ranked = sorted(trials, key=lambda trial: trial["validation"]["loss"])
    assert [one["trial"] for one in best["repeats"]["configurations"]] == [trial["trial"] for trial in ranked[:2]]
    for one, trial in zip(best["repeats"]["configurations"], ranked, strict=False):
        assert one["searched"] == trial["validation"]
        assert [run["seed"] for run in one["runs"]] == [1, 2]
        assert len({run["validation"]["loss"] for run in [*one["runs"], trial]}) == 3
    assert [trial["trial"] for trial in trials] == list(range(6)), "repeats are no trials"


def test_without_a_file_the_embedded_corpus_is_searched(tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG.replace("batch_size: 16", "batch_size: 512") + "  wide: false\n")
    flags = ["--config", str(config), "--storage", str(tmp_path), "--trials", "1", "--max-epochs", "1", "--json"]
    best = json.loads(topknot("search", *flags).stdout)
    assert re.fullmatch(r"industries-\d{8}-\d{6}", best["name"])
    about = SearchFolder(tmp_path / best["name"]).read_json("search.json")
    assert about["classes"] == 21
    assert sum(best[side]["rows"] for side in SIDES) == about["rows"] > 7_000
    flags = ["--storage", str(tmp_path), "--split", "test", "--json"]
    again = json.loads(topknot("evaluate", best["name"], *flags).stdout)
    assert again["loss"] == pytest.approx(best["test"]["loss"], abs=1e-6)


def test_one_training_without_a_search(tmp_path: Path, inputs: Path) -> None:
    sets = ["--set", "lstm_size=4", "--set", "embedding_size=8", "--set", "batch_size=16", "--set", "learning_rate=2e-2"]
    flags = ["--data", str(inputs / "words.csv"), "--max-epochs", "6", "--export", str(tmp_path / "model"), "--json"]
    document = json.loads(topknot("train", *flags, *sets).stdout)
    assert document["hparams"]["learning_rate"] == 0.02
    assert document["test"]["rows"] == 24
    answer = topknot("predict", str(tmp_path / "model"), "-", stdin="sign0of1 sign0of2\n").stdout
    assert answer.startswith("class ")
