"""What does a training step cost Topknot, plain Keras, the dense top-k loss and PyTorch, on one thread?

    python benchmarks/step.py
    python benchmarks/step.py --profiles 60 --units 64 --batches 256

Each contender trains the same network (embedding of 64, one LSTM, 20 classes, vocabulary of 20,000, Adam, no dropout) on
the same synthetic texts, log-normal in length, cut at 3,000 tokens:

- Topknot, as `model.training` does in an epoch: batches of like length, the hardest k of B trained on;
- Keras `fit` on texts padded on the left to the 99th percentile of the lengths, and to the maximum;
- dense top-k: Keras `fit` with `model.losses.TopKLoss` on Topknot's batches;
- PyTorch, padded to the 99th percentile. Run with a CPU build of torch installed, or it is left out.

A speed is in real tokens (those that the contender reads, padding not counted) a CPU second of the whole process.
Compiling, the first step, and what a `fit` costs before its steps are not counted. Contenders take turns, each in a
process of its own; figures are medians over the rounds. Results are merged into FOLDER/step.json; the tables are printed.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from contenders.cells import FLOATS_PER_UNIT, Group, measure
from contenders.tables import key_of, tables


def main() -> None:
    options = _options()
    groups = [
        Group(
            median=median,
            units=units,
            batches=options.batches,
            fractions=options.fractions,
            only=options.only,
            rounds=options.rounds,
            share_of_memory=options.memory,
        )
        for median in options.profiles
        for units in options.units
    ]
    path = options.results / "step.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    run = _run()
    started, done = time.monotonic(), 0.0
    for number, group in enumerate(groups, 1):
        _merge(path, [asdict(cell) for cell in measure(group)], run)
        done += _weight(group)
        minutes = (time.monotonic() - started) / 60
        left = minutes * (sum(map(_weight, groups)) / done - 1)
        print(
            f"{number} of {len(groups)}: {group.median} words, {group.units} units; {minutes:.1f} minutes, "
            f"about {left:.0f} to go",
            file=sys.stderr,
            flush=True,
        )
    if path.exists():
        print(tables(json.loads(path.read_text(encoding="utf-8"))["cells"]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = tuple(FLOATS_PER_UNIT)
    parser.add_argument("--profiles", type=_several(int), default=(6, 60, 600), help="median words of a text")
    parser.add_argument("--units", type=_several(int), default=(16, 64, 128))
    parser.add_argument("--batches", type=_several(int), default=(128, 256, 512))
    parser.add_argument("--fractions", type=_several(Fraction), default=_several(Fraction)("1/16,1/4,1/2,1"), help="k/B")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="CONTENDER", help="; ".join(names))
    parser.add_argument("--memory", type=float, default=0.6, help="share of the available memory a contender may take")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    return parser.parse_args()


def _several(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(kind(part) for part in text.split(","))


def _weight(group: Group) -> float:
    """Guesses how long a group takes, against others; only the time left is told by it."""
    return (30 + group.median * (group.units + 16) / 64) * sum(group.batches)


def _run() -> dict[str, Any]:
    model = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    arguments = sys.argv[1:]
    if "--results" in arguments:  # where it was written is nobody's business
        at = arguments.index("--results")
        del arguments[at : at + 2]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": shlex.join(["python", "benchmarks/step.py", *arguments]),
        "hardware": {
            "processor": model[0] if model else platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        },
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in ("tensorflow", "keras", "torch")},
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _merge(path: Path, cells: list[dict[str, Any]], run: dict[str, Any]) -> None:
    """Puts cells in the place of those measured earlier, each with the run that it comes of."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": [], "cells": []}
    runs = [*stored["runs"], run] if run not in stored["runs"] else stored["runs"]
    merged = {key_of(cell): cell for cell in stored["cells"]}
    merged |= {key_of(cell): cell | {"run": runs.index(run)} for cell in cells}
    ordered = [merged[key] for key in sorted(merged, key=lambda key: (*key[:4], Fraction(key[4] or 0)))]
    used = sorted({cell["run"] for cell in ordered})
    for cell in ordered:
        cell["run"] = used.index(cell["run"])
    stored = {"runs": [runs[index] for index in used], "cells": ordered}
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
