"""Searches on a cluster that is there: a head without trial CPUs and a worker node, each at a loopback address of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.ray_nodes import Nodes

from data.corpus import Corpus
from tune.cluster_address import answers
from tune.folder import SearchFolder
from tune.snapshots import SnapshotFile

HEAD, NODE = "127.0.77.10", "127.0.77.11"
CONFIG = """
max_epochs: 2
portfolio: false
space: {embedding_size: 4, lstm_size: 4, bidirectional: false, pooling: last, dense_layers: 0, batch_size: 32, wide: false}
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text("0123456789abcdef" * 2)
    return path


@pytest.fixture(scope="module")
def nodes(token: Path) -> Iterator[Nodes]:
    """A cluster's head, and one worker node with two CPUs."""
    with tempfile.TemporaryDirectory(prefix="ray") as folder, Nodes(Path(folder), token, {}, jobs=False) as nodes:
        nodes.add(cpus=2).await_ready()
        yield nodes


@pytest.fixture(scope="module")
def cluster(nodes: Nodes) -> str:
    """The address of the cluster's head."""
    return nodes.address


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    lines = [f'"{text}",{corpus.classes[label]}' for text, label in zip(corpus.texts, corpus.labels, strict=True)]
    (folder / "words.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    (folder / "words.yaml").write_text(f"data: {folder / 'words.csv'}\n{CONFIG}")
    return folder / "words.yaml"


def with_token(token: Path) -> dict[str, str]:
    surrounding = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return surrounding | {"RAY_AUTH_TOKEN_PATH": str(token)}


def run(token: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with a token of its own choice, and none of the surrounding Ray's."""
    return subprocess.run(
        [sys.executable, *command],
        env=with_token(token) | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_a_search_on_a_cluster_fills_its_worker_nodes_and_leaves_it_running(
    cluster: str, token: Path, config: Path, tmp_path: Path
) -> None:
    search = ("-m", "tune", "search", "--config", str(config), "--storage", str(tmp_path), "--name", "words")
    done = run(token, *search, "--trials", "3", "--address", cluster, "--json")
    assert done.returncode == 0, done.stderr
    assert "Searching with as many workers as the cluster has room for, now 2, until" in done.stderr
    best = json.loads(done.stdout)
    assert (tmp_path / "words" / "weights" / f"{best['trial']:05d}.npz").is_file()
    assert json.loads((tmp_path / "words" / "search.json").read_text())["workers"] == 2
    written = "".join(path.read_text(errors="replace") for path in (tmp_path / "words").rglob("*") if path.is_file())
    assert token.read_text() not in written + done.stdout + done.stderr

    # As in a submitted job, where Ray tells the address.
    resume = ("-m", "tune", "resume", "words", "--storage", str(tmp_path), "--trials", "1", "--address", "auto", "--json")
    again = run(token, *resume, RAY_ADDRESS=cluster)
    assert again.returncode == 0, again.stderr
    shown = run(token, "-m", "tune", "show", "words", "--storage", str(tmp_path), "--json")
    assert [trial["state"] in {"complete", "pruned"} for trial in json.loads(shown.stdout)["trials"]] == [True] * 4
    assert not answers(cluster)


def test_the_doctor_asks_each_node_and_finds_what_is_wrong_on_one_alone(
    cluster: str, token: Path, config: Path, tmp_path: Path
) -> None:
    doctor = ("-m", "tune", "doctor", "--config", str(config), "--address", cluster, "--json", "--storage")
    done = run(token, *doctor, str(tmp_path / "runs"))
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert {check for check, finding in found.items() if finding["state"] == "fail"} == set(), found
    assert done.returncode == 0
    assert found["nodes"]["told"] == f"2 answer at {cluster}"
    assert "on 2 nodes" in found["packages"]["told"]
    assert found["storage"]["told"].endswith("written and read by all nodes")
    assert found["dashboard"]["told"] == "off"
    assert found["clocks"] == {"check": "clocks", "state": "pass", "told": "they agree", "fix": ""}
    assert not (tmp_path / "runs").exists()
    unwritable = run(token, *doctor, "/proc/self/fdinfo/runs")
    states = {finding["check"]: finding for finding in json.loads(unwritable.stdout)}
    assert states["storage"]["state"] == "fail"
    assert unwritable.returncode == 1
    (tmp_path / "token").write_text("fedcba9876543210" * 2)
    wrong = run(tmp_path / "token", *doctor, str(tmp_path))
    assert json.loads(wrong.stdout)[-1]["check"] == "cluster"
    assert "its token is not the one that we have" in json.loads(wrong.stdout)[-1]["told"]
    assert wrong.returncode == 1


def test_a_wrong_token_is_refused(cluster: str, config: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fedcba9876543210" * 2)
    done = run(
        *(tmp_path / "token", "-m", "tune", "search", "--config", str(config), "--address", cluster),
        *("--storage", str(tmp_path), "--name", "words", "--trials", "3"),
    )
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"topknot: --address {cluster}: its token is not the one that we have.")
    assert not (tmp_path / "words").exists()


@pytest.fixture(scope="module")
def joined(cluster: str, token: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a driver that has joined the cluster learns of storages and of room."""
    store = tmp_path_factory.mktemp("shared") / "store"
    code = f"""
import json
import ray
from pathlib import Path
from data.errors import InputError
from tune.cluster import joined_cluster
from tune.folder import SearchFolder
from tune.nodes import check_shared, own_room
from tune.storage import RemoteStorage
refused = []
with joined_cluster("{cluster}"):
    for folder in (
        SearchFolder(Path("/")),
        SearchFolder(Path("/one"), RemoteStorage("file://{store}")),
        SearchFolder(Path("/no/such/folder")),
        SearchFolder(Path("/one"), RemoteStorage("file:///proc/store")),
    ):
        try:
            check_shared(folder)
        except InputError as error:
            refused.append(str(error))
    there = ray.remote(num_cpus=1)(own_room)
    room = ray.get([there.remote(1, 0), there.remote(2, 0), there.remote(3, 0), there.remote(1, 0.5)])
    print(json.dumps({{"refused": refused, "on the node": room, "on the head": own_room(1, 0)}}))
"""
    done = run(token, "-c", code)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_storage_that_nodes_cannot_write_is_refused_by_their_names(joined: dict[str, Any]) -> None:
    unseen, unwritable = joined["refused"]
    assert f"--storage /no/such: not seen from {NODE}, whose trials" in unseen
    assert f"--storage file:///proc/store: {NODE} cannot write there." in unwritable
    assert HEAD not in unseen + unwritable


def test_a_node_knows_for_how_many_trials_it_has_room(joined: dict[str, Any]) -> None:
    assert joined["on the node"] == [2, 1, 1, 1], "it has two CPUs"
    assert joined["on the head"] == 1, "which has none"


def test_a_dead_nodes_trial_goes_on_elsewhere_and_has_not_failed(
    nodes: Nodes, token: Path, config: Path, tmp_path: Path
) -> None:
    search = ["search", "--config", str(config), "--storage", str(tmp_path), "--name", "words", "--address", nodes.address]
    with (tmp_path / "told").open("w") as told:
        driver = subprocess.Popen(
            [sys.executable, "-m", "tune", *search, "--trials", "1", "--max-epochs", "200", "--patience", "200"],
            env=with_token(token),
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        try:
            folder = SearchFolder(tmp_path / "words")
            until = time.monotonic() + 120
            while not any(len(trial.epochs) > 5 for trial in folder.trials()):
                assert driver.poll() is None, (tmp_path / "told").read_text()
                assert time.monotonic() < until, (tmp_path / "told").read_text()
                time.sleep(0.5)
            nodes.kill(nodes.workers[0])
            before = len(folder.trials()[0].epochs)
            kept = SnapshotFile(folder.snapshots, 0).read()
            assert kept is not None
            assert kept.snapshot.epoch >= before - 1, "each epoch outlives its node"
            nodes.add(cpus=2).await_ready()
            assert driver.wait(150) == 0, (tmp_path / "told").read_text()
        finally:
            driver.kill()
            driver.wait()
    assert before < 200
    assert [(trial.number, len(trial.epochs), trial.state) for trial in folder.trials()] == [(0, 200, "complete")]
