"""Searches that are disturbed while they run, and what became of them."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from disturbances.faults import FAULTS, Scene
from kills import reports
from kills_check import amiss
from kills_processes import answer, launched, topknot

from data.errors import InputError
from tune.folder import SearchFolder

TRIALS, EPOCHS, FAULTS_A_SEARCH, RUNS = 24, 4, 6, 9
"""Of a search; what it is started and resumed at most."""
HANGS_SECONDS, POLL_SECONDS = 120.0, 0.1
DISK_MIB = 128


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


def latest(folder: SearchFolder) -> float:
    """Returns the time of the last report; 0 before the first, and while the study cannot be read."""
    try:
        return max(reports(folder), default=0.0)
    except InputError:
        return 0.0


def wait_for_report(process: subprocess.Popen[bytes], folder: SearchFolder, since: float) -> bool:
    """Waits for a report after an instant; returns whether one came before the driver ended or hung."""
    deadline = time.monotonic() + HANGS_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if latest(folder) > since:
            return True
        time.sleep(POLL_SECONDS)
    return False


def disturb(number: int, seed: int, storage: Path, disk: Path | None, log: Path) -> Lived:
    """Runs a search to its end through up to six faults."""
    rng = random.Random(f"{seed}:{number}")
    order = [fault for fault in FAULTS if disk or not fault.disk]
    random.Random(seed).shuffle(order)
    waiting = [order[(FAULTS_A_SEARCH * number + index) % len(order)] for index in range(FAULTS_A_SEARCH)]
    folder = SearchFolder(storage / f"search-{number}")
    where = ("--storage", str(storage))
    flags = ("--trials", str(TRIALS), "--max-epochs", str(EPOCHS), "--seed", str(seed), "--workers", "2")
    ended: list[tuple[str, float]] = []
    wrong: list[str] = []
    code, runs = None, 0
    while code != 0 and runs < RUNS:
        command = ("resume", folder.name) if folder.has_begun() else ("search", "--name", folder.name, *flags)
        with launched(topknot(*command, *where), log) as process:
            since = time.time()
            while waiting and wait_for_report(process, folder, since):
                time.sleep(rng.uniform(0, 2))
                if process.poll() is not None:
                    break
                fault = waiting.pop(0)
                fault.strike(Scene(process, folder, disk, rng.randrange))
                since = time.time()
                ended.append((fault.name, since))
            try:
                code = process.wait(HANGS_SECONDS)
            except subprocess.TimeoutExpired:
                wrong.append(f"the driver hung after: {ended[-1][0] if ended else 'nothing'}")
        runs += 1
    if code != 0:
        return Lived([(name, None) for name, _ in ended], [*wrong, f"it comes to no end: {tail(log)}"], [], runs - 1)
    try:
        wrong += amiss(folder, TRIALS, ask)
    except Exception as error:  # that it can be asked is part of the law
        wrong.append(f"it cannot be asked: {error}")
    told = sorted(reports(folder))
    struck = [(name, next((at - since for at in told if at > since), None)) for name, since in ended]
    lost = [f"trial {trial.number}: {trial.reason}" for trial in folder.trials() if trial.state == "failed"]
    return Lived(struck, wrong, lost, runs - 1)


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
