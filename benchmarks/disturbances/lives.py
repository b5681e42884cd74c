"""Searches that are disturbed while they run, and what became of them."""

import json
import os
import random
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cluster.ray_nodes import Nodes
from disturbances.faults import FAULTS, NODE_FAULTS, PLANTED, Fault, Scene
from kills import reports
from kills_check import amiss
from kills_processes import answer, launched, topknot

from data.errors import InputError
from tune.folder import ABOUT, SearchFolder

TRIALS, EPOCHS, FAULTS_A_SEARCH, RUNS = 24, 4, 6, 9
"""Of a search; what it is started and resumed at most."""
CLUSTER_EVERY = 4
"""One search in so many runs on a cluster."""
HANGS_SECONDS, POLL_SECONDS = 120.0, 0.1
MOST_SECONDS = 3000.0
"""Of a search: less than the hour by which its clock is moved."""
DISK_MIB = 128
TOO_MUCH = "MemoryError: took"
"""What a trial says that took memory without end: it is to fail."""


class Lived(NamedTuple):
    """A search that was disturbed.

    Attributes:
        struck: Each fault's kind, and seconds from its end to the next report; None if there was none.
        wrong: What did not hold.
        lost: Its trials that failed, and why.
        resumes: How often it was resumed.
    """

    struck: list[tuple[str, float | None]]
    wrong: list[str]
    lost: list[str]
    resumes: int


def told(folder: SearchFolder) -> int:
    """Returns how many reports there are; 0 before the first, and while the study cannot be read."""
    try:
        return len(reports(folder))
    except InputError:
        return 0


def wait_for_report(process: subprocess.Popen[bytes], folder: SearchFolder, before: int) -> bool:
    """Waits for more reports than there were; returns whether one came before the driver ended or hung."""
    deadline = time.monotonic() + HANGS_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if told(folder) > before:
            return True
        time.sleep(POLL_SECONDS)
    return False


def faults_of(number: int, seed: int, disk: Path | None) -> list[Fault]:
    """Returns what is to happen to a search: kinds that take turns, on a cluster those of clusters."""
    among = list(NODE_FAULTS) if on_cluster(number) else [fault for fault in FAULTS if disk or not fault.disk]
    random.Random(seed).shuffle(among)
    turn = number // CLUSTER_EVERY if on_cluster(number) else number - number // CLUSTER_EVERY
    return [among[(FAULTS_A_SEARCH * turn + index) % len(among)] for index in range(FAULTS_A_SEARCH)]


def on_cluster(number: int) -> bool:
    return number % CLUSTER_EVERY == CLUSTER_EVERY - 1


@contextmanager
def cluster(place: Path) -> Iterator[Nodes]:
    """Starts a cluster of a head and two nodes of one CPU; meanwhile this machine's searches have its token."""
    (token := place / "token").write_text(secrets.token_hex(16))
    with tempfile.TemporaryDirectory(prefix="ray") as folder, Nodes(Path(folder), token, {}, jobs=False) as nodes:
        for _ in range(2):
            nodes.add().await_ready()
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
        try:
            yield nodes
        finally:
            del os.environ["RAY_AUTH_TOKEN_PATH"]


def disturb(number: int, seed: int, storage: Path, disk: Path | None, log: Path) -> Lived:
    """Runs a search to its end through its faults, and looks at what it has come to."""
    folder, clock = SearchFolder(storage / f"search-{number}"), log.with_name("clock")
    os.environ |= {"PYTHONPATH": str(PLANTED), "TOPKNOT_CHAOS_CLOCK": str(clock)}
    with cluster(log.parent) if on_cluster(number) else nullcontext() as nodes:
        place = Place(folder, disk, clock, log, nodes, random.Random(f"{seed}:{number}"))
        code, runs, ended, wrong = run_through(faults_of(number, seed, disk), place, seed)
    if code != 0:
        return Lived([(name, None) for name, _ in ended], [*wrong, f"it comes to no end: {tail(log)}"], [], runs - 1)
    try:
        wrong += amiss(folder, TRIALS, ask)
    except Exception as error:  # that it can be asked is part of the law
        wrong.append(f"it cannot be asked: {error}")
    if not 0 < folder.read_json(ABOUT)["wall_seconds"] < MOST_SECONDS:
        wrong.append("its seconds are not those that it took")
    times = sorted(reports(folder))
    struck = [(name, next((at - since for at in times if at > since), None)) for name, since in ended]
    lost = [
        f"trial {one.number}: {one.reason}" for one in folder.trials() if one.state == "failed" and TOO_MUCH not in one.reason
    ]
    return Lived(struck, wrong, lost, runs - 1)


class Place(NamedTuple):
    """Where a search runs; see `disturbances.faults.Scene`."""

    folder: SearchFolder
    disk: Path | None
    clock: Path
    log: Path
    nodes: Nodes | None
    rng: random.Random


def run_through(waiting: list[Fault], place: Place, seed: int) -> tuple[int | None, int, list[tuple[str, float]], list[str]]:
    """Starts a search, and goes on with it until it has ended or nothing helps, while faults strike.

    Returns:
        The last run's exit code, how many runs there were, the faults that struck and when each was over, what went wrong.
    """
    folder, log, rng = place.folder, place.log, place.rng
    where = ["--storage", str(folder.path.parent), *(["--address", place.nodes.address] if place.nodes else [])]
    flags = [
        "--trials",
        str(TRIALS),
        "--max-epochs",
        str(EPOCHS),
        "--seed",
        str(seed),
        "--workers",
        "2",
        "--worker-memory",
        "1",
    ]
    ended: list[tuple[str, float]] = []
    wrong: list[str] = []
    code, runs = None, 0
    while code != 0 and runs < RUNS:
        command = ("resume", folder.name) if folder.has_begun() else ("search", "--name", folder.name, *flags)
        with launched(topknot(*command, *where), log) as process:
            before = told(folder)
            while waiting and wait_for_report(process, folder, before):
                time.sleep(rng.uniform(0, 2))
                if process.poll() is not None:
                    break
                fault = waiting.pop(0)
                with suppress(LookupError):  # what it was to befall has ended
                    fault.strike(Scene(process, folder, place.disk, place.clock, rng.randrange, place.nodes))
                    ended.append((fault.name, time.time()))
                before = told(folder)
            while process.poll() is None:
                if not wait_for_report(process, folder, told(folder)) and process.poll() is None:
                    wrong.append(f"the driver hung after: {ended[-1][0] if ended else 'nothing'}")
                    break
            code = process.poll()
        runs += 1
    return code, runs, ended, wrong


def tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def ask(*arguments: str) -> Any:
    code, out, err = answer(*arguments, "--json")
    if code:
        raise RuntimeError(f"{' '.join(arguments)}: {err[-300:]}")
    return json.loads(out)


@contextmanager
def small_disk(place: Path, mib: int = DISK_MIB) -> Iterator[Path | None]:
    """Mounts a small file system in memory; None where that is not allowed."""
    disk = place / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "topknot-chaos", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        print("No file system can be mounted (that needs root): nothing happens to the disk")
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def live(numbers: Iterable[int], seed: int, until: float, place: Path) -> list[Lived]:
    """Disturbs searches, one after another, until the time is over; one at least."""
    lives = []
    with small_disk(place) as disk:
        for number in numbers:
            storage = (disk or place) / "runs"
            life = disturb(number, seed, storage, disk, place / "log")
            lives.append(life)
            shutil.rmtree(storage)  # the disk is small
            kinds = ", ".join(name for name, _ in life.struck)
            state = f"{life.resumes} resumes; {life.wrong or 'whole'}; lost: {life.lost}"
            print(f"search {seed}:{number}: {kinds}; {state}", flush=True)
            if time.monotonic() > until:
                break
    return lives
