"""Exported models answer as the classifier does, read by what is written beside them alone."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.corpus import Corpus
from model.ensemble import Ensemble
from model.experiment import run_experiment
from model.export.writing import FORMATS, write_export
from model.text_classifier import TextClassifier

SMALL = {"embedding_size": 8, "lstm_size": 4, "batch_size": 16, "learning_rate": 0.02}
OTHERS = {"numpy", "keras", "tensorflow", "onnxruntime", "ai_edge_litert"}
READ = """
import json, sys
from importlib.util import module_from_spec, spec_from_file_location

readers, texts = {}, json.load(sys.stdin)
for name in sys.argv[1:]:
    spec = spec_from_file_location(f"reader of {name}", f"{name}/reader.py")
    readers[name] = module_from_spec(spec)
    spec.loader.exec_module(readers[name])
assert not {"runtime", "tokenizer"} & set(sys.modules)
print(json.dumps({name: reader.probabilities(texts).tolist() for name, reader in readers.items()}))
"""
"""Has all readers in one process before any is asked, so that each has to answer for itself."""
BY_TENSORFLOW = [(name, form) for name in ("together", "alone", "of_parts") for form in FORMATS if form != "onnx"]
BY_TENSORFLOW.append(("member", "savedmodel"))


@pytest.fixture(scope="module")
def together(corpus: Corpus) -> Ensemble:
    """Two that differ in all that an export has to bring together: cut, vocabulary, direction, pooling, layers; and cooled."""
    one = run_experiment(corpus, epochs=3, wide=True, pooling="max", bidirectional=True, dense_layers=0, max_length=9, **SMALL)
    two = run_experiment(
        corpus, epochs=2, wide=True, pooling="last", lstm_layers=2, dense_layers=1, max_length=5, vocabulary_size=40, **SMALL
    )
    second = replace(two.classifier, limit=one.classifier.limit, wide=one.classifier.wide)
    return Ensemble({"00001": one.classifier, "00002": second}, {"00001": 0.75, "00002": 0.25}).at_temperature(0.8)


@pytest.fixture(scope="module")
def of_parts(together: Ensemble, corpus: Corpus) -> Ensemble:
    """Two that read parts of words, of vocabularies of two sizes, one of them beside a wide branch; and one that does not."""
    small = {**SMALL, "subwords": True, "dense_layers": 0}
    one = run_experiment(corpus, epochs=3, wide=True, pooling="mean", max_length=9, vocabulary_size=30, **small)
    two = run_experiment(corpus, epochs=2, pooling="last", bidirectional=True, max_length=50, **small)
    third = together.members["00002"]
    members = {"00001": one.classifier, "00002": replace(two.classifier, limit=third.limit), "00003": third}
    assert members["00001"].words < members["00003"].words < members["00002"].words
    members = {name: replace(member, limit=third.limit) for name, member in members.items()}
    return Ensemble(members, {"00001": 0.5, "00002": 0.375, "00003": 0.125})


@pytest.fixture(scope="module")
def alone(corpus: Corpus) -> TextClassifier:
    classifier = run_experiment(corpus, epochs=2, pooling="attention", dense_layers=0, max_length=8, **SMALL).classifier
    assert classifier.wide is None
    return classifier.at_temperature(1.7)


def texts_of(corpus: Corpus) -> list[str]:
    """A thousand: the corpus's, doubled up, empty ones, and such as it has never seen."""
    texts = [*corpus.texts, *(f"{one} {one}" for one in corpus.texts), *("unseen " + one for one in corpus.texts)]
    strange = ["", " ", "?!", "C++ & .NET 3.5", "l'eau naïve STRASSE straße", "日本語のテキスト", "🙂 10,000 €", "a" * 90]
    return [*texts, *strange, *(f"{one} row{index}" for index, one in enumerate(corpus.texts[::-1]))][:1_000]


def read(folder: Path, texts: list[str]) -> dict[str, np.ndarray]:
    """The texts' probabilities by each model in a folder."""
    assert len(texts) >= 960
    done = subprocess.run(
        [sys.executable, "-c", READ, *sorted(path.name for path in folder.iterdir())],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return {name: np.array(rows) for name, rows in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def classifiers(together: Ensemble, alone: TextClassifier, of_parts: Ensemble) -> dict[str, TextClassifier]:
    return {"together": together, "alone": alone, "of_parts": of_parts, "member": next(iter(together.members.values()))}


@pytest.fixture(scope="module")
def exported(classifiers: dict[str, TextClassifier], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for name, form in BY_TENSORFLOW:
        write_export(classifiers[name], form, folder / f"{name}-{form}")
    return folder


@pytest.fixture(scope="module")
def answers(exported: Path, corpus: Corpus) -> dict[str, np.ndarray]:
    return read(exported, texts_of(corpus))


def check(folder: Path, answers: dict[str, np.ndarray], classifier: TextClassifier, form: str, texts: list[str]) -> None:
    np.testing.assert_allclose(answers[folder.name], classifier.probabilities(texts), atol=1e-5)
    for path in folder.glob("*.py"):
        assert imported(path) <= {*sys.stdlib_module_names, *OTHERS}
    with pytest.raises(FileExistsError):
        write_export(classifier, form, folder)


@pytest.mark.parametrize(("name", "form"), BY_TENSORFLOW)
def test_exported_models_in_one_process_answer_each_as_its_classifier(
    name: str,
    form: str,
    classifiers: dict[str, TextClassifier],
    exported: Path,
    answers: dict[str, np.ndarray],
    corpus: Corpus,
) -> None:
    check(exported / f"{name}-{form}", answers, classifiers[name], form, texts_of(corpus))


@pytest.mark.parametrize("name", ["together", "of_parts"])
def test_a_model_exported_for_onnx_answers_as_the_classifier(
    name: str, classifiers: dict[str, TextClassifier], corpus: Corpus, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    write_export(classifiers[name], "onnx", tmp_path / "onnx")
    check(tmp_path / "onnx", read(tmp_path, texts_of(corpus)), classifiers[name], "onnx", texts_of(corpus))


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}
