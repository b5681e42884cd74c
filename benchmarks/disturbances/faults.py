"""What can happen to a search that runs: to its workers, its driver, Ray's own processes and its storage."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cluster.ray_nodes import Node, Nodes
from kills_processes import kill, session

from tune.folder import SearchFolder
from tune.study_address import JOURNAL

STOPPED_SECONDS, STARVED_SECONDS, TWICE_SECONDS = 5.0, 4.0, 1.0
"""How long processes stand still, how long storage is full or read-only, and how long after a Ctrl-C another comes."""
WORKERS = ("ray::LSTMTrial", "ray::ResourceTrainable")
"""What the processes that run trials are called, the second while they do."""
PLANTED = Path(__file__).with_name("planted")
"""What must be on the PYTHONPATH of a search, for some of its faults."""
BRIEFLY_SECONDS, AWAY_SECONDS = 3.0, 15.0
"""How long a node is silent that its cluster is not to give up, which it does after some 6 s, and one that it is to."""
SPARE = 2**24
"""Bytes that a worker short of memory may still take."""


class Scene(NamedTuple):
    """A search that runs.

    Attributes:
        process: Its driver, which leads a session of its own.
        folder: The search's.
        disk: Where a small file system is mounted that holds the search; None if none could be.
        clock: The file that says how many seconds the clock of the search's Python processes is ahead (`planted`).
        draw: Gives an index below a number.
        nodes: The cluster that it runs on; None if this machine does with a Ray of its own.
    """

    process: subprocess.Popen[bytes]
    folder: SearchFolder
    disk: Path | None
    clock: Path
    draw: Callable[[int], int]
    nodes: Nodes | None = None


def named(leader: int, *parts: str) -> list[int]:
    """Returns the processes of a session whose command line holds one of the parts."""
    found = []
    for pid in session(leader):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            if any(part in command for part in parts):
                found.append(pid)
    return sorted(found)


def _send(pids: list[int], number: signal.Signals) -> None:
    if not pids:
        raise LookupError("there is no such process")
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _worker(scene: Scene) -> list[int]:
    workers = named(scene.process.pid, *WORKERS)
    return [workers[scene.draw(len(workers))]] if workers else []


def _pause(pids: list[int]) -> None:
    _send(pids, signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    _send(pids, signal.SIGCONT)


def _interrupt_twice(scene: Scene) -> None:
    _send([scene.process.pid], signal.SIGINT)
    time.sleep(TWICE_SECONDS)
    _send([scene.process.pid], signal.SIGINT)


def _starve(scene: Scene) -> None:
    workers = _worker(scene)
    if not workers:
        raise LookupError("there is no worker")
    for pid in workers:
        with suppress(OSError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
            limit = pages * os.sysconf("SC_PAGE_SIZE") + SPARE
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))


def _move_clock(scene: Scene, seconds: float) -> None:
    scene.clock.write_text(str(seconds))
    time.sleep(STOPPED_SECONDS)
    scene.clock.unlink()


def _fill(scene: Scene) -> None:
    assert scene.disk
    ballast = scene.disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**16))
    time.sleep(STARVED_SECONDS)
    ballast.unlink()


def _write_protect(scene: Scene) -> None:
    """Lays the storage over itself, read-only: what is opened from now on cannot be written."""
    storage = str(scene.folder.path.parent)
    subprocess.run(["mount", "--bind", storage, storage], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", storage], check=True)
    time.sleep(STARVED_SECONDS)
    subprocess.run(["umount", "--lazy", storage], check=True)


def _break_snapshot(scene: Scene) -> None:
    """Cuts the snapshots of running trials in half and kills everything: they have to begin anew."""
    kill(scene.process)
    for path in sorted((scene.folder.path / "snapshots").glob("*")):
        os.truncate(path, path.stat().st_size // 2)


def _cut_journal(scene: Scene) -> None:
    """Kills everything and takes the end of the study's last line, as a machine without power leaves it."""
    kill(scene.process)
    journal = scene.folder.path / JOURNAL
    with suppress(OSError):
        last = journal.read_bytes().splitlines(keepends=True)[-1]
        os.truncate(journal, journal.stat().st_size - 1 - scene.draw(len(last)))


def _cluster(scene: Scene) -> Nodes:
    assert scene.nodes
    return scene.nodes


def _node(scene: Scene) -> Node:
    workers = _cluster(scene).workers
    return workers[scene.draw(len(workers))]


def _replace(scene: Scene, node: Node) -> None:
    """Takes a node away with no word; another comes in its place."""
    _cluster(scene).kill(node)
    _cluster(scene).add().await_ready()


def _join_then_leave(scene: Scene) -> None:
    """Has a node join, and takes one away."""
    _cluster(scene).add().await_ready()
    _cluster(scene).kill(_node(scene))


def _pause_node(scene: Scene, seconds: float) -> Node:
    node = _node(scene)
    node.send(signal.SIGSTOP)
    time.sleep(seconds)
    node.send(signal.SIGCONT)
    return node


def _hold_node(scene: Scene) -> None:
    _pause_node(scene, BRIEFLY_SECONDS)


def _lose_node(scene: Scene) -> None:
    """Has a node silent for so long that it is given up; its own processes end as they hear of it."""
    _replace(scene, _pause_node(scene, AWAY_SECONDS))


def _on_node(scene: Scene, number: signal.Signals) -> None:
    """Sends a signal to one of the processes that run trials, on whichever node."""
    workers = [pid for node in _cluster(scene).workers for pid in named(node.process.pid, *WORKERS)]
    _send([workers[scene.draw(len(workers))]] if workers else [], number)


@dataclass(frozen=True)
class Fault:
    """Something that happens to a search."""

    name: str
    strike: Callable[[Scene], None]
    disk: bool = False


FAULTS = (
    Fault("a worker killed", lambda scene: _send(_worker(scene), signal.SIGKILL)),
    Fault("a worker ended with SIGTERM", lambda scene: _send(_worker(scene), signal.SIGTERM)),
    Fault("a worker stopped for 5 s", lambda scene: _pause(_worker(scene))),
    Fault("a worker out of memory", _starve),
    Fault("a trial that takes memory without end", lambda scene: _send(_worker(scene), signal.SIGUSR2)),
    Fault("the clock an hour ahead for 5 s", lambda scene: _move_clock(scene, 3600)),
    Fault("the clock an hour behind for 5 s", lambda scene: _move_clock(scene, -3600)),
    Fault("the driver stopped for 5 s", lambda scene: _pause([scene.process.pid])),
    Fault("the driver killed alone", lambda scene: _send([scene.process.pid], signal.SIGKILL)),
    Fault("the driver ended with SIGTERM", lambda scene: _send([scene.process.pid], signal.SIGTERM)),
    Fault("Ctrl-C", lambda scene: _send([scene.process.pid], signal.SIGINT)),
    Fault("Ctrl-C twice", _interrupt_twice),
    Fault("everything killed at once", lambda scene: kill(scene.process)),
    Fault("everything stopped for 5 s", lambda scene: _pause(session(scene.process.pid))),
    Fault("Ray's node process killed", lambda scene: _send(named(scene.process.pid, "raylet/raylet"), signal.SIGKILL)),
    Fault("Ray's control process killed", lambda scene: _send(named(scene.process.pid, "gcs_server"), signal.SIGKILL)),
    Fault("killed, its snapshots cut in half", _break_snapshot),
    Fault("killed, the study's last line cut", _cut_journal),
    Fault("the disk full for 4 s", _fill, disk=True),
    Fault("the storage read-only for 4 s", _write_protect, disk=True),
)

NODE_FAULTS = (
    Fault("a node killed, another comes", lambda scene: _replace(scene, _node(scene))),
    Fault("a node joins, one is killed", _join_then_leave),
    Fault("a node stopped for 3 s", _hold_node),
    Fault("a node silent for 15 s, given up", _lose_node),
    Fault("a node's worker killed", lambda scene: _on_node(scene, signal.SIGKILL)),
    Fault("a cluster's driver killed", lambda scene: _send([scene.process.pid], signal.SIGKILL)),
)
"""What can happen to a search on a cluster."""
