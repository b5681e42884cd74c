"""What the runs came to: kept in one JSON file a corpus, and told as a table."""

import json
import math
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from contest.contenders import CONTENDERS, LSTM_ALONE, TOPKNOT, UNINFORMED, Epoch

from tune.cluster import cores

OURS = {TOPKNOT: "Topknot", LSTM_ALONE: "LSTM alone", UNINFORMED: "without portfolio"}
"""Whose times to another's best a table tells, by what they are called in its head."""
PACKAGES = ("topknot", "tensorflow", "keras", "ray", "optuna", "keras-tuner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contender's search with one seed.

    Attributes:
        contender: A key of `CONTENDERS`, or of another benchmark's.
        seed: Of the split and of the search.
        date: When it ended.
        budget: Its wall seconds, start-up included.
        hardware: Processor and cores.
        versions: Of Python and the packages.
        trials: Configurations that came to an epoch's end.
        epochs: Epochs reported within the budget.
        improvements: Seconds since the launch and loss, of each epoch that was better than all before it.
        best: The last of these losses; None if no epoch came to its end.
    """

    contender: str
    seed: int
    date: str
    budget: float
    hardware: str
    versions: dict[str, str]
    trials: int
    epochs: int
    improvements: list[tuple[float, float]]
    best: float | None

    def best_at(self, second: float) -> float:
        """Returns the best loss up to a second; infinite if there was none."""
        return min((loss for seconds, loss in self.improvements if seconds <= second), default=math.inf)

    def passed(self, loss: float) -> float:
        """Returns the second at which the best loss so far was this one or lower; infinite if never."""
        return next((seconds for seconds, reached in self.improvements if reached <= loss), math.inf)


def make_run(contender: str, seed: int, budget: float, curve: Sequence[Epoch]) -> Run:
    """Makes a run of a contender's curve."""
    better = improvements(curve)
    return Run(
        contender=contender,
        seed=seed,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        budget=budget,
        hardware=hardware(),
        versions=versions(),
        trials=len({epoch.trial for epoch in curve}),
        epochs=len(curve),
        improvements=better,
        best=better[-1][1] if better else None,
    )


def improvements(curve: Iterable[Epoch]) -> list[tuple[float, float]]:
    """Returns seconds and loss of the epochs that were better than all before them."""
    better: list[tuple[float, float]] = []
    for epoch in sorted(curve, key=lambda epoch: epoch.seconds):
        if epoch.loss < (better[-1][1] if better else math.inf):
            better.append((round(epoch.seconds, 2), round(epoch.loss, 5)))
    return better


def read_runs(path: Path) -> list[Run]:
    """Reads the runs that a file holds; none if there is no file."""
    return [Run(**run) for run in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def add_run(path: Path, run: Run, order: Sequence[str] = tuple(CONTENDERS)) -> list[Run]:
    """Writes a run into a file, in the place of one of the same contender and seed; returns all that it holds now."""
    others = [other for other in read_runs(path) if (other.contender, other.seed) != (run.contender, run.seed)]
    runs = sorted([*others, run], key=lambda run: (order.index(run.contender), run.seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n", encoding="utf-8")
    return runs


def table(runs: Sequence[Run]) -> str:
    """Tells medians over seeds; Topknot's searches are compared with each run on the split that both had."""
    ours = {name: found for name in OURS if (found := {run.seed: run for run in runs if run.contender == name})}
    heads = ["contender", "seeds", "trials", "epochs", "best validation loss", "reached at"]
    for name in ours:
        heads += [f"{OURS[name]} passed it at", "of its time"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, contender in CONTENDERS.items():
        mine = [run for run in runs if run.contender == name and run.best is not None]
        if not mine:
            continue
        cells = [
            contender.title,
            str(len(mine)),
            f"{median(run.trials for run in mine):g}",
            f"{median(run.epochs for run in mine):g}",
            f"{median(run.best for run in mine if run.best is not None):.3f}",
            f"{median(run.improvements[-1][0] for run in mine):.0f} s",
        ]
        for own, found in ours.items():
            cells += ["", ""] if own == name else _passed(mine, found)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _passed(runs: Sequence[Run], by: Mapping[int, Run]) -> list[str]:
    """Tells when the runs' best losses were passed by searches with their seeds, and after which share of the runs' time."""
    passed = [(by[run.seed].passed(run.best), run.budget) for run in runs if run.seed in by and run.best is not None]
    if not passed:
        return ["not run", ""]
    seeds = f" ({len(passed)} of {len(runs)} seeds)" if len(passed) < len(runs) else ""
    told = [_seconds(median(seconds for seconds, _ in passed)), _share(median(seconds / budget for seconds, budget in passed))]
    return [told[0] + seeds, told[1]]


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if math.isfinite(value) else "never"


def _share(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""


def here() -> dict[str, Any]:
    """Returns what every answer says of when and where it was found."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "hardware": hardware(), "versions": versions()}


def command() -> str:
    """Returns how this script was called."""
    return f"python benchmarks/{' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}"


def hardware() -> str:
    """Names the processor, as Linux has it, and counts its cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    processor = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())
    return f"{processor}, {cores()} cores"


def versions() -> dict[str, str]:
    """Returns those of Python and of the packages that the figures depend on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
