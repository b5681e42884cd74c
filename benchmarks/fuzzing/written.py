"""What a user writes: YAML files of settings and of spaces, flags, hyperparameters, files of word vectors."""

import io
import random
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import yaml
from fuzzing.mutation import KEYS, VALUES, misplaced, mutated, nonsense
from fuzzing.tables import text_of, zipped

from data.errors import InputError
from data.vectors import read_vectors, vector_length
from data.vocabulary import Vocabulary
from model.hparams import HParams
from model.presets import SPACES
from tune.cli import run
from tune.inputs import read_settings_corpus
from tune.settings import Settings
from tune.settings_file import read_settings
from tune.shown_address import shown_address
from tune.single import parse_assignments
from tune.study_address import database_url
from tune.written_space import parse_space

NAMES = [field.name for field in fields(HParams)]
SETTINGS = [name for name in Settings.model_fields if name not in {"space", "data", "vectors"}]
RANGES = (
    [1, 4],
    [0.1, 0.9],
    [0.5, 0.75],
    [8, 64],
    [True, False],
    [1, 2, 3],
    [1e-4, 1e-2],
    [0, 2**53],
    [2**31, 2**53],
    [1.0, 1e308],
)
WORDS = (
    "loss",
    "accuracy",
    "macro_f1",
    "size",
    "latency",
    "10m",
    "90s",
    "1h",
    "sqlite",
    "mysql+pymysql://",
    "u:p@h:1",
    "/x?y=1",
)
GOOD: dict[str, tuple[object, ...]] = {
    "metric": ("macro_f1,size,latency", "accuracy", "loss,size"),
    "time_limit": ("10m", "1h30m", "90s", "90", 1.5),
    "track": ("tensorboard", "tensorboard:x", "mlflow:sqlite:///x"),
    "address": ("local", "127.0.0.1:6379", "[::1]:6379", "auto"),
    "study": ("sqlite", "sqlite:///x.db", "postgresql://u:p@h/d", "postgresql+psycopg2://u:$HOME@h:5432/d?sslmode=require"),
    "name": ("a", "a-b.c", "x" * 100),
    "small_classes": ("fold", "drop"),
    "test": (0.1, 0.2),
    "validation": (0.1, 0.7),
}
VOCABULARY = Vocabulary(("word", "paris", "three", "c++"), np.full(4, 2))


def dumped(document: object) -> bytes:
    """Writes YAML, of what it can write."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")


def read_yaml(rng: random.Random, folder: Path) -> None:
    """A file of settings is refused, or says after being written out what it said before."""
    document: dict[str, Any] = yaml.safe_load(Settings(preset=rng.choice(tuple(SPACES))).to_yaml())
    document = {key: value for key, value in document.items() if rng.random() < 0.5 or key == "space"}
    for _ in range(rng.choice((0, 1, 1, 2))):
        wrong = misplaced(rng, document)
        document = wrong if isinstance(wrong, dict) else document
    content = dumped(document)
    path = folder / "search.yaml"
    path.write_bytes(mutated(rng, content) if rng.random() < 0.6 else content)
    settings = read_settings(path, {})
    parse_space(settings.written_space())
    told = settings.without_passwords().to_yaml()
    path.write_text(told, encoding="utf-8")
    assert read_settings(path, {}).to_yaml() == told, "settings are not what they were after being written out"
    if settings.data is not None:
        read_settings_corpus(settings)


def read_space(rng: random.Random, _: Path) -> None:
    """What a space draws is valid, and placed in it again."""
    written: dict[str, Any] = dict(SPACES[rng.choice(tuple(SPACES))])
    for name in rng.sample(NAMES, rng.randint(0, 4)):
        written[name] = entry = {rng.choice(("int", "float", "choice")): rng.choice(RANGES)}
        for key in ("log", "step"):
            if rng.random() < 0.2:
                entry[key] = rng.choice((True, 0.1, 1, nonsense(rng)))
        if rng.random() < 0.2:
            entry["when"] = {rng.choice(NAMES): rng.choice(("> 0", "< 0.5", [1, 2], True, nonsense(rng)))}
    if rng.random() < 0.7:
        wrong = misplaced(rng, written)
        written = wrong if isinstance(wrong, dict) else written
    space = parse_space(written)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(2):
        hparams = space.suggest(study.ask())
        assert HParams.from_dict(hparams.to_dict()) == hparams
        assert space.place(hparams) is not None, "what a space has drawn lies outside it"
    space.largest()
    assert space.longest_text >= 1


def read_assignments(rng: random.Random, _: Path) -> None:
    """Hyperparameters of --set are refused or valid."""
    pairs = []
    for _ in range(rng.randint(1, 3)):
        name = rng.choice(NAMES)
        pair = f"{name}={getattr(HParams(), name)}"
        if rng.random() < 0.4:
            value = str(rng.choice((0.5, 1, 2, "max", "true", nonsense(rng), text_of(rng))))
            pair = f"{rng.choice((*NAMES, *KEYS))}{rng.choice(('=', '=', '=', '', '=='))}{value}"
        pairs.append(
            mutated(rng, pair.encode("utf-8", "replace")).decode(errors="surrogateescape") if rng.random() < 0.4 else pair
        )
    HParams.from_dict(parse_assignments(pairs))


def read_flags(rng: random.Random, _: Path) -> None:
    """Flags are refused or come to settings that can be written out."""
    flags = {}
    for name in rng.sample(SETTINGS, rng.randint(1, 4)):
        value = str(rng.choice(GOOD.get(name, (getattr(Settings(), name) or 1,))))
        if rng.random() < 0.4:
            value = str(
                rng.choice((*VALUES, ",".join(rng.choices(WORDS, k=rng.randint(1, 3))), "".join(rng.choices(WORDS, k=2))))
            )
        flags[name] = (
            mutated(rng, value.encode("utf-8", "replace")).decode(errors="surrogateescape") if rng.random() < 0.3 else value
        )
    settings = read_settings(None, flags)
    assert settings.objective.names
    assert settings.trial_limit() is None or settings.trial_limit() >= 1
    if settings.study:
        shown_address(settings.study)
        try:
            database_url(Path("/nowhere"), settings.study)
        except ValueError as error:
            if type(error) is not ValueError:
                raise
    settings.with_absolute_paths().without_passwords().to_yaml()


def read_command_line(rng: random.Random, folder: Path) -> None:
    """A command line ends with 0 or 2, and has one line to say for the latter."""
    words = [
        rng.choice(("search", "train", "show", "best", "list", "report", "predict", "evaluate", "export", "resume", "watch"))
    ]
    if words[0] == "search":
        words.append("--print-config")
    else:
        words += ["--storage", str(folder / "none")]
    for name in rng.sample(["storage", "json", "top", "data", "config", "split", "o", *SETTINGS], rng.randint(0, 3)):
        words += [f"--{name.replace('_', '-')}"[len(name) == 1 :], str(rng.choice((*VALUES, text_of(rng)))).replace("\x00", "")]
    if words[0] == "train":
        words += ["--data", str(folder / rng.choice(("none.csv", "x" * 300 + ".csv", "none", "\udcff.csv")))]
    if words[0] != "search":
        words.insert(1, rng.choice(("none", "../x", "/", ".", "x" * 5000, "\ud800", "a b", "-")).replace("\x00", ""))
    words = [
        word.replace("\x00", "").replace("\ud800", "\udcff") for word in words
    ]  # a byte that is not UTF-8, as Python has it
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*words, "-"] if rng.random() < 0.02 else words)
    assert code in {0, 2}, f"exit code {code}: {err.getvalue()[-200:]}"
    if code:
        assert err.getvalue().count("\n") == 1
        raise InputError(err.getvalue())


def read_word_vectors(rng: random.Random, folder: Path) -> None:
    """A file of word vectors gives as many as the vocabulary has words."""
    length = rng.choice((1, 2, 5, 50))
    names = [
        rng.choice((*VOCABULARY.tokens, "Paris", "x y", text_of(rng).replace("\n", ""), "")) for _ in range(rng.randint(0, 6))
    ]
    numbers = [np.array([rng.uniform(-2, 2) for _ in range(length)], np.float32) for _ in names]
    head = f"{rng.choice((len(names), 0, 10**12))} {rng.choice((length, length, length, 0, 10_000, 10**9))}\n".encode()
    if rng.random() < 0.4:
        content = head + b"".join(name.encode() + b" " + vector.tobytes() for name, vector in zip(names, numbers, strict=True))
    else:
        lines = (f"{name} {' '.join(map(str, vector))}\n" for name, vector in zip(names, numbers, strict=True))
        content = head * (rng.random() < 0.5) + "".join(lines).encode()
    suffix = rng.choice((".txt", ".txt", ".gz"))
    content = zipped(mutated(rng, content) if rng.random() < 0.6 else content, suffix)
    path = folder / f"vectors{suffix}"
    path.write_bytes(mutated(rng, content) if suffix == ".gz" and rng.random() < 0.5 else content)
    vectors = read_vectors(path, VOCABULARY)
    assert vectors.shape == (VOCABULARY.size, vector_length(path))
    assert not np.isinf(vectors).any()
