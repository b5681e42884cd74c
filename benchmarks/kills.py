"""What does a search lose that is killed again and again, and does it come to its end whole?

    python benchmarks/kills.py                                    # the embedded corpus, 40 trials, 10 kills
    python benchmarks/kills.py --trials 12 --kills 3 --seed 1 --data FILE --text COL --label COL

One search runs undisturbed. Another of the same settings is killed with SIGKILL, its driver and all that it started, and
resumed each time, at instants drawn with the seed over the life of the first: while it starts or a resumed one starts, among
the trials, and when the last trial has ended and the winner is evaluated. (A search that was killed before it had a study is
started again.) Then a copy of it in another folder is told to go on with further trials, killed while that starts, and
resumed. After each end all that the folder holds is compared: study, leaderboard, winner, weights, classifier.

Ends with 1 if anything is amiss.
"""

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from kills_check import amiss
from kills_processes import finish, kill, launched, topknot

from tune.folder import ABOUT, SearchFolder

START, AMONG, END = "its start", "the trials", "its end"
SHARES = {START: 0.3, END: 0.2}
"""Of the kills; the others come among the trials."""
POLL_SECONDS = 0.2


class Instant(NamedTuple):
    """When to kill: in which part of a run, and after which fraction of it."""

    part: str
    fraction: float


NEVER = Instant(START, math.inf)


class Life(NamedTuple):
    """The parts of an undisturbed search, in seconds: until its first report, until its last, and its end."""

    start: float
    among: float
    end: float


class Run(NamedTuple):
    """One run of the driver, and how many trials had ended when it was over."""

    seconds: float
    ended: int
    killed: bool


def ended(folder: SearchFolder) -> int:
    return sum(trial.state != "running" for trial in folder.trials())


def reports(folder: SearchFolder) -> list[float]:
    """Returns the times of all epochs' reports."""
    return [epoch["at"] for trial in folder.trials() for epoch in trial.epochs]


def run_until(instant: Instant, command: list[str], folder: SearchFolder, trials: int, life: Life, log: Path) -> Run:
    """Runs a command and kills it at an instant, unless it ends before."""
    begun = time.monotonic()
    with launched(command, log) as process:
        try:
            process.wait(await_part(instant, process, folder, trials, life))
        except subprocess.TimeoutExpired:
            kill(process)
        else:
            finish(process, log)
    return Run(time.monotonic() - begun, ended(folder), killed=process.returncode < 0)


def await_part(
    instant: Instant, process: subprocess.Popen[bytes], folder: SearchFolder, trials: int, life: Life
) -> float | None:
    """Waits for the last trial's end before an instant; returns how many seconds are left until then, None for never."""
    if instant == NEVER:
        return None
    if instant.part == START:
        return instant.fraction * life.start
    done, begun = instant.fraction * trials if instant.part == AMONG else trials, time.time()
    while process.poll() is None and ended(folder) < int(done):
        time.sleep(POLL_SECONDS)
    while process.poll() is None and instant.part == AMONG and max(reports(folder), default=0) < begun:
        time.sleep(POLL_SECONDS)  # a search resumed that had as many trials before
    return (done - int(done)) * life.among / trials if instant.part == AMONG else instant.fraction * life.end


def draw_instants(kills: int, seed: int) -> list[Instant]:
    """Draws instants: those among the trials in the order in which a search comes to them, those of its end last."""
    rng = np.random.default_rng(seed)
    starts, ends = (round(kills * SHARES[part]) for part in (START, END))
    among = sorted(rng.random(kills - starts - ends).tolist())
    parts = rng.permutation([START] * starts + [AMONG] * len(among)).tolist()
    first = [Instant(part, rng.random() if part == START else among.pop(0)) for part in parts]
    return first + [Instant(END, fraction) for fraction in sorted(rng.random(ends).tolist())]


def undisturbed(command: list[str], folder: SearchFolder, log: Path) -> Life:
    begun = time.time()
    with launched(command, log) as process:
        finish(process, log)
    over, first, last = time.time(), min(reports(folder)), max(reports(folder))
    return Life(first - begun, last - first, over - last)


def disturbed(
    command: list[str], folder: SearchFolder, trials: int, instants: list[Instant], life: Life, log: Path
) -> list[Run]:
    """Runs a command on a search to its end, killed at each instant and resumed each time; given again if it did not begin."""
    print("| run | killed in | at a fraction of | after, s | trials ended |\n|---|---|---|---|---|")
    resume = topknot("resume", folder.name, "--storage", str(folder.path.parent))
    runs: list[Run] = []
    for instant in [*instants, NEVER]:
        begun = folder.has_begun() and folder.read_json(ABOUT)["goal"]["trials"] == trials
        if not folder.has_begun():
            shutil.rmtree(folder.path, ignore_errors=True)  # as the command says
        run = run_until(instant, resume if begun else command, folder, trials, life, log)
        place = f"{instant.part} | {instant.fraction:.3f}" if run.killed else "| "
        print(f"| {len(runs) + 1} | {place} | {run.seconds:.1f} | {run.ended} |", flush=True)
        runs.append(run)
        if not run.killed:
            break
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "text", "label", "group", "config"):
        parser.add_argument(f"--{name}", help="as `topknot search` takes it")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--extend", type=int, default=20, help="trials to add to a copy of the finished search [20]")
    parser.add_argument("--max-epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0, help="of the searches, and of the instants [0]")
    options = parser.parse_args()
    flags = [
        part
        for name in ("data", "text", "label", "group", "config")
        if (value := getattr(options, name))
        for part in (f"--{name}", value)
    ]
    flags += ["--trials", str(options.trials), "--max-epochs", str(options.max_epochs), "--seed", str(options.seed)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        storage, elsewhere, log = Path(place, "runs"), Path(place, "elsewhere"), Path(place, "log")
        whole, cut = SearchFolder(storage / "whole"), SearchFolder(storage / "cut")

        def begin(folder: SearchFolder) -> list[str]:
            return topknot("search", "--name", folder.name, "--storage", str(storage), *flags)

        life = undisturbed(begin(whole), whole, log)
        print(f"Undisturbed: {life.start:.1f} s to the first report, {life.among:.1f} s of trials, {life.end:.1f} s to the end")
        print(f"\nSeed {options.seed}:\n")
        runs = disturbed(begin(cut), cut, options.trials, draw_instants(options.kills, options.seed), life, log)
        kills, lost = sum(run.killed for run in runs), sum(run.seconds for run in runs) - sum(life)
        print(f"\n{kills} kills, {lost:.0f} s lost in all, {lost / max(kills, 1):.1f} s a kill")
        wrong = amiss(whole, options.trials) + amiss(cut, options.trials)
        if options.extend:
            moved = SearchFolder(elsewhere / "moved")
            shutil.copytree(cut.path, moved.path)
            shutil.rmtree(storage)
            print(f"\nMoved, and to go on with {options.extend} more trials:\n")
            extend = topknot("resume", moved.name, "--storage", str(elsewhere), "--trials", str(options.extend))
            total = options.trials + options.extend
            disturbed(extend, moved, total, [Instant(START, 0.8)], life, log)
            wrong += amiss(moved, total)
    print("\n" + "\n".join(wrong or ["Nothing is amiss"]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
