"""What does a search withstand?

    python benchmarks/chaos.py                         # make chaos: within 20 minutes
    python benchmarks/chaos.py --seed 3 --again 5      # what befell the sixth search of that seed, alone
    python benchmarks/chaos.py --minutes 60 --output DIR

Searches of the embedded corpus run, one after another; at drawn instants something happens to them
(`disturbances.faults`): up to six faults a search, of kinds that take turns; every fourth search runs on a cluster of three
nodes, and has those of clusters. A driver that has ended is followed by `topknot resume`; one that does nothing for two minutes
is counted as hanging. Once a search has ended, all that its folder holds is compared: study, leaderboard, winner, weights,
classifier, figures (`kills_check`). Then one that ran undisturbed is damaged in every file that matters, in copies
(`disturbances.damage`), and asked for all that it knows.

Faults and what they hit come of the seed and the search's number; the instants also of how fast the machine is. The tables are
kept in FOLDER/chaos.json. Ends with 1 if anything did not hold.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ |= {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}

from contest.runs import command, here
from disturbances.damage import CRASHED, GONE, OTHER, REFUSED, SAME, WAYS, Damaged, targets
from disturbances.lives import Lived, live
from kills_processes import topknot

from tune.folder import SearchFolder

LIVE_SHARE = 0.65
"""Of the time, for searches that run."""
TOUCHED = "files changed"
KINDS = (SAME, REFUSED, OTHER, CRASHED, TOUCHED)


def live_rows(lives: list[Lived]) -> list[dict[str, Any]]:
    """Returns a row for each kind of fault."""
    by_kind: dict[str, list[tuple[float | None, bool]]] = defaultdict(list)
    for life in lives:
        for kind, seconds in life.struck:
            by_kind[kind].append((seconds, not life.wrong))
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
    ways = [(target, way) for target in targets(whole) for way in WAYS]
    number = 0
    while True:
        for target, way in ways:
            name = "classifier/" + target.rsplit("/", 1)[1] if "/" in target else target
            row = rows.setdefault((name, way), {"file": name, "damage": way, "times": 0} | dict.fromkeys(KINDS, 0))
            outcome = damaged.damage(target, way, random.Random(f"{seed}:{target}:{way}:{number}"))
            row["times"] += 1
            row[outcome.kind] += 1
            row[TOUCHED] += not outcome.untouched
            if outcome.kind in (OTHER, CRASHED) or not outcome.untouched:
                print(f"{name} {way} ({seed}:{number}): {outcome.kind}, {outcome.untouched=}: {outcome.said[:150]}", flush=True)
        ways = [(target, way) for target, way in ways if way != GONE]  # there is but one way to be gone
        number += 1
        if time.monotonic() > until:
            return list(rows.values())


def print_damage(rows: list[dict[str, Any]]) -> None:
    print(f"\n| file | damage | times | {' | '.join(KINDS)} |\n|---|---|{'---|' * (len(KINDS) + 1)}")
    for row in rows:
        print(f"| {row['file']} | {row['damage']} | {row['times']} | {' | '.join(str(row[kind]) for kind in KINDS)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=18.0, help="for all of it; what has begun comes to its end [18]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=int, metavar="NUMBER", help="run one search alone, damage no files, keep no table")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", metavar="DIR")
    options = parser.parse_args()
    began, seconds = time.monotonic(), 60 * options.minutes
    damages: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        place = Path(name)
        numbers = itertools.count() if options.again is None else [options.again]
        lives = live(numbers, options.seed, began + seconds * LIVE_SHARE, place)
        rows = live_rows(lives)
        print_live(rows)
        if options.again is None:
            whole = SearchFolder(place / "quiet" / "whole")
            run_undisturbed(whole)
            damages = damage_all(whole, place / "copies", options.seed, began + seconds)
            print_damage(damages)
    faults, kinds = sum(row["times"] for row in [*rows, *damages]), len(rows) + len(damages)
    lost = [reason for life in lives for reason in life.lost]
    wrong = [law for life in lives for law in life.wrong]
    wrong += [f"{row['file']} {row['damage']}" for row in damages if row[CRASHED] or row[TOUCHED]]
    did_not = f"did not hold: {wrong or 'nothing'}"
    print(f"\n{faults} faults of {kinds} kinds, {len(lost)} trials lost, seed {options.seed}; {did_not}")
    if options.again is None:
        document = here() | {
            "command": command(),
            "seed": options.seed,
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
