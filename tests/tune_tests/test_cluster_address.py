"""Which cluster a search joins, and which it refuses; against Ray's own processes."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import ray
from ports import free_port

from data.errors import InputError
from tune.cluster_address import ADDRESS, answers, check_closed, find_cluster, is_loopback
from tune.nodes import Node
from tune.room import Room, count_on_cluster
from tune.settings import Settings
from tune.settings_file import read_settings
from tune.workers import Workers

GCS = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
"""The server of a head that others speak to first."""


@contextmanager
def head(folder: Path, **environment: str) -> Iterator[int]:
    """Runs a head's server, which listens on all of this machine's addresses; yields its port."""
    port = free_port()
    where = [f"--session-dir={folder}", f"--log_dir={folder}", "--session-name=test", "--node-ip-address=127.0.77.1"]
    command = [GCS, f"--gcs_server_port={port}", "--config_list=e30=", f"--node-id={'0' * 55}1", *where]
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield port
        finally:
            process.kill()


def own_address() -> str | None:
    """Returns an address of this machine's that others may reach, if there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        name = str(probe.getsockname()[0])
    return None if is_loopback(f"{name}:1") else name


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef" * 2)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    return path


def await_answer(address: str) -> bool:
    """Tells whether a head answers without a token, as soon as there is one."""
    with suppress(InputError):  # it takes its time to start
        return answers(address)
    return answers(address)


@pytest.mark.usefixtures("token")
def test_a_cluster_beyond_loopback_that_asks_for_no_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with head(tmp_path, RAY_AUTH_MODE="disabled") as port:
        assert await_answer(f"127.0.0.1:{port}")
        check_closed(f"127.0.0.1:{port}")  # nobody else reaches it by that address
        monkeypatch.setattr("tune.cluster_address.is_loopback", lambda _: False)
        with pytest.raises(InputError, match=r"asks for no token.*RAY_AUTH_MODE=token"):
            find_cluster(f"127.0.0.1:{port}")


def test_a_cluster_that_asks_for_a_token_is_joined_from_anywhere_and_through_no_proxy(
    token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with head(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token)) as port:
        assert not await_answer(f"127.0.0.1:{port}")
        address = f"{own_address() or '127.0.0.1'}:{port}"
        assert find_cluster(address) == address
        secret = "fedcba9876543210" * 2
        token.write_text(secret)
        with pytest.raises(InputError, match="its token is not the one that we have") as refusal:
            find_cluster(address)
        assert secret not in str(refusal.value)


def test_nobody_joins_without_a_token(token: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for content in (None, "", " \n"):
        token.unlink() if content is None else token.write_text(content)
        with pytest.raises(InputError, match="there is no token to join it with") as refusal:
            find_cluster("127.0.0.1:6379")
        assert "\n" not in str(refusal.value)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="there is no token"):
        find_cluster("127.0.0.1:6379")


def test_a_submitted_jobs_cluster_is_joined_unless_the_search_is_told_otherwise(
    token: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find_cluster(None) is None
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:8265")  # where jobs are submitted to
    assert find_cluster(None) is None
    with head(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token)) as port:
        address = f"127.0.0.1:{port}"
        assert not await_answer(address)
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert find_cluster(None) == find_cluster("auto") == address
        assert find_cluster(f"localhost:{port}") == f"localhost:{port}"
        assert find_cluster("local") is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://head:10001", "submit a job"),
        ("http://head:8265", "submit a job"),
        ("head", "neither 'local', 'auto' nor HOST:PORT"),
        ("head:", "neither"),
        ("a b:6379", "neither"),
    ],
)
def test_what_is_no_address_is_refused_with_what_would_be(address: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^--address: .*{message}"):
        read_settings(None, {"address": address})


@pytest.mark.parametrize("address", ["local", "auto", "head.example.com:6379", "10.0.0.1:6379", "[::1]:6379"])
def test_an_address_is_kept_as_it_was_given(address: str) -> None:
    assert read_settings(None, {"address": address}).address == address


def test_loopback_is_what_no_other_machine_reaches() -> None:
    for address, loopback in (
        *(("localhost:1", True), ("127.0.77.10:1", True), ("[::1]:1", True)),
        *(("10.0.0.1:1", False), ("0.0.0.0:1", False), ("[2001:db8::1]:1", False)),
    ):
        assert ADDRESS.fullmatch(address)
        assert is_loopback(address) == loopback
    with pytest.raises(InputError, match="no host of that name"):
        is_loopback("no.such.host.invalid:1")


def test_a_cluster_is_filled_and_one_that_grows_is_asked_for_more() -> None:
    nodes = [Node("0", "10.0.0.1", 0, 0), Node("1", "10.0.0.2", 16, 0), Node("2", "10.0.0.3", 7, 2)]

    def count(nodes: list[Node], most_cpus: float | None = None, **values: object) -> int:
        settings = Settings.model_validate(values)
        return count_on_cluster(settings, Room(settings, lambda: nodes, lambda: most_cpus))

    assert count(nodes) == 23
    assert count(nodes, cpus_per_trial=4) == 4 + 1
    assert count(nodes, gpus_per_trial=0.5) == 4
    assert count(nodes, gpus_per_trial=0.1) == 7
    assert count(nodes[:1], workers=64) == 64
    assert count([], 32) == 1
    for empty in ([], nodes[:1]):
        with pytest.raises(InputError, match=r"--workers 32"):
            count(empty, 3, cpus_per_trial=4)
        with pytest.raises(InputError, match=r"--workers 32"):
            count(empty)


def test_a_clusters_workers_take_their_cpus_and_their_nodes_memory() -> None:
    assert Workers.on_cluster(Settings(cpus_per_trial=2), 8) == Workers(8, 2, None, on_nodes=True)
    assert Workers.on_cluster(Settings(worker_memory=1.5), 8).memory == 1.5 * 2**30
    local = Workers.local(Settings(cpus_per_trial=2), 3)
    assert (local.count, local.cpus) == (3, 1)
    assert local.memory is not None
