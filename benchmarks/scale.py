"""How many workers can one driver keep busy, and what do so many workers buy?

    python benchmarks/scale.py --curves SEARCH --storage runs          # whole curves of a finished search, replayed
    python benchmarks/scale.py --redraw                                # the table and picture of what was measured before

Topknot's own sampler, study (a journal on disk) and scheduler decide, as in a search. Trials are virtual: each takes the
learning curve, losses and seconds, of the recorded trial whose hyperparameters are most like its own; time passes in the
books alone. A driver that is busy lets workers wait: what its decisions took in CPU seconds passes in virtual time, too, one
after another, and with them what Ray Tune itself takes of the driver for a trial (RAY_SECONDS, measured by overhead.py with
trials of nothing). Told are, for each number of workers: the trials that the driver got done in a second; when the last
worker got its first trial, and the share of the time after that in which workers computed; the virtual time to the target (1%
above the lowest loss recorded), and the best loss at the end. A replay finds nothing better than what was recorded.

A setting ends after VIRTUAL seconds, or when the driver's decisions have taken --budget seconds, or A_WORKER for each worker
where that is more.
"""

import argparse
import heapq
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # CPU seconds of one thread are what the driver has

import numpy as np
import optuna
from contest.runs import here
from optuna.trial import TrialState

from tune.outcome import podium
from tune.record import Proposal, Record
from tune.samplers import make_sampler
from tune.scheduler import EndedTrial, make_scheduler
from tune.searcher import NUMBER
from tune.searches import find_search
from tune.settings import Settings
from tune.space import Space
from tune.study import create_study
from tune.written_space import parse_space

WORKERS = (1, 4, 16, 64, 256, 1_000, 10_000)
SAMPLERS = ("tpe", "random")
RAY_SECONDS = 0.028
"""Of the driver, for each trial: 2,000 trials of nothing in 56 s (docs/profile.md)."""
A_WORKER = 0.05
"""CPU seconds that the driver may at least spend for each worker: handing out the first trials must not take all it has."""
TARGET = 1.01
VIRTUAL = 600.0


class Curve(NamedTuple):
    """A trial's hyperparameters, and of each epoch the metrics."""

    hparams: dict[str, Any]
    epochs: Sequence[dict[str, float]]


class Curves:
    """Recorded trials, to be found by their hyperparameters."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        self.curves = curves
        columns: dict[str, list[Any]] = {name: [curve.hparams[name] for curve in curves] for name in curves[0].hparams}
        self._numbers = [
            n for n, v in columns.items() if all(isinstance(x, int | float) and not isinstance(x, bool) for x in v)
        ]
        self._others = [name for name in columns if name not in self._numbers]
        logs = np.array([[self._log(curve.hparams[name]) for name in self._numbers] for curve in curves])
        self._spread = np.where(np.ptp(logs, axis=0) > 0, np.ptp(logs, axis=0), 1)
        self._places = logs / self._spread
        self._names = np.array([[repr(curve.hparams[name]) for name in self._others] for curve in curves])

    def like(self, hparams: dict[str, Any]) -> Curve:
        place = np.array([self._log(hparams[name]) for name in self._numbers]) / self._spread
        names = np.array([repr(hparams[name]) for name in self._others])
        away = np.abs(self._places - place).sum(axis=1) + (self._names != names).sum(axis=1)
        return self.curves[int(away.argmin())]

    @staticmethod
    def _log(value: float) -> float:
        return float(np.sign(value) * np.log1p(abs(value) * 1e4))


class Driver:
    """Decides as a search does, and counts the CPU seconds that it takes."""

    def __init__(self, folder: Path, space: Space, settings: Settings) -> None:
        study = create_study(folder, "scale")
        study.sampler = make_sampler(settings.sampler, 0, 0, space)
        self._record = Record(study, space, None, podium([], settings.keep))
        self._settings, self._scheduler = settings, make_scheduler(settings, [])
        self._trials: dict[int, Any] = {}
        self.seconds, self.ended = 0.0, 0

    def propose(self) -> tuple[float, Proposal]:
        start = time.process_time()
        proposal = self._record.propose()
        assert proposal
        trial: Any = EndedTrial(str(proposal.number), {NUMBER: proposal.number})
        self._trials[proposal.number] = trial
        self._scheduler.on_trial_add(None, trial)
        return self._took(start), proposal

    def report(self, number: int, epoch: int, metrics: dict[str, float], *, last: bool) -> tuple[float, bool]:
        start = time.process_time()
        result = metrics | {"epoch": epoch}
        self._record.report(number, result)
        goes_on = not last and self._scheduler.on_trial_result(None, self._trials[number], result) == "CONTINUE"
        if not goes_on:
            self._record.end(number, TrialState.COMPLETE if last else TrialState.PRUNED, "all" if last else "stopped")
            del self._trials[number]
            self.ended += 1
        return self._took(start), goes_on

    def _took(self, start: float) -> float:
        taken = time.process_time() - start
        self.seconds += taken
        return taken


def simulate(curves: Curves, space: Space, settings: Settings, workers: int, budget: float) -> dict[str, Any]:
    target = TARGET * min(epoch["loss"] for curve in curves.curves for epoch in curve.epochs)
    with tempfile.TemporaryDirectory() as temporary:
        driver = Driver(Path(temporary), space, settings)
        free = 0.0  # when the driver is
        best, reached, now = float("inf"), None, 0.0
        begun: dict[int, float] = {}  # when each worker got its first trial
        epochs: list[tuple[float, float]] = []  # when they were computed
        clocks: list[tuple[float, int, Proposal | None, Curve | None, int]]
        clocks = [(0.0, worker, None, None, 0) for worker in range(workers)]
        heapq.heapify(clocks)
        while clocks:
            now, worker, proposal, curve, epoch = heapq.heappop(clocks)
            if now > VIRTUAL or driver.seconds > budget:
                break
            goes_on, begin = False, max(now, free)
            if proposal is not None and curve is not None:
                metrics = curve.epochs[epoch - 1]
                if metrics["loss"] < best:
                    best = metrics["loss"]
                    if best <= target and reached is None:
                        reached = now
                last = epoch == min(len(curve.epochs), settings.max_epochs)
                took, goes_on = driver.report(proposal.number, epoch, metrics, last=last)
                begin += took
            if not goes_on:
                took, proposal = driver.propose()
                begin, curve, epoch = begin + took + RAY_SECONDS, curves.like(proposal.hparams.to_dict()), 0
            free = begin
            assert curve
            begun.setdefault(worker, begin)
            epochs.append((begin, begin + curve.epochs[epoch]["seconds"]))
            heapq.heappush(clocks, (begin + curve.epochs[epoch]["seconds"], worker, proposal, curve, epoch + 1))
    virtual = max(min(now, VIRTUAL), 1e-9)
    ramp = max(begun.values()) if len(begun) == workers else virtual
    starts, ends = np.array(epochs).T
    computed = float(np.maximum(0, np.minimum(ends, virtual) - np.maximum(starts, ramp)).sum())
    return {
        "workers": workers,
        "sampler": settings.sampler,
        "virtual_seconds": virtual,
        "trials": driver.ended,
        "per_second": driver.ended / virtual,
        "driver_milliseconds": 1_000 * (driver.seconds / max(driver.ended, 1) + RAY_SECONDS),
        "ramp": ramp if len(begun) == workers else None,
        "computing": computed / (workers * (virtual - ramp)) if virtual > ramp else None,
        "reached": reached,
        "best": best,
        "cut": driver.seconds > budget,
    }


def read_curves(storage: Path, name: str) -> tuple[Curves, Space, float]:
    """Reads the trials of a search that came to their own ends, and its space; and what a trial takes, on the average."""
    folder = find_search(storage, name)
    whole = [trial for trial in folder.trials() if trial.state == "complete"]
    curves = [Curve(trial.hparams, trial.epochs) for trial in whole]
    seconds = statistics.fmean(sum(epoch["seconds"] for epoch in curve.epochs) for curve in curves)
    return Curves(curves), parse_space(folder.settings().written_space()), seconds


def table(rows: Sequence[dict[str, Any]]) -> str:
    columns = ("sampler", "workers", "trials done", "a second", "driver, ms a trial", "all begun, s", "then compute")
    head = f"| {' | '.join([*columns, 'target after, s', 'best loss'])} |\n|{'---|' * 9}"
    lines = [
        f"| {row['sampler']} | {row['workers']:,} | {row['trials']:,}{' (cut)' if row['cut'] else ''} "
        f"| {row['per_second']:.2f} "
        f"| {row['driver_milliseconds']:.0f} | {told(row['ramp'], 1)} | {told(row['computing'], 2)} "
        f"| {told(row['reached'], 1)} | {row['best']:.4f} |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def told(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        print("matplotlib is not installed: there is no new picture.")
        return

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for sampler in dict.fromkeys(row["sampler"] for row in rows):
        those = [row for row in rows if row["sampler"] == sampler and row["trials"]]
        workers = [row["workers"] for row in those]
        left.plot(workers, [row["per_second"] for row in those], marker="o", markersize=4, label=sampler)
        busy = [(row["workers"], row["computing"]) for row in those if row["computing"] is not None]
        right.plot(*zip(*busy, strict=True), marker="o", markersize=4, label=sampler)
    for axes, title in (
        (left, "trials that the driver gets done a second"),
        (right, "share of the time that workers compute"),
    ):
        axes.set(xscale="log", xlabel="workers", title=title)
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25)
    left.set_yscale("log")
    right.set_ylim(0, 1.02)
    left.legend(frameon=False, loc="lower right")
    plt.rcParams["svg.hashsalt"] = "topknot"
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", metavar="SEARCH", help="a finished search, whose whole curves are replayed")
    parser.add_argument("--storage", type=Path, default=Path("runs"))
    parser.add_argument("--budget", type=float, default=60.0, help="CPU seconds of the driver in a setting [60]")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print and draw what is stored")
    options = parser.parse_args()
    path = options.results / "scale.json"
    if not options.redraw:
        if not options.curves:
            parser.error("--curves SEARCH: name a finished search whose curves are to be replayed")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        curves, space, seconds = read_curves(options.storage, options.curves)
        print(f"{len(curves.curves)} curves, {seconds:.1f} s each on the average", flush=True)
        rows = []
        for sampler in SAMPLERS:
            settings = Settings(sampler=sampler, grace_period=1)
            for workers in WORKERS:
                rows.append(simulate(curves, space, settings, workers, max(options.budget, A_WORKER * workers)))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
        about = here() | {"curves": len(curves.curves), "seconds_of_a_curve": seconds}
        path.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")
    rows = json.loads(path.read_text())["rows"]
    print(table(rows))
    draw(rows, path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
