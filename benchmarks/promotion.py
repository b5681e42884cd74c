"""Does it pay to go on with trials that were paused, or to let weak ones be stopped for good? With which rungs?

    python benchmarks/promotion.py --record 10m                       # records whole curves of random trials, then replays them
    python benchmarks/promotion.py --record 10m --data FILE --text COL --label COL
    python benchmarks/promotion.py --data FILE                        # replays what was recorded

Recording is a `topknot search` with the random sampler and no scheduler: every trial's validation loss and seconds, epoch by
epoch, until it gets no better. A replay draws trials from these at random, with replacement, and lets two simulated workers
train them in virtual time under a scheduler: Topknot's own, or promotion (asynchronous successive halving as Li et al., MLSys
2020, have it: a trial that reached a rung waits, and the best part of a rung goes on whenever a worker is free). What counts is
the best loss so far. A switch from one trial to another costs what starting a trial costs.
"""

import argparse
import heapq
import itertools
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from tune.duration import parse_duration
from tune.outcome import read_trials
from tune.scheduler import EndedTrial, make_scheduler
from tune.searcher import NUMBER
from tune.settings import Settings
from tune.study import open_study

WORKERS = 2
SWITCH_SECONDS = 0.1
SEED = 0
COLUMNS = ("data", "text", "label", "group")
RUNGS = ((1, 3), (3, 3), (1, 2), (1, 4))
"""Grace periods and reduction factors."""
EARLY = (1, 2, 3, 5, 9)
"""Epochs after which trials are ranked."""


class Curve(NamedTuple):
    """A trial's validation losses and the seconds that each took."""

    losses: list[float]
    seconds: list[float]


class Job(NamedTuple):
    """A trial to train up to an epoch, at most."""

    trial: int
    until: int


@dataclass
class Stopping:
    """Topknot's scheduler: decides after each epoch."""

    settings: Settings
    scheduler: Any = None
    started: Iterator[int] = field(default_factory=itertools.count)
    trials: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scheduler = make_scheduler(self.settings, [])

    def next_job(self) -> Job:
        number = next(self.started)
        self.trials[number] = EndedTrial(str(number), {NUMBER: number})
        self.scheduler.on_trial_add(None, self.trials[number])
        return Job(number, self.settings.max_epochs)

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        if epoch == self.settings.max_epochs:
            return False
        return bool(self.scheduler.on_trial_result(None, self.trials[trial], {"epoch": epoch, "loss": loss}) == "CONTINUE")


@dataclass
class Promotion:
    """Pauses each trial at each rung, and takes up the best of those that wait."""

    settings: Settings
    started: Iterator[int] = field(default_factory=itertools.count)
    target: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        epochs, self.rungs = self.settings.grace_period, dict[int, dict[int, float]]()
        while epochs < self.settings.max_epochs:
            self.rungs[epochs] = {}
            epochs *= self.settings.reduction_factor
        self.promoted: set[tuple[int, int]] = set()

    def next_job(self) -> Job:
        above = self.settings.max_epochs
        for epochs in sorted(self.rungs, reverse=True):
            rung = self.rungs[epochs]
            best = sorted(rung, key=rung.__getitem__)[: len(rung) // self.settings.reduction_factor]
            for trial in best:
                if (trial, epochs) not in self.promoted:
                    self.promoted.add((trial, epochs))
                    self.target[trial] = above
                    return Job(trial, above)
            above = epochs
        trial = next(self.started)
        self.target[trial] = self.settings.grace_period
        return Job(trial, self.settings.grace_period)

    def goes_on(self, trial: int, epoch: int, loss: float) -> bool:
        if epoch in self.rungs:
            self.rungs[epoch][trial] = loss
        return epoch < self.target[trial]


def replay(strategy: Stopping | Promotion, curves: Sequence[Curve], budget: float, rng: np.random.Generator) -> list[float]:
    """Simulates a search; returns the best loss so far at each tenth of the budget."""
    drawn: list[Curve] = []
    done: dict[int, int] = {}
    ends: list[tuple[float, float]] = []
    clocks = [(0.0, worker) for worker in range(WORKERS)]  # when each worker is free, or has come to an epoch's end
    running: dict[int, Job] = {}
    while clocks:
        now, worker = heapq.heappop(clocks)
        if now > budget:
            continue
        job = running.pop(worker, None)
        if job is not None:
            epoch = done[job.trial] = done[job.trial] + 1
            curve = drawn[job.trial]
            loss = curve.losses[epoch - 1]
            ends.append((now, loss))
            if strategy.goes_on(job.trial, epoch, loss) and epoch < len(curve.losses):
                running[worker] = job
                heapq.heappush(clocks, (now + curve.seconds[epoch], worker))
                continue
        job = strategy.next_job()
        while done.get(job.trial, 0) and done[job.trial] >= len(drawn[job.trial].losses):
            job = strategy.next_job()  # it had ended by itself
        if job.trial == len(drawn):
            drawn.append(curves[rng.integers(len(curves))])
            done[job.trial] = 0
        running[worker] = job
        heapq.heappush(clocks, (now + SWITCH_SECONDS + drawn[job.trial].seconds[done[job.trial]], worker))
    return [min((loss for at, loss in ends if at <= budget * tenth / 10), default=math.inf) for tenth in range(1, 11)]


def strategies(epochs: int) -> dict[str, Callable[[], Stopping | Promotion]]:
    made: dict[str, Callable[[], Stopping | Promotion]] = {}
    for grace, factor in RUNGS:
        settings = Settings(max_epochs=epochs, grace_period=grace, reduction_factor=factor)
        rungs = f"grace {grace}, best 1/{factor}"
        made[f"ASHA, stops: {rungs}"] = lambda settings=settings: Stopping(settings)
        made[f"ASHA, pauses and promotes: {rungs}"] = lambda settings=settings: Promotion(settings)
    for scheduler in ("pasha", "hyperband", "median", "none"):
        settings = Settings(max_epochs=epochs, grace_period=RUNGS[0][0], scheduler=scheduler)
        made[scheduler] = lambda settings=settings: Stopping(settings)
    return made


def early_signs(curves: Sequence[Curve]) -> str:
    """Says how the ranking of trials after some epochs agrees with that in the end: Spearman's rank correlation."""
    ends = [min(curve.losses) for curve in curves]
    found = {count: spearmanr([min(curve.losses[:count]) for curve in curves], ends)[0] for count in EARLY}
    return "rank correlation with the end " + ", ".join(f"{value:.2f} after {count}" for count, value in found.items())


def record(flags: Sequence[str], limit: float) -> list[Curve]:
    """Trains random trials to their ends, and returns their curves."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            sys.executable,
            "-m",
            "tune",
            "search",
            *flags,
            "--no-portfolio",
            "--sampler",
            "random",
            "--scheduler",
            "none",
        ]
        subprocess.run([*command, "--time-limit", f"{limit:g}s", "--name", "curves", "--storage", folder], check=True)
        trials = read_trials(open_study(Path(folder) / "curves"))
    ended = [trial for trial in trials if trial.state == "complete"]
    return [Curve([epoch["loss"] for epoch in t.epochs], [epoch["seconds"] for epoch in t.epochs]) for t in ended]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in COLUMNS:
        parser.add_argument(f"--{name}", help="as `topknot search` takes it")
    parser.add_argument("--record", type=parse_duration, metavar="TIME", help="record curves for so long first")
    parser.add_argument("--budget", type=parse_duration, default=300.0, help="virtual time of a search [5m]")
    parser.add_argument("--replays", type=int, default=300, help="of each strategy [300]")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    options = parser.parse_args()
    corpus = Path(options.data).stem if options.data else "embedded"
    path = options.results / f"curves-{corpus}.json"
    if options.record:
        flags = [part for name in COLUMNS if (value := getattr(options, name)) for part in (f"--{name}", value)]
        path.write_text(json.dumps([curve._asdict() for curve in record(flags, options.record)]) + "\n", encoding="utf-8")
    if not path.exists():
        sys.exit(f"There is no {path}; record curves first: --record 10m")
    curves = [Curve(**curve) for curve in json.loads(path.read_text(encoding="utf-8"))]
    lowest = min(min(curve.losses) for curve in curves)
    print(
        f"{len(curves)} curves of {corpus}; the lowest loss is {lowest:.4f}. Median (quartiles) of {options.replays} replays.\n"
    )
    print(f"What the first epochs tell: {early_signs(curves)}.\n")
    print("| scheduler | after 20% of the time | after 50% | after 100% |\n|---|---|---|---|")
    for name, make in strategies(max(len(curve.losses) for curve in curves)).items():
        rng = np.random.default_rng(SEED)
        losses = np.array([replay(make(), curves, options.budget, rng) for _ in range(options.replays)])
        cells = [name]
        for column in (1, 4, 9):
            low, middle, high = statistics.quantiles(losses[:, column], n=4)
            cells.append(f"{middle:.4f} ({low:.4f}-{high:.4f})")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
