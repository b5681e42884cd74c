"""Folders of strangers: nothing in them runs, leads out of them, or fills the memory; what they say cannot take a terminal."""

import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from data.corpus import Corpus, corpus_from_lists
from data.errors import InputError
from model.classifier import FORMAT, Classifier
from model.ensemble import Ensemble, load_classifier
from model.experiment import run_experiment
from model.seal import SEAL
from tune.cli import run
from tune.evaluating import copy_classifier
from tune.folder import SearchFolder
from tune.printable import printable

SMALL = {"embedding_size": 8, "lstm_size": 4, "batch_size": 16, "dense_layers": 0, "max_length": 20, "wide": True}
FILES = ("network.keras", "ngrams.npz", "vocabulary.json", "classifier.json")


class Payload:
    """Touches a file wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    run_experiment(corpus, epochs=1, **SMALL).classifier.save(folder)
    (folder / SEAL).unlink()  # a stranger writes none, or a right one
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def bomb(path: Path, inner: str, level: int = 1) -> None:
    """Puts 1 GiB of zeros in the place of an archive's member: squeezed 1,000 times at level 6, 150 to 230 at 1, the fast."""
    with zipfile.ZipFile(path) as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != inner}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in others.items():
            archive.writestr(name, content)
        with archive.open(inner, "w", force_zip64=True) as file:
            for _ in range(2**8):
                file.write(bytes(2**22))


def replaced(path: Path, changes: dict[str, bytes]) -> None:
    """Puts other members into an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | changes).items():
            archive.writestr(name, content)


def changed_weights(path: Path, change: Callable[[h5py.File], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content, "r+") as file:
        change(file)
    replaced(path, {"model.weights.h5": content.getvalue()})


def leads_away(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")


def grows(file: h5py.File) -> None:
    shape = file["layers/dense/vars/0"].shape
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (2**20, *shape), np.float32, chunks=(1, *shape), compression="gzip")


@pytest.mark.parametrize("name", FILES)
def test_a_pickle_in_the_place_of_a_file_is_not_read(folder: Path, tmp_path: Path, name: str) -> None:
    payload = pickle.dumps(Payload(tmp_path / "taken"))
    (folder / name).write_bytes(payload)
    with pytest.raises(InputError):
        load_classifier(folder)
    if name == "ngrams.npz":
        np.savez(folder / name, codes=np.array([Payload(tmp_path / "taken")], object), idf=np.ones(1, np.float32))
        with pytest.raises(InputError):
            load_classifier(folder)
    assert not (tmp_path / "taken").exists()


def test_what_a_networks_file_describes_is_not_built(folder: Path, tmp_path: Path) -> None:
    texts = ["sign1of0 filler1", "sign2of1"]
    before = Classifier.load(folder).probabilities(texts)
    with zipfile.ZipFile(folder / "network.keras") as archive:
        config = json.loads(archive.read("config.json"))
    code = {"class_name": "__lambda__", "config": {"code": "eHg=", "defaults": None, "closure": None}}
    config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "x", "function": code}}
    )
    away = {"name": "y", "filepath": str(tmp_path)}
    config["config"]["layers"].append({"module": "keras.layers", "class_name": "TFSMLayer", "config": away})
    replaced(folder / "network.keras", {"config.json": json.dumps(config).encode()})
    np.testing.assert_array_equal(Classifier.load(folder).probabilities(texts), before)


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(lambda f: bomb(f / "ngrams.npz", "codes.npy", level=6), id="n-grams: a zip bomb"),
        pytest.param(lambda f: bomb(f / "network.keras", "model.weights.h5"), id="network: a zip bomb"),
        pytest.param(lambda f: bomb(f / "network.keras", "config.json"), id="description: a zip bomb"),
        pytest.param(lambda f: changed_weights(f / "network.keras", leads_away), id="weights of another file"),
        pytest.param(lambda f: changed_weights(f / "network.keras", grows), id="weights larger than their file"),
        pytest.param(lambda f: changes(f, hparams={"lstm_size": 10**6}), id="hyperparameters of a giant"),
        pytest.param(lambda f: changes(f, hparams={"dense_layers": 9, "dense_size": 10**6}), id="layers of a giant"),
        pytest.param(lambda f: changes(f, classes=[str(name) for name in range(10**6)]), id="a million classes"),
        pytest.param(lambda f: changes(f, limit=-1), id="a limit below 1"),
        pytest.param(lambda f: (f / "network.keras").unlink(), id="no network"),
        pytest.param(lambda f: (f / "classifier.json").write_text("[" * 100_000), id="endless nesting"),
    ],
)
def test_what_would_fill_the_memory_or_lead_away_is_refused(folder: Path, plant: Callable[[Path], Any]) -> None:
    load_classifier(folder)
    plant(folder)
    with suppress(OSError):  # where that cannot be, what other tests have held may hide what this one does
        Path("/proc/self/clear_refs").write_text("5")
    before = highest_memory()
    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        load_classifier(folder)
    assert highest_memory() - before < 600 * 2**20


def highest_memory() -> int:
    """The most bytes that this process has held since that was last set back."""
    (line,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(line) * 2**10


def changes(folder: Path, *, hparams: dict[str, Any] | None = None, **values: Any) -> None:
    path = folder / "classifier.json"
    about = json.loads(path.read_text()) | values
    path.write_text(json.dumps(about | {"hparams": about["hparams"] | (hparams or {})}))


@pytest.mark.parametrize("name", ["../model", "link", "/etc", "a/b", "..", ""])
def test_an_ensemble_has_its_members_within_it(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "together").mkdir()
    (tmp_path / "together/link").symlink_to(folder)
    about = {"format": FORMAT, "members": {name: 1.0}, "temperature": 1.0, "metrics": {}}
    (tmp_path / "together/classifier.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="is no member's name"):
        Ensemble.load(tmp_path / "together")


@pytest.mark.parametrize("where", ["/etc", "../../model", "classifiers/../../model", "classifiers", "weights/00001.npz"])
def test_a_result_leads_to_a_classifier_within_its_search(
    tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    search = tmp_path / "runs/taken"
    search.mkdir(parents=True)
    (search / "settings.yaml").write_text("name: taken\n")
    (search / "search.json").write_text("{}")
    (search / "result.json").write_text(json.dumps({"checkpoint": where}))
    for command in (
        ["predict", "taken", str(tmp_path / "no")],
        ["export", "taken", "--format", "keras", "-o", str(tmp_path / "out")],
    ):
        assert run([*command, "--storage", str(tmp_path / "runs")]) == 2
        assert "is damaged: its classifier stands at" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_links_are_not_followed_out_of_a_classifier(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    taken = tmp_path / "taken"
    shutil.copytree(folder, taken)
    (taken / "more").symlink_to(tmp_path / "secret")
    (tmp_path / "link").symlink_to(folder)
    for classifier in (taken, tmp_path / "link"):
        with pytest.raises(InputError, match="is a link"):
            copy_classifier(SearchFolder(tmp_path), classifier, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_message_cannot_take_a_terminal(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder, tmp_path / "taken")
    changes(tmp_path / "taken", format="\x1b]0;taken\x07")
    (tmp_path / "texts").write_text("a text\n")
    assert run(["predict", str(tmp_path / "taken"), str(tmp_path / "texts")]) == 2
    said = capsys.readouterr().err
    assert "]0;taken" in said
    assert "\x1b" not in said


def test_a_list_of_searches_cannot_be_stopped_by_one_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("taken", "odd [old]"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.yaml").write_text("name: taken\n")
        (tmp_path / name / "search.json").write_text(json.dumps({"created": "[/x]", "finished": False, "goal": {}}))
    assert run(["list", "--storage", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "[/x]" in shown
    assert "odd" not in shown, "it could not be asked for"


def test_ray_and_its_pickles_are_not_asked_by_what_only_reads() -> None:
    commands = "tune.evaluating, tune.summary, tune.report.writing, tune.explained, tune.suspects, tune.watching"
    code = f"import sys; import {commands}; print('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_labels_cannot_take_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["[red]x[/red]", "\x1b[2Jgone", "<script>alert(1)</script>", "[/]odd"]
    texts = [f"sign{row % 4} word{row % 7} row{row}" for row in range(120)]
    labels = [names[row % 4] for row in range(120)]
    run_experiment(corpus_from_lists(texts, labels), epochs=2, **SMALL).classifier.save(tmp_path / "model")
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in zip(texts, labels, strict=True))
    (tmp_path / "rows.jsonl").write_text(lines)
    (tmp_path / "texts").write_text("\n".join(f"{text} \x1b[31m" for text in texts[:8]))
    for command in (
        ["evaluate", "--data", str(tmp_path / "rows.jsonl")],
        ["predict", str(tmp_path / "texts"), "--top", "4"],
        ["predict", str(tmp_path / "texts"), "--explain"],
    ):
        assert run([command[0], str(tmp_path / "model"), *command[1:]]) == 0
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        assert "[red]x[/red]" in said.out
        assert "[/]odd" in said.out
    assert printable("a\x1b[2J\u202eb\tc\n") == "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b c "
