"""What README.md and docs/ tell a newcomer to type, typed: line after line, on a file with the columns that stand there."""

import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.corpus import Corpus
from tune.cli import run

ROOT = Path(__file__).parents[2]
SMALL = "--trials 2 --max-epochs 2 --workers 1"
PROGRAM = ".venv/bin/topknot "


def block(page: str, after: str) -> list[str]:
    """The lines of the first indented block below a text of a page, without their comments."""
    below = (ROOT / page).read_text(encoding="utf-8").split(after, 1)[1]
    found = re.search(r"(?:^    \S.*\n)+", below, re.MULTILINE)
    assert found
    return [line.split("  #")[0].strip() for line in found[0].splitlines()]


SEARCH, *LINES = dict.fromkeys(
    [
        *block("README.md", "## Your own texts"),
        *block("docs/start.md", "## Your own texts"),
        *block("docs/report.md", "# Reading a report"),
        *block("docs/export.md", "# A classifier for other programs"),
    ]
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Iterator[Path]:
    """A folder with the files that the lines name, and the search of the first of them, made small."""
    folder = tmp_path_factory.mktemp("desk")
    labels = [corpus.classes[label] for label in corpus.labels]
    pd.DataFrame({"description": corpus.texts, "industry": labels}).to_csv(folder / "jobs.csv", index=False)
    pd.DataFrame({"description": corpus.texts[:5]}).to_csv(folder / "new.csv", index=False)
    assert SEARCH.startswith(f"{PROGRAM}search --data jobs.csv")
    command = [sys.executable, "-m", "tune", *shlex.split(f"{SEARCH} {SMALL}")[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("model.device.use_device", lambda *_, **__: None)  # other tests have used TensorFlow in this process
        yield folder


@pytest.mark.parametrize("line", [line for line in LINES if " serve " not in line and not line.startswith("curl ")])
@pytest.mark.usefixtures("desk")
def test_a_line_does_what_it_says(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said, _, command = line.rpartition(" | ")
    if command.startswith("python "):
        done = subprocess.run([sys.executable, *shlex.split(command)[1:]], capture_output=True, text=True, check=True)
        assert "class " in done.stdout
        return
    assert command.startswith(PROGRAM)
    if said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{shlex.split(said)[1]}\n".encode())))
    assert run(shlex.split(command)[1:]) == 0, capsys.readouterr().err
    if "answers.json" in command:
        assert len(json.loads(Path("answers.json").read_text(encoding="utf-8"))) == 5


def snippets(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def test_python_that_stands_there_runs(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (answer, beside), (search, training), (linear,) = map(snippets, ("docs/start.md", "README.md", "docs/faq.md"))
    joined: dict[str, Any] = {}
    exec(beside, joined)  # noqa: S102 - our own
    assert joined["rows"]["industry"].str.startswith("class ").sum() == 5
    exec(answer, {})  # noqa: S102
    exec(linear, joined)  # noqa: S102
    assert str(joined["linear"].predict(["sign1of2 sign1of1"])[0]) == "class 1"
    assert joined["strong"].fit(joined["rows"]["description"], joined["rows"]["industry"]).score(["sign1of2"], ["class 1"]) == 1
    assert capsys.readouterr().out.count("class ") == 4
    frame = pd.read_csv(desk / "jobs.csv")
    names = {"texts": frame["description"], "labels": frame["industry"], "frame": frame}
    exec(search.replace('time_limit="10m"', "trials=2, max_epochs=2, workers=1"), names)  # noqa: S102
    assert set(names["classifier"].predict(frame["description"])) <= set(frame["industry"])
    exec(training, names)  # noqa: S102
    assert names["result"].test.loss > 0
