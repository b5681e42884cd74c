"""Does any input make anything but a right result or one clear error?

    python benchmarks/fuzz.py                                          # make fuzz: 119,000 inputs
    python benchmarks/fuzz.py --seed 7 --scale 0.1 --only searches     # a tenth of the searches, of another seed
    python benchmarks/fuzz.py --only ".csv damaged" --again 0:1234     # one input again, as it was printed

Each input comes of the reader's name, the seed and the input's number alone (`fuzzing.readers`). Readers run in a process
each: one that takes more than 20 s for an input, or ends, is counted as a crash, and another goes on behind that input. Folders
are broken copies of a classifier, an ensemble and a search that are trained first. The table is kept in FOLDER/fuzz.json. Ends
with 1 if anything crashed.
"""

import argparse
import json
import logging
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "RAY_USAGE_STATS_ENABLED": "0"}

from fuzzing.folders import make_classifiers, make_search
from fuzzing.readers import READERS, SHARES, Case, folder_readers
from fuzzing.sizes import LARGE, large_readers

from data.errors import InputError

SECONDS = 20.0
"""For one input, at most; those of `fuzzing.sizes` have ten times as long."""


@dataclass
class Row:
    """What became of a reader's inputs.

    Attributes:
        reader: Its name.
        tried, accepted, refused: Inputs; those that are neither are crashes.
        crashes: What each came to, with what makes it again.
        seconds: All together.
        slowest: Seconds of the slowest input, and its number.
        memory: MiB by which the reader's process grew at most, after its first 20 inputs where they are small.
    """

    reader: str
    tried: int = 0
    accepted: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    memory: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of inputs [1]")
    parser.add_argument("--only", action="append", metavar="READER", help="part of a reader's name; may be given again [all]")
    parser.add_argument("--again", metavar="SEED:NUMBER", help="run one input of the reader, here, with its traceback")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    options = parser.parse_args()
    names = [name for name in [*SHARES, *LARGE] if not options.only or any(part in name for part in options.only)]
    with tempfile.TemporaryDirectory(prefix="topknot-fuzz-") as folder:
        made = Path(folder)
        if {"classifiers", "ensembles"} & {*names}:
            run_apart(make_classifiers, made)
        if "searches" in names:
            make_search(made / "storage")
        if options.again:
            seed, number = map(int, options.again.split(":"))
            readers(made)[names[0]](source(names[0], seed, number), scratch(made))
            print("accepted")
            return 0
        head = ("reader", "inputs", "accepted", "refused", "crashes", "seconds", "slowest", "MiB")
        print(f"seed {options.seed}\n\n| {' | '.join(head)} |\n{'|---' * len(head)}|")
        rows = []
        for name in names:
            count = 1 if name in LARGE else max(1, round(SHARES[name] * options.scale))
            rows.append(row := fuzz(name, options.seed, count, made))
            print(line(row), flush=True)
            for crash in row.crashes[:10]:
                print(f"    {crash}", flush=True)
        print(line(total(rows)))
    if not options.only:
        keep(options.results / "fuzz.json", options.seed, rows)
    return 1 if any(row.crashes for row in rows) else 0


def readers(made: Path) -> dict[str, Case]:
    return READERS | folder_readers(made) | large_readers()


def source(name: str, seed: int, number: int) -> random.Random:
    return random.Random(f"{name} {seed} {number}")


def scratch(made: Path) -> Path:
    folder = made / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def run_apart(function: Any, *arguments: Any) -> None:
    """Runs a function in a process of its own, which alone loads TensorFlow."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__} ended with {process.exitcode}")


def fuzz(name: str, seed: int, count: int, made: Path) -> Row:
    """Runs a reader's inputs, in as many processes as it takes, one after another."""
    row, started, first = Row(name), time.perf_counter(), 0
    limit = SECONDS * 10 if name in LARGE else SECONDS
    while first < count:
        here, there = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=work, args=(name, seed, first, count, made, there))
        process.start()
        there.close()
        trouble = ""
        while first < count and not trouble:
            try:
                if here.poll(limit + 60 * (row.tried == first)):  # imports come before the first
                    outcome, crash, seconds, memory = here.recv()
                else:
                    process.kill()
                    trouble = f"took more than {limit:.0f} s"
            except EOFError:
                process.join()
                trouble = f"ended its process with {process.exitcode}"
            if trouble:
                outcome, crash, seconds, memory = "crashed", trouble, limit, 0.0
            row.tried += 1
            row.accepted += outcome == "accepted"
            row.refused += outcome == "refused"
            if crash:
                row.crashes.append(f"--only {name!r} --again {seed}:{first}: {crash}")
            row.slowest, row.memory = max(row.slowest, (seconds, first)), max(row.memory, memory)
            first += 1
        process.join()
    row.seconds = time.perf_counter() - started
    return row


def work(name: str, seed: int, first: int, count: int, made: Path, told: Connection) -> None:
    """Runs inputs and tells of each: what became of it, of which crash, in how many seconds, and MiB grown."""
    logging.disable()
    case, before = readers(made)[name], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, count):
        folder, started, crash = scratch(made), time.perf_counter(), ""
        try:
            case(source(name, seed, number), folder)
            outcome = "accepted"
        except InputError as error:
            outcome = "refused"
            if not str(error):
                outcome, crash = "crashed", "an error that says nothing"
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome, crash = (
                "crashed",
                f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})",
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if number <= first + 20 and name not in LARGE:
            before = peak
        told.send((outcome, crash, time.perf_counter() - started, (peak - before) / 1024))


def total(rows: Sequence[Row]) -> Row:
    whole = Row("together")
    for row in rows:
        whole.tried, whole.accepted = whole.tried + row.tried, whole.accepted + row.accepted
        whole.refused, whole.seconds = whole.refused + row.refused, whole.seconds + row.seconds
        whole.crashes += row.crashes
        whole.slowest, whole.memory = max(whole.slowest, row.slowest), max(whole.memory, row.memory)
    return whole


def line(row: Row) -> str:
    figures = (
        f"{row.tried:,}",
        f"{row.accepted:,}",
        f"{row.refused:,}",
        len(row.crashes),
        f"{row.seconds:.0f}",
        f"{row.slowest[0]:.1f}",
        f"{row.memory:.0f}",
    )
    return f"| {row.reader} | {' | '.join(map(str, figures))} |"


def keep(path: Path, seed: int, rows: Sequence[Row]) -> None:
    from contest.runs import command, here

    document = here() | {
        "command": command(),
        "seed": seed,
        "readers": [asdict(row) for row in rows],
        "together": asdict(total(rows)),
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
