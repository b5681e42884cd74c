"""A few of the inputs of benchmarks/fuzz.py, the same each time: settings, spaces, flags, and folders with a file broken."""

import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing.folders import make_classifiers
from fuzzing.readers import READERS, folder_readers
from fuzzing.tables import SUFFIXES
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from model.ensemble import load_classifier
from model.hparams import HParams
from tune.checksum import without_checksum
from tune.cli import run
from tune.podium import Podium
from tune.record import Record
from tune.samplers import make_sampler
from tune.searches import claim_search
from tune.settings import Settings
from tune.settings_file import read_settings
from tune.single import parse_assignments
from tune.written_space import parse_space
from tune.written_yaml import parse_yaml

WRITTEN = [name for name in READERS if not name.startswith(SUFFIXES) and name not in {"plain texts", "word vectors"}]
EPOCH = {"train_loss": 1.0, "loss": 0.5, "accuracy": 0.5, "macro_f1": 0.4, "seconds": 1.5, "tokens": 9, "at": 1.7e9}


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=True))
def test_what_is_written_is_right_or_refused(tmp_path_factory: pytest.TempPathFactory, name: str, rng: random.Random) -> None:
    try:
        READERS[name](rng, tmp_path_factory.getbasetemp())
    except InputError as error:
        assert str(error)  # noqa: PT017 - it need not be raised


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classifiers, and a search of three trials that has come to its result, as far as its files tell."""
    folder = tmp_path_factory.mktemp("made")
    make_classifiers(folder)
    with claim_search(folder / "storage", "words") as search:
        told = Settings(space={"lstm_size": {"int": [4, 8]}})
        about = {"goal": {"trials": 3, "wall_seconds": None}, "wall_seconds": 9.0, "workers": 1, "finished": True}
        search.keep(told, {"created": "2026-11-26T10:00:00+0000", **about})
    space = parse_space(told.space)
    record = Record(search.study(make_sampler("random", 0)), space, 3, Podium(2))
    for epochs in (1, 2, 3):
        proposal = record.propose()
        assert proposal
        for epoch in range(1, epochs + 1):
            record.report(proposal.number, {"epoch": epoch} | EPOCH)
        record.end_live("slow")
    sides: dict[str, Any] = {
        side: {"loss": 0.5, "accuracy": 0.5, "macro_f1": 0.4, "rows": 9} for side in ("train", "validation", "test")
    }
    figures = {"test": {"error": 0.1, "loss": 0.5}}
    search.write_json(
        "result.json",
        {"trial": 0, "epoch": 1, "hparams": HParams().to_dict(), "checkpoint": "classifiers/00000", "baseline": sides, **sides}
        | {"trials": {"complete": 0, "pruned": 3, "failed": 0, "running": 0}, "wall_seconds": 9.0, "useful_share": 0.5}
        | {"calibration": {"temperature": 1.1, "before": figures, "after": figures}},
    )
    search.write_json("repeats.json", {"00000-1": {"seconds": 1.0}})
    return folder


@pytest.mark.parametrize("created", ["half \ud800", {}])
def test_what_no_terminal_can_show_is_shown_somehow(made: Path, tmp_path: Path, created: object) -> None:
    shutil.copytree(made / "storage", tmp_path / "runs")
    put(tmp_path / "runs/words/search.json", lambda about: about.update(created=created))
    command = [sys.executable, "-m", "tune", "list", "--storage", str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_what_is_broken_below_was_whole(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("single", "ensemble"):
        assert load_classifier(made / name).classes == ("class 0", "class 1", "class 2")
    for command in (["list"], ["show", "words"], ["show", "words", "--json"], ["best", "words"], ["best", "words", "--json"]):
        assert run([*command, "--storage", str(made / "storage")]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(("name", "count"), [("classifiers", 60), ("ensembles", 12), ("searches", 80)])
def test_a_folder_with_a_file_broken_is_right_or_refused(made: Path, tmp_path: Path, name: str, count: int) -> None:
    for number in range(count):
        (folder := tmp_path / str(number)).mkdir()
        try:
            folder_readers(made)[name](random.Random(f"{name} {number}"), folder)  # noqa: S311
        except InputError as error:
            assert str(error)  # noqa: PT017 - it need not be raised


def put(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    document = without_checksum(json.loads(path.read_text()))
    change(document)
    path.write_text(json.dumps(document))


def replace(path: Path, old: str, new: str) -> None:
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("breaks", "commands"),
    [
        pytest.param(lambda f: (f / "study.journal").write_bytes(b"\xbd{\n" * 3), ("show", "best"), id="journal: no text"),
        pytest.param(lambda f: (f / "study.journal").write_text("{}\n"), ("show", "best"), id="journal: nothing that is known"),
        pytest.param(lambda f: (f / "study.journal").write_text(""), ("show", "best"), id="journal: empty"),
        pytest.param(lambda f: put(f / "search.json", lambda d: d.pop("wall_seconds")), ("show",), id="no seconds"),
        pytest.param(lambda f: put(f / "search.json", lambda d: d.update(workers={})), ("show",), id="workers of no number"),
        pytest.param(lambda f: put(f / "search.json", lambda d: d.clear()), ("show", "watch"), id="nothing"),
        pytest.param(lambda f: put(f / "repeats.json", lambda d: d.update(x=3)), ("show",), id="repeats without seconds"),
        pytest.param(lambda f: put(f / "result.json", lambda d: d.pop("checkpoint")), ("best",), id="no classifier"),
        pytest.param(lambda f: put(f / "result.json", lambda d: d.update(test=3)), ("best",), id="no figures"),
        pytest.param(lambda f: put(f / "result.json", lambda d: d.update(original=3)), ("best",), id="a refit of nothing"),
        pytest.param(
            lambda f: replace(f / "result.json", '"trial": ', '"trial": 1'), ("best",), id="another trial, in one byte"
        ),
        pytest.param(lambda f: replace(f / "search.json", '"sha256": "', '"sha256": "0'), ("show",), id="another checksum"),
        pytest.param(lambda f: (f / "result.json").write_text("[" * 100_000), ("best",), id="endless nesting"),
    ],
)
def test_a_search_whose_files_are_damaged_says_which(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], breaks: Callable[[Path], Any], commands: tuple[str, ...]
) -> None:
    shutil.copytree(made / "storage", tmp_path / "runs")
    breaks(tmp_path / "runs/words")
    for command in commands:
        assert run([command, "words", "--storage", str(tmp_path / "runs")]) == 2
        said = capsys.readouterr().err
        assert "/words" in said
        assert "is damaged" in said or "cannot be read" in said


def test_a_damaged_search_keeps_no_other_from_being_listed(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("dateless", "empty", "gone", "whole"):
        shutil.copytree(made / "storage/words", tmp_path / name)
    put(tmp_path / "dateless/search.json", lambda about: about.pop("created"))
    (tmp_path / "empty/search.json").write_text("")
    (tmp_path / "gone/study.journal").unlink()
    assert run(["list", "--storage", str(tmp_path), "--json"]) == 0
    rows = {row["name"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert rows == {"dateless": "damaged", "empty": "damaged", "gone": "its study cannot be read", "whole": "finished"}


LAUGHS = "\n".join(
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]",
        *(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
)

MERGES = "a: &a {x: 1, y: 2}\n" + "\n".join(
    f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 10)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(MERGES, "more than 100,000 values, its aliases counted", id="merges without end"),
        pytest.param(LAUGHS, "more than 100,000 values, its aliases counted", id="aliases without end"),
        pytest.param("&a [*a]", "it holds itself", id="an alias in itself"),
        pytest.param("[" * 600, "nested too deeply", id="endless nesting"),
        pytest.param("x: 2026-13-45", "month must be in", id="no date"),
        pytest.param("x: !!bool x", "a value cannot be read", id="no boolean"),
        pytest.param("x: !!int ''", "a value cannot be read", id="no number"),
        pytest.param("x: !!timestamp x", "a value cannot be read", id="no time"),
        pytest.param("x: " + "9" * 5000, "a value cannot be read", id="a number of 5,000 digits"),
        pytest.param("x: !!python/name:os.system", "could not determine a constructor", id="a name of Python's"),
    ],
)
def test_what_yaml_makes_nothing_of_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "search.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"search.yaml.* is not YAML: .*{why}"):
        read_settings(tmp_path / "search.yaml", {})


def test_aliases_that_are_meant_are_read() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x\nc: [*x, *x]")["c"] == [[1, 2], [1, 2]]


@pytest.mark.parametrize("value", ["!!bool x", "2026-13-45", "[" * 600, "9" * 5000, "1e400", "-.inf", "9" * 400])
def test_a_hyperparameter_that_is_no_value_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"`(lstm_size|learning_rate)` must be"):
        parse_assignments([f"lstm_size={value}"])
    with pytest.raises(InputError, match=r"`(lstm_size|learning_rate)` must be"):
        parse_assignments([f"learning_rate={value}"])


@pytest.mark.parametrize("written", [{"int": [1, 10**30]}, {"int": [1, 10**400]}, {"int": [1, 2**31]}])
@pytest.mark.parametrize("name", ["lstm_size", "batch_size"])
def test_a_range_beyond_all_measure_is_refused(name: str, written: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"none beyond 2\^53|below 2\^31"):
        parse_space({name: written})


@pytest.mark.parametrize("setting", ["data", "vectors", "storage"])
def test_a_path_with_a_zero_byte_is_refused(tmp_path: Path, setting: str) -> None:
    (tmp_path / "search.yaml").write_text(yaml.safe_dump({setting: "a\0b"}))
    with pytest.raises(InputError, match=f"{setting}: no path holds a zero byte"):
        read_settings(tmp_path / "search.yaml", {})


@pytest.mark.parametrize("command", ["list", "show", "best", "predict", "resume"])
def test_names_that_no_folder_can_have_are_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name, storage in (("x" * 5000, "runs"), ("words", "x" * 5000)):
        if (command, storage) != ("list", "runs"):
            assert run([command, *([name] if command != "list" else []), "--storage", storage]) == 2
            assert capsys.readouterr().err.count("\n") == 1


def test_an_array_whose_head_does_not_end_is_damage(made: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(made / "single", tmp_path / "model", ignore=shutil.ignore_patterns("seal.json")))
    with zipfile.ZipFile(model / "ngrams.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(model / "ngrams.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b"}", b"("))
    with pytest.raises(InputError, match="is damaged"):
        load_classifier(model)
