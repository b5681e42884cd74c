"""The doctor: each planted fault is found by its own check, and by that alone."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tune.cli import run
from tune.doctor.checks import GIB, dashboard, look_at
from tune.doctor.examination import examine
from tune.doctor.facts import MARK, PACKAGES, Facts, read_facts, remove_mark, seen_marks
from tune.doctor.findings import Plan
from tune.settings import Settings

WELL = Facts(
    address="10.0.0.1",
    python="3.11.7",
    versions=dict.fromkeys(PACKAGES, "1.0"),
    cores=8,
    memory=32 * GIB,
    shared_memory=16 * GIB,
    disk=100 * GIB,
    seen=("10.0.0.1", "10.0.0.2"),
)
NODES = [WELL, replace(WELL, address="10.0.0.2")]
PLAN = Plan("/shared/runs", {"10.0.0.1": 8, "10.0.0.2": 8}, bytes_kept=GIB)


def states(nodes: list[Facts], plan: Plan = PLAN) -> dict[str, tuple[str, str]]:
    return {finding.check: (finding.state, f"{finding.told} | {finding.fix}") for finding in look_at(nodes, plan)}


def test_where_all_is_well_all_pass() -> None:
    assert {state for state, _ in states(NODES).values()} == {"pass"}
    assert {state for state, _ in states([replace(WELL, seen=("10.0.0.1",))], PLAN).values()} == {"pass"}


@pytest.mark.parametrize(
    ("fault", "plan", "check", "state", "told"),
    [
        (
            {"versions": WELL.versions | {"ray": "0.9"}},
            {},
            "packages",
            "fail",
            "10.0.0.2 has ray 0.9 | install what is here (ray 1.0)",
        ),
        ({"versions": WELL.versions | {"optuna": ""}}, {}, "packages", "fail", "10.0.0.2 has no optuna"),
        ({"python": "3.12.1"}, {}, "packages", "fail", "Python 3.12.1"),
        ({"compiled": False}, {}, "bytecode", "warn", "compileall"),
        ({"storage": "Permission denied"}, {}, "storage", "fail", "cannot be written on 10.0.0.2: Permission denied"),
        ({"seen": ("10.0.0.2",)}, {}, "storage", "fail", "is another folder on 10.0.0.2"),
        ({"disk": GIB // 2}, {}, "disk", "fail", "0.5 GiB are free, 1.0 GiB at most will be kept"),
        ({"memory": 3 * GIB}, {}, "memory", "fail", "0.4 GiB for each of 8 workers on 10.0.0.2"),
        ({"memory": 6 * GIB}, {}, "memory", "warn", "lower --workers"),
        ({"shared_memory": 2**26}, {}, "shared memory", "warn", "--shm-size"),
        ({}, {"gpus_per_trial": 0.5}, "GPUs", "fail", "there is none"),
        ({"gpus": 4}, {}, "GPUs", "warn", "4 stand idle"),
        ({"clock": -7.0}, {}, "clocks", "warn", "that of 10.0.0.2 is 7.0 s slow"),
        ({"clock": 90.0}, {}, "clocks", "fail", "90.0 s fast"),
        ({"ray_key": "open"}, {}, "token", "fail", "chmod 600"),
        ({"busy": 7.5}, {}, "cores", "warn", "7.5 of the 8 cores of 10.0.0.2"),
        ({}, {"workers": {}}, "memory", "warn", "no node has room for a trial"),
    ],
)
def test_a_planted_fault_is_found_by_its_check_alone(
    fault: dict[str, Any], plan: dict[str, Any], check: str, state: str, told: str
) -> None:
    found = states([WELL, replace(NODES[1], **fault)], replace(PLAN, **plan))
    assert found[check][0] == state
    assert told in found[check][1]
    assert {name for name, (other, _) in found.items() if other != "pass"} == {check}


def test_what_the_asker_has_itself_is_not_the_clusters() -> None:
    asker = replace(WELL, gpus=1, cores=64)
    found = states([asker, *(replace(node, gpus=0) for node in NODES)], replace(PLAN, gpus_per_trial=1.0))
    assert found["GPUs"][0] == "fail"
    assert found["cores"][1].startswith("16, free")


@pytest.mark.parametrize(
    ("url", "state"),
    [
        (None, "pass"),
        ("", "pass"),
        ("127.0.0.1:8265", "pass"),
        ("http://localhost:8265", "pass"),
        ("[::1]:8265", "pass"),
        ("0.0.0.0:8265", "fail"),
        ("10.0.0.1:8265", "fail"),
        ("head.example:8265", "fail"),
    ],
)
def test_a_dashboard_beyond_loopback_is_found(url: str | None, state: str) -> None:
    assert dashboard(url).state == state


def test_facts_are_those_of_the_machine_and_marks_are_seen(tmp_path: Path) -> None:
    facts = read_facts("here", str(tmp_path / "runs"), "one")
    assert facts.storage == ""
    assert facts.disk
    assert facts.python == ".".join(map(str, sys.version_info[:3]))
    assert all(facts.versions.values())
    (tmp_path / "runs" / f"{MARK}two").touch()
    assert seen_marks(str(tmp_path / "runs")) == ("one", "two")
    (tmp_path / "file").touch()
    assert read_facts("here", str(tmp_path / "file"), "one").storage


def test_a_token_that_others_can_read_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune.doctor.facts.Path.parents", property(lambda _: []))
    path = tmp_path / "token"
    path.touch(0o600)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    assert read_facts("here", str(tmp_path), "one").ray_key == "own"
    for mode in (0o644, 0o640, 0o604):
        path.chmod(mode)
        assert read_facts("here", str(tmp_path), "one").ray_key == "open"
    path.unlink()
    assert read_facts("here", str(tmp_path), "one").ray_key == "none"
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    assert read_facts("here", str(tmp_path), "one").ray_key == "own"


def test_this_machine_is_examined_and_nothing_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def doctor(*flags: str) -> tuple[object, str, str]:
        """The exit code, and what was said."""
        try:
            code: object = run(["doctor", "--json", "--storage", str(tmp_path / "a/b/runs"), *flags])
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    code, told, _ = doctor()
    found = {finding["check"]: finding for finding in json.loads(told)}
    assert code == int(any(finding["state"] == "fail" for finding in found.values()))
    assert found["corpus"]["told"] == "7,445 texts of 21 classes: 5,948 train, 764 validation, 733 test"
    assert found["storage"]["state"] == found["packages"]["state"] == found["clocks"]["state"] == "pass"
    assert not list(tmp_path.iterdir())
    code, told, _ = doctor("--data", "none.csv")
    assert json.loads(told)[0] == {
        "check": "corpus",
        "state": "fail",
        "told": "none.csv does not exist.",
        "fix": "see what it says",
    }
    assert code == 1
    assert doctor("--workers", "none")[0] == 2
    code, _, said = doctor("--preset", "model_1")
    assert code == 2
    assert "--preset model_1 is one training" in said


def test_what_is_odd_about_a_corpus_is_told_before_a_search(tmp_path: Path) -> None:
    rows = [f"text {row},{'IT' if row % 2 else 'it'},{max(row, 90)}" for row in range(100)]
    (tmp_path / "odd.csv").write_text("\n".join(["text,label,group", *rows, " ,it,0"]) + "\n")
    settings = Settings(data=tmp_path / "odd.csv", group="group", drop_empty=True, storage=tmp_path)
    found = [finding for finding in examine(settings) if finding.check == "corpus"]
    assert [finding.state for finding in found] == ["pass", "warn", "warn", "warn"]
    assert "Rows left out: 1 without a text" in found[1].told
    assert "'IT', 'it'" in found[2].told
    assert "tie up to 91 rows together" in found[3].told
    (tmp_path / "odd.csv").write_text("text,label\na,x\nb,x\nc,x\nd,y\n")
    (found, *_) = examine(Settings(data=tmp_path / "odd.csv", storage=tmp_path))
    assert found.state == "fail"
    assert "class 'y' is too small" in found.told


def test_a_node_that_has_not_the_storages_folder_makes_none_and_leaves_nothing(tmp_path: Path) -> None:
    assert "No such file" in read_facts("there", str(tmp_path / "runs"), "one", make=False).storage
    assert not list(tmp_path.iterdir())
    assert not read_facts("there", str(tmp_path), "one", make=False).storage
    remove_mark(str(tmp_path), "one")
    assert not list(tmp_path.iterdir())
