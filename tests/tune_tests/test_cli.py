"""Bad input at the command line: one line on stderr, exit code 2, nothing left behind. None of it starts Ray."""

import io
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tune.cli import run
from tune.options import settings_options
from tune.settings import Settings

Arguments = Callable[[Path], list[str]]
US = f"{shlex.quote(sys.executable)} -m tune"
"""How messages name the program, which tests call from within, from another folder."""


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that starts Ray."""
    monkeypatch.setattr("tune.search.local_cluster", lambda _: pytest.fail("Ray was started"))


def file(name: str, content: str) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / name).write_text(content)
        return str(folder / name)

    return write


LONE = file("lone.csv", "text,label\nx1,a\nx2,a\nx3,a\ny,b\n")
GOOD = file("good.csv", "text,label\n" + "".join(f"text {row},{row % 2}\n" for row in range(12)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(lambda f: ["--data", str(f / "none.csv")], "does not exist", id="missing file"),
        pytest.param(lambda f: ["--data", file("e.csv", "")(f)], "is empty", id="empty file"),
        pytest.param(lambda f: ["--data", file("h.csv", "text,label\n")(f)], "has no rows", id="header only"),
        pytest.param(lambda f: ["--data", GOOD(f), "--text", "body"], "has no column 'body'", id="missing column"),
        pytest.param(lambda f: ["--data", file("o.csv", "text,label\nx,a\ny,a\n")(f)], "needs two or more", id="one class"),
        pytest.param(lambda f: ["--data", LONE(f)], "class 'b' is too small", id="class of one"),
        pytest.param(
            lambda f: ["--data", GOOD(f), "--data", LONE(f)], "--data is given 2 times; join the files", id="two files"
        ),
        pytest.param(lambda _: ["--text", "a", "--text", "b"], "--text is given 2 times; join the columns", id="two columns"),
        pytest.param(lambda f: ["--config", file("k.yaml", "serch: 3\n")(f)], "no setting 'serch'", id="unknown key"),
        pytest.param(lambda f: ["--config", file("r.yaml", "trials: -3\n")(f)], "greater than or equal to 1", id="range"),
        pytest.param(lambda f: ["--config", file("w.yaml", "space: {lstm_size: 0}\n")(f)], "space, lstm_size", id="space"),
        pytest.param(lambda _: ["--time-limit", "soon"], "is no duration", id="duration"),
        pytest.param(lambda _: ["--storage", "/proc/nowhere"], "cannot be written", id="storage"),
        pytest.param(lambda f: ["--storage", GOOD(f)], "good.csv is no folder", id="storage a file"),
        pytest.param(lambda _: ["--trils", "3"], "No such option", id="unknown flag"),
        pytest.param(lambda _: ["--workers", "1000"], "too many", id="too many workers"),
        pytest.param(lambda f: ["--data", GOOD(f), "--text", "label"], "must be different columns", id="one column for two"),
        pytest.param(lambda _: ["--name", "a/b"], "--name", id="name"),
        pytest.param(lambda _: ["--label", "industry"], "name the file, too: --data FILE", id="a column of no file"),
        pytest.param(
            lambda f: [
                *("--vectors", file("v.txt", "x 1 2\n")(f)),
                *("--config", file("c.yaml", "space: {embedding_size: {choice: [2]}}\n")(f)),
            ],
            "space, embedding_size: with --vectors",
            id="vectors of several lengths",
        ),
    ],
)
def test_a_search_on_bad_input_ends_with_2_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Arguments, message: str
) -> None:
    given = arguments(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    storage = [] if "--storage" in given else ["--storage", str(tmp_path / "new" / "runs")]
    assert run(["search", "--name", "n", *storage, *given]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    last = output.err.strip().splitlines()[-1]
    assert last.startswith("topknot: ")
    assert message in last
    assert "Traceback" not in output.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "none"], "There is no search 'none'"),
        (["best", "none"], "There is no search 'none'"),
        (["resume", "none"], "There is no search 'none'"),
        (["predict", "none", "-"], "There is no search 'none'"),
        (["predict", "/no/such/folder"], "is no classifier's folder"),
        (["evaluate", "none"], "Give either --data FILE or --split"),
        (["evaluate", "none", "--split", "test"], "There is no search 'none'"),
        (["evaluate", "none", "--split", "test", "--drop-empty"], "-empty and -unlabelled go with --data"),
        (["search", "--max-epochs", "1" * 400], "--max-epochs: input should be less than 2147483648"),
        (["search", "--reduction-factor", "1" * 20], "--reduction-factor: input should be less than 2147483648"),
        (["train", "--set", "lstm_sizes=3"], "no hyperparameter `lstm_sizes`"),
        (["predict", "none", "texts.csv"], "There is no search 'none'"),
        (["train", "--set", "lstm_size"], "must look like lstm_size=64"),
        (["train", "--metric", "macro_f1"], "No such option"),
        (["train", "--data", "lone.csv"], "class 'b' is too small"),
        (["train", "--data", "lone.csv"], "or pass --small-classes fold (into one class 'other') or drop."),
        (["search", "--track", "mlflw:http://me:s3cret@host"], "'mlflw:http://me:***@host' is no tracker"),
        (["train", "--set", "top_k=2"], "`top_k` must lie in (0, 1]"),
        (["train", "--preset", "question"], f"--preset question is a space, which `{US} search --preset question` searches"),
        (["search", "--preset", "model_1"], f"--preset model_1 is one training, which `{US} train --preset model_1` runs"),
        (["train", "--preset", "model_1", "--vectors", "v.txt", "--data", "none.csv"], "none.csv does not exist"),
        (["train", "--vectors", "v.txt", "--set", "subwords=true"], "subwords: they cannot be mixed with --vectors"),
        (["train", "--config", "space.yaml"], "space, lstm_size: one training draws nothing from a space"),
        (["train", "--export", "/proc/nowhere/model"], "/proc/nowhere/model cannot be written"),
        (["search", "extra"], "unexpected extra argument"),
        ([], "Usage: topknot [OPTIONS] COMMAND [ARGS]...\n\n  From labelled texts"),
        (["serch"], "No such command"),
    ],
)
def test_other_commands_name_what_is_wrong(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    Path("v.txt").write_text("good 1 2 3\n")
    Path("space.yaml").write_text("space: {lstm_size: 128}\n")
    LONE(tmp_path)
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "s3cret" not in told


def test_a_taken_name_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/settings.yaml").write_text("")
    assert run(["search", "--name", "taken", "--storage", str(tmp_path)]) == 2
    assert f"resume taken --storage {tmp_path}" in capsys.readouterr().err
    assert (tmp_path / "taken/settings.yaml").exists()


def test_printed_settings_run_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "--print-config", "--preset", "wide", "--trials", "3"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "printed.yaml").write_text(printed)
    assert run(["search", "--print-config", "--config", str(tmp_path / "printed.yaml")]) == 0
    assert capsys.readouterr().out == printed


def test_every_setting_has_a_flag_of_its_name() -> None:
    @settings_options
    def command() -> None: ...

    flags = {option.name for option in command.__click_params__}  # type: ignore[attr-defined]
    assert flags == set(Settings.model_fields) - {"space"}


def test_help_loads_neither_tensorflow_nor_ray() -> None:
    for arguments in (["--help"], ["search", "--help"], ["--version"]):
        command = [sys.executable, "-X", "importtime", "-m", "tune", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        modules = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
        assert not modules & {"tensorflow", "keras", "ray", "optuna", "pandas"}
        assert "opknot" in done.stdout


def test_who_reads_no_further_is_told_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tune", "search", "--print-config"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NOT TESTED: a full disk behind stdout; there is no /dev/full")
@pytest.mark.parametrize("arguments", [["search", "--print-config"], ["--help"], ["list", "--json"]])
def test_a_full_disk_behind_stdout_is_told_in_a_line(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "tune", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (2, b"topknot: The output cannot be written: No space left on device.\n")
