"""Imports point downwards only: data <- model <- tune."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "data": {"tensorflow", "keras", "ray", "optuna", "model", "tune"},
    "model": {"ray", "optuna", "tune"},
    "tune": set(),
}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def upward_imports(floor: str, source: str) -> set[str]:
    return FORBIDDEN[floor] & set(imported(source))


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_no_module_imports_a_floor_above_it(floor: str) -> None:
    files = list((ROOT / floor).rglob("*.py"))
    assert files
    assert not {file.name: found for file in files if (found := upward_imports(floor, file.read_text()))}


@pytest.mark.parametrize(
    ("floor", "line"),
    [
        ("data", "import tensorflow as tf"),
        ("data", "def f():\n    from model.hparams import HParams"),
        ("model", "from ray.tune import Tuner"),
        ("model", "import tune.cli"),
    ],
)
def test_a_planted_upward_import_is_found(floor: str, line: str) -> None:
    assert upward_imports(floor, line)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import data.corpus, data.industries, data.split, data.dataset, data.batches", ("tensorflow", "keras", "ray")),
        (
            "import model.hparams, model.evaluation, model.presets, model.baseline, model.wide, model.trained",
            ("tensorflow", "keras", "ray"),
        ),
        ("import tune.cli", ("tensorflow", "keras", "ray", "optuna", "pandas")),
        ("import tune.search, tune.trial, tune.run", ("tensorflow", "keras")),
    ],
)
def test_what_is_imported_does_not_bring_what_is_heavy(statement: str, absent: tuple[str, ...]) -> None:
    code = f"import sys; {statement}; print([name for name in {absent} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_packages_re_export_nothing() -> None:
    for floor in FORBIDDEN:
        assert not list(imported((ROOT / floor / "__init__.py").read_text()))
