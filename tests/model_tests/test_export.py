"""Exported models answer as the classifier does, read by what is written beside them alone."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
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
READ = "import json, sys, reader; print(reader.probabilities(json.load(sys.stdin)).tolist())"


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
def alone(corpus: Corpus) -> TextClassifier:
    classifier = run_experiment(corpus, epochs=2, pooling="attention", dense_layers=0, max_length=8, **SMALL).classifier
    assert classifier.wide is None
    return classifier.at_temperature(1.7)


def texts_of(corpus: Corpus) -> list[str]:
    """A thousand: the corpus's, doubled up, empty ones, and such as it has never seen."""
    texts = [*corpus.texts, *(f"{one} {one}" for one in corpus.texts), *("unseen " + one for one in corpus.texts)]
    strange = ["", " ", "?!", "C++ & .NET 3.5", "l'eau naïve STRASSE straße", "日本語のテキスト", "🙂 10,000 €", "a" * 90]
    return [*texts, *strange, *(f"{one} row{index}" for index, one in enumerate(corpus.texts[::-1]))][:1_000]


def read(folder: Path, texts: list[str]) -> np.ndarray:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder)},
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return np.array(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("name", "form"), [*(("together", form) for form in FORMATS), ("alone", "keras"), ("alone", "tflite")])
def test_an_exported_model_answers_as_the_classifier(
    name: str, form: str, request: pytest.FixtureRequest, corpus: Corpus, tmp_path: Path
) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    classifier: TextClassifier = request.getfixturevalue(name)
    texts = texts_of(corpus)
    assert len(texts) >= 960
    write_export(classifier, form, tmp_path / "out")
    np.testing.assert_allclose(read(tmp_path / "out", texts), classifier.probabilities(texts), atol=1e-5)
    for path in (tmp_path / "out").glob("*.py"):
        assert imported(path) <= {*sys.stdlib_module_names, *OTHERS}
    with pytest.raises(FileExistsError):
        write_export(classifier, form, tmp_path / "out")


def test_two_exports_in_one_process_answer_each_for_itself(together: Ensemble, alone: TextClassifier, tmp_path: Path) -> None:
    classifiers = {"one": alone, "two": together, "three": next(iter(together.members.values()))}
    read_by = {}
    for name, classifier in classifiers.items():
        write_export(classifier, "savedmodel", tmp_path / name)
        spec = spec_from_file_location(f"reader_{name}", tmp_path / name / "reader.py")
        assert spec
        assert spec.loader
        read_by[name] = module_from_spec(spec)
        spec.loader.exec_module(read_by[name])
    texts = ["sign1of2 filler1", "nothing known"]
    for name, classifier in classifiers.items():
        np.testing.assert_allclose(read_by[name].probabilities(texts), classifier.probabilities(texts), atol=1e-5)
    assert not {"runtime", "tokenizer"} & set(sys.modules)


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}
