"""Folders with one thing wrong in one of their files: of classifiers, and of searches."""

import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
from fuzzing.mutation import misplaced, mutated

from data.corpus import Corpus, corpus_from_lists
from data.errors import InputError
from tune.checksum import CHECKSUM
from tune.cli import run

TEXTS = ("sign1 word2", "", "\U0001f600 unheard of")
SMALL = {"embedding_size": 4, "lstm_size": 3, "batch_size": 16, "dense_layers": 0, "max_length": 20}
COMMANDS = (
    ["list"],
    ["list", "--json"],
    ["show", "words"],
    ["show", "words", "--json"],
    ["best", "words"],
    ["best", "words", "--json"],
)
SPACE = (
    "{lstm_size: {int: [3, 4]}, pooling: {choice: [last, max]}, dense_layers: 0, batch_size: 16, max_length: 20, wide: false}"
)


def words() -> Corpus:
    """Returns texts of three classes, which one word each gives away."""
    return corpus_from_lists(
        [f"sign{row % 3} word{row % 7} row{row}" for row in range(90)], [f"class {row % 3}" for row in range(90)]
    )


def make_classifiers(folder: Path) -> None:
    """Trains a classifier with a wide branch; saves it, and an ensemble of it twice."""
    from model.ensemble import Ensemble
    from model.experiment import run_experiment

    one = run_experiment(words(), epochs=1, wide=True, **SMALL).classifier
    one.save(folder / "single")
    Ensemble({"a": one, "b": one}, {"a": 0.25, "b": 0.75}).save(folder / "ensemble")


def make_search(storage: Path) -> None:
    """Runs a search of three tiny trials."""
    storage.mkdir()
    corpus, path = words(), storage / "words.csv"
    rows = (f"{text},{corpus.classes[label]}\n" for text, label in zip(corpus.texts, corpus.labels, strict=True))
    path.write_text("".join(["text,label\n", *rows]))
    (storage / "words.yaml").write_text(f"space: {SPACE}\n")
    flags = ["--data", str(path), "--config", str(storage / "words.yaml"), "--storage", str(storage), "--name", "words"]
    limits = ["--trials", "3", "--max-epochs", "2", "--workers", "1", "--repeat", "1", "--repeat-top", "1"]
    subprocess.run([sys.executable, "-m", "tune", "search", *flags, *limits], check=True, capture_output=True)
    shutil.rmtree(storage / "words/ray", ignore_errors=True)


def break_file(rng: random.Random, path: Path) -> None:
    """Breaks a file: its bytes, what an archive holds, a place in a JSON document with no checksum, or all of it."""
    content = path.read_bytes()
    match rng.choice(
        ("bytes", "inside", "inside", "gone", "empty", "folder", "link") if rng.random() < 0.3 else ("bytes", "inside")
    ):
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.unlink()
            path.mkdir()
        case "link":
            path.unlink()
            path.symlink_to(path.name)
        case "inside" if path.suffix == ".json":
            document = json.loads(content)
            if isinstance(document, dict):
                document.pop(CHECKSUM, None)
            path.write_text(json.dumps(misplaced(rng, document)), encoding="utf-8")
        case "inside" if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            name = rng.choice(list(members))
            with zipfile.ZipFile(path, "w") as archive:
                for member, held in members.items():
                    archive.writestr(member, mutated(rng, held) if member == name else held)
        case "inside" if path.suffix == ".journal":
            lines = content.splitlines()
            place = rng.randrange(len(lines))
            lines[place] = json.dumps(misplaced(rng, json.loads(lines[place]))).encode()
            path.write_bytes(b"\n".join(lines) + b"\n")
        case _:
            path.write_bytes(mutated(rng, content))


def read_classifier(rng: random.Random, folder: Path, original: Path) -> None:
    """A classifier's folder with one file broken, sealed or not, is refused, or gives each text a class and probabilities."""
    from model.ensemble import load_classifier
    from model.seal import SEAL

    seals = () if rng.random() < 0.1 else (SEAL,)
    model = Path(shutil.copytree(original, folder / "model", ignore=shutil.ignore_patterns(*seals)))
    break_file(rng, rng.choice([path for path in sorted(model.rglob("*")) if path.is_file()]))
    probabilities = load_classifier(model).probabilities(TEXTS)
    assert np.isfinite(probabilities).all()
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)


def read_search(rng: random.Random, folder: Path, original: Path) -> None:
    """A search's folder with one file broken is shown or refused."""
    storage = folder / "storage"
    shutil.copytree(original, storage / "words", ignore=shutil.ignore_patterns("classifiers", "weights", "snapshots"))
    files = ("settings.yaml", "search.json", "result.json", "repeats.json", "study.journal", "study.journal")
    break_file(rng, storage / "words" / rng.choice(files))
    command = rng.choice(COMMANDS) if rng.random() < 0.95 else ["report", "words"]
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()  # as strict as a terminal
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*command, "--storage", str(storage)])
    assert code in {0, 2}, f"exit code {code}: {err.getvalue()[-200:]}"
    if code:
        raise InputError(err.getvalue())
    out.seek(0)
    assert "\x1b" not in out.read(), "what stands in a folder takes the terminal"
