"""A cluster of Ray on this machine: a head without trial CPUs and nodes of one CPU, each at an address of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cluster.networks import Loopback, Network
from kills_processes import processes
from ports import free_ports

RAY = (sys.executable, "-c", "import sys; from ray.scripts.scripts import main; sys.exit(main())")
AGENTS = ("--dashboard-agent-listen-port", "--dashboard-agent-grpc-port", "--runtime-env-agent-port", "--metrics-export-port")
HEAD = 10
"""The head's number; those of the workers follow."""
HEALTH = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "5",
}
"""A node that does not answer is given up after some 6 s, not after 60; after 2 s a busy machine's would be, too."""


@dataclass
class Node:
    """A node and the process that leads it."""

    number: int
    address: str
    process: subprocess.Popen[str]

    def await_ready(self) -> None:
        """Waits until it is part of its cluster."""
        assert self.process.stdout
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "block forever" in line:
                return
        raise RuntimeError(f"The node {self.address} did not start:\n{''.join(said)}")

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to all its processes, those that they start meanwhile included."""
        told: set[int] = set()
        while waiting := set(family(self.process.pid)) - told:
            for pid in waiting:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            told |= waiting

    def kill(self) -> None:
        """Ends all its processes at once: they are stopped first, so that none sees another end."""
        self.send(signal.SIGSTOP)
        for pid in [*family(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()  # waits for its end, and closes its pipe


class Nodes:
    """A cluster, from its head on. As a context manager it has but its head, and ends all that it has come to.

    Args:
        folder: For Ray's own files; its path must be short, as those of sockets are.
        token: The file that holds the cluster's.
        environment: What nodes, jobs and trials have in theirs besides.
        jobs: Whether jobs can be submitted, which needs `ray[default]`.
        port: Of the head's GCS; 0 for a free one.
        flags: Of `ray start` for the head, besides.
        network: That the nodes are in.
    """

    def __init__(
        self,
        folder: Path,
        token: Path,
        environment: Mapping[str, str],
        *,
        jobs: bool = True,
        port: int = 0,
        flags: tuple[str, ...] = (),
        network: Network | None = None,
    ) -> None:
        self.token, self._last, self.network = token, HEAD, network or Loopback()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # jobs run the head's `python`
        surrounding = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        # Ray's workers would give way to all else on the machine (niceness 15).
        ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_worker_niceness": "0", "PATH": path}
        ours |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "120"}
        self.environment = surrounding | HEALTH | ours | dict(environment)
        free, client, dashboard = free_ports(3)
        port = port or free
        self.address = f"{self.network.address(HEAD)}:{port}"
        self.dashboard = f"http://127.0.0.1:{dashboard}"
        board = ("--include-dashboard", str(jobs).lower(), "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard))
        board = (*board, *flags)
        head = ("--head", "--port", str(port), "--ray-client-server-port", str(client), "--temp-dir", str(folder), *board)
        self.head = self._start(HEAD, 0, *head)
        self.workers: list[Node] = []

    def __enter__(self) -> Self:
        try:
            self.head.await_ready()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def add(self, cpus: int = 1, number: int | None = None) -> Node:
        """Starts another node, or one anew that has ended; `await_ready` waits for it.

        One after another: of two that start at once in one folder, one takes the other's socket, and never comes up.
        """
        self._last += number is None
        node = self._start(number or self._last, cpus, "--address", self.address)
        self.workers.append(node)
        return node

    def kill(self, node: Node) -> None:
        """Ends a node as a lost machine ends: all at once, with no word."""
        node.kill()
        self.workers.remove(node)

    def submit(self, name: str, folder: Path, *command: str, log: Path) -> subprocess.Popen[bytes]:
        """Submits a job; the process prints what it says, and ends as it does."""
        job = ("job", "submit", "--address", self.dashboard, "--submission-id", name, "--working-dir", str(folder), "--")
        on_head = self.network.within(HEAD)
        with log.open("ab") as file:
            return subprocess.Popen([*on_head, *RAY, *job, *command], env=self.environment, stdout=file, stderr=file)

    def drivers(self) -> list[int]:
        """Returns the processes on the head that run `python -m tune`."""
        found = []
        for pid in family(self.head.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"-m", b"tune"]:
                    found.append(pid)
        return found

    def end(self) -> None:
        for node in [*self.workers, self.head]:
            node.kill()

    def _start(self, number: int, cpus: int, *flags: str) -> Node:
        address = self.network.address(number)
        process = subprocess.Popen(
            [*self.network.within(number), *start_command(address, cpus, free_ports(len(AGENTS)), *flags)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return Node(number, address, process)


def start_command(address: str, cpus: int, ports: Iterable[int], *flags: str) -> list[str]:
    """Returns a node's command: fixed ports for its agents spare it the search for free ones, for which it has 30 s."""
    agents = [part for flag, port in zip(AGENTS, ports, strict=True) for part in (flag, str(port))]
    size = ("--num-cpus", str(cpus), "--object-store-memory", str(2**28))
    return [*RAY, "start", "--block", "--node-ip-address", address, *size, *flags, *agents]


def family(leader: int) -> list[int]:
    """Returns the processes that are alive of those that a process has started, and of its session, itself included."""
    alive = processes()
    found = {process.pid for process in alive if process.session == leader}
    while more := {process.pid for process in alive if process.parent in found | {leader}} - found:
        found |= more
    return sorted(found)
