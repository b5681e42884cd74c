"""What does a search withstand?

    python benchmarks/chaos.py                         # make chaos: within 20 minutes
    python benchmarks/chaos.py --seed 3 --again 5      # what befell the sixth search of that seed, alone
    python benchmarks/chaos.py --minutes 60 --output DIR

Searches of the embedded corpus run, one after another; at drawn instants something happens to them
(`disturbances.faults`): up to six faults a search, of kinds that take turns. A driver that has ended is followed by
`topknot resume`; one that does nothing for two minutes is counted as hanging. Once a search has ended, all that its folder
holds is compared: study, leaderboard, winner, weights, classifier, figures (`kills_check`). Then one that ran undisturbed is
damaged in every file that matters, in copies (`disturbances.damage`), and asked for all that it knows.

Faults and what they hit come of the seed and the search's number; the instants also of how fast the machine is. The tables are
kept in FOLDER/chaos.json. Ends with 1 if anything did not hold.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}

from disturbances.damage import CRASHED, OTHER, REFUSED, SAME, WAYS, Damaged, targets
from disturbances.faults import FAULTS, Fault, Scene
from kills_check import amiss
from kills_processes import answer, kill, launched, topknot

from tune.folder import SearchFolder

TRIALS, EPOCHS, FAULTS_A_SEARCH = 24, 4, 6
HANGS_SECONDS, POLL_SECONDS = 120.0, 0.1
LIVE_SHARE = 0.65
"""Of the time, for searches that run."""
DISK_MIB = 128


class Struck(NamedTuple):
    """A fault, when it began and ended, and in which search."""

    fault: Fault
    began: float
    ended: float
    search: int


class Lived(NamedTuple):
    """A search that was disturbed: what happened, what of it did not hold, its trials lost, seconds to the next report."""

    struck: list[Struck]
    wrong: list[str]
    lost: list[str]
    recovery: list[float | None]
    resumes: int


def reports(folder: SearchFolder) -> list[float]:
    """Returns the times of all epochs' reports; none while the study is being made or cannot be read."""
    try:
        return sorted(epoch["at"] for trial in folder.trials() for epoch in trial.epochs)
    except Exception:  # the storage is under attack
        return []


def wait_for_report(process: subprocess.Popen[bytes], folder: SearchFolder, since: float) -> bool:
    """Waits for a report after an instant; returns whether one came before the driver ended or hung."""
    deadline = time.monotonic() + HANGS_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if any(at > since for at in reports(folder)[-1:]):
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
    struck: list[Struck] = []
    wrong: list[str] = []
    resumes = -1
    while True:
        command = ("resume", folder.name) if folder.has_begun() else ("search", "--name", folder.name, *flags)
        resumes += 1
        with launched(topknot(*command, *where), log) as process:
            since = time.time()
            while waiting and wait_for_report(process, folder, since):
                time.sleep(rng.uniform(0, 2))
                if process.poll() is not None:
                    break
                began = time.time()
                waiting[0].strike(Scene(process, folder, disk, rng.randrange))
                since = time.time()
                struck.append(Struck(waiting.pop(0), began, since, number))
            try:
                code = process.wait(HANGS_SECONDS)
            except subprocess.TimeoutExpired:
                kill(process)
                wrong.append(f"the driver hung after: {struck[-1].fault.name if struck else 'nothing'}")
                code = None
        if code == 0:
            break
        if resumes > FAULTS_A_SEARCH + 2:
            return Lived(struck, [*wrong, f"it comes to no end: {tail(log)}"], [], [None] * len(struck), resumes)
    try:
        wrong += amiss(folder, TRIALS, ask)
    except Exception as error:  # that it can be asked is part of the law
        wrong.append(f"it cannot be asked: {error}")
    lost = [f"trial {trial.number}: {trial.reason}" for trial in folder.trials() if trial.state == "failed"]
    told = reports(folder)
    recovery = [next((at - one.ended for at in told if at > one.ended), None) for one in struck]
    return Lived(struck, wrong, lost, recovery, resumes)


def tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def ask(*arguments: str) -> Any:
    code, out, err = answer(*arguments, "--json")
    if code:
        raise RuntimeError(f"{' '.join(arguments)}: {err[-300:]}")
    return json.loads(out)


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """Mounts a small file system in memory; None where that is not allowed."""
    disk = place / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "topknot-chaos", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        print("No file system can be mounted (that needs root): nothing happens to the disk")
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def live_rows(lives: list[Lived]) -> list[dict[str, Any]]:
    """Returns a row for each kind of fault."""
    by_kind: dict[str, list[tuple[float | None, bool]]] = defaultdict(list)
    for life in lives:
        for one, seconds in zip(life.struck, life.recovery, strict=True):
            by_kind[one.fault.name].append((seconds, not life.wrong))
    rows = []
    for kind, found in sorted(by_kind.items()):
        seconds = [second for second, _ in found if second is not None]
        rows.append(
            {
                "fault": kind,
                "times": len(found),
                "survived": sum(held for _, held in found),
                "seconds": statistics.median(seconds) if seconds else None,
                "worst": max(seconds, default=None),
            }
        )
    return rows


def print_live(rows: list[dict[str, Any]]) -> None:
    print("\n| fault | times | survived | seconds to the next report: median | worst |\n|---|---|---|---|---|")
    for row in rows:
        median, worst = (f"{row[key]:.1f}" if row[key] is not None else "-" for key in ("seconds", "worst"))
        print(f"| {row['fault']} | {row['times']} | {row['survived']} | {median} | {worst} |")


def run_undisturbed(folder: SearchFolder) -> None:
    flags = ("--storage", str(folder.path.parent), "--trials", "8", "--max-epochs", "2")
    subprocess.run(topknot("search", "--name", folder.name, *flags), stdout=sys.stderr, check=True)


def damage_all(whole: SearchFolder, elsewhere: Path, seed: int, until: float) -> list[dict[str, Any]]:
    """Damages every file in every way, again and again until the time is over, at least once; a row for each file and way."""
    damaged, rows = Damaged(whole, elsewhere), {}
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        for target in targets(whole):
            for way in WAYS:
                if rounds and way == "gone":
                    continue  # there is but one way to be gone
                name = "classifier/" + target.rsplit("/", 1)[1] if "/" in target else target
                row = rows.setdefault((name, way), {"file": name, "damage": way, "times": 0} | dict.fromkeys(KINDS, 0))
                outcome = damaged.damage(target, way, random.Random(f"{seed}:{target}:{way}:{rounds}"))
                row["times"] += 1
                row[outcome.kind] += 1
                row["files changed"] += not outcome.untouched
                if outcome.kind in (OTHER, CRASHED) or not outcome.untouched:
                    print(
                        f"{name} {way} ({seed}:{rounds}): {outcome.kind}, {outcome.untouched=}: {outcome.said[:150]}",
                        flush=True,
                    )
        rounds += 1
    return list(rows.values())


KINDS = (SAME, REFUSED, OTHER, CRASHED, "files changed")


def print_damage(rows: list[dict[str, Any]]) -> None:
    print(f"\n| file | damage | times | {' | '.join(KINDS)} |\n|---|---|{'---|' * (len(KINDS) + 1)}")
    for row in rows:
        print(f"| {row['file']} | {row['damage']} | {row['times']} | {' | '.join(str(row[kind]) for kind in KINDS)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=18.0, help="for all of it; what has begun comes to its end [18]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=int, help="the number of one search, to run it alone")
    parser.add_argument("--live-only", action="store_true", help="damage no files")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, small_disk(Path(name)) as disk:
        place = Path(name)
        log, storage = place / "log", (disk or place) / "runs"
        lives: list[Lived] = []
        number = options.again or 0
        while number == (options.again or 0) or time.monotonic() - began < 60 * options.minutes * LIVE_SHARE:
            life = disturb(number, options.seed, storage, disk, log)
            lives.append(life)
            kinds = ", ".join(one.fault.name for one in life.struck)
            print(
                f"search {options.seed}:{number}: {kinds}; {life.resumes} resumes; {life.wrong or 'whole'}; lost: {life.lost}",
                flush=True,
            )
            number += 1
            if options.again is not None:
                break
        rows = live_rows(lives)
        print_live(rows)
        damages: list[dict[str, Any]] = []
        if options.again is None and not options.live_only:
            whole = SearchFolder(place / "quiet" / "whole")
            run_undisturbed(whole)
            damages = damage_all(whole, place / "copies", options.seed, began + 60 * options.minutes)
            print_damage(damages)
    lost = [reason for life in lives for reason in life.lost]
    faults = sum(row["times"] for row in rows) + sum(row["times"] for row in damages)
    wrong = [law for life in lives for law in life.wrong] + [
        row["file"] for row in damages if row[CRASHED] or row["files changed"]
    ]
    kinds = len(rows) + len(damages)
    print(
        f"\n{faults} faults of {kinds} kinds, {len(lost)} trials lost, seed {options.seed}; did not hold: {wrong or 'nothing'}"
    )
    if options.again is None:
        document = {
            "command": "python benchmarks/chaos.py",
            "seed": options.seed,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "minutes": (time.monotonic() - began) / 60,
            "searches": len(lives),
            "faults": faults,
            "trials_lost": lost,
            "live": rows,
            "damage": damages,
            "wrong": wrong,
        }
        (options.output / "chaos.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(wrong or lost))


if __name__ == "__main__":
    main()
