"""How many seconds of a trial are not training, and how does the driver's memory grow with the trials?

Topknot's machinery against plain Ray Tune as its documentation writes it, both on a training that takes no time: the same
space, the same made-up losses, ASHA, Optuna. Every search runs in a process of its own, the sides in turn.

python benchmarks/overhead.py
python benchmarks/overhead.py --trials 100 --rounds 1 --only topknot --memory-trials 0 --profile
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

SEARCH = Path(__file__).with_name("overhead_search.py")
PARTS = ("ask", "tell", "journal", "files", "wait")


def measure_apart(options: argparse.Namespace, side: str, sampler: str, trials: int) -> dict[str, Any]:
    """Runs one search in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, str(SEARCH), str(file), side, sampler, str(trials), str(options.workers)]
        command += ["--profile"] if options.profile else []
        environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, check=False
        )
        if done.returncode:
            sys.exit(done.stderr)
        figures: dict[str, Any] = json.loads(file.read_text())
    print(figures.pop("profile", ""), end="")
    print(f"{side}, {sampler}, {trials} trials: {figures['seconds']:.1f} s", flush=True)
    return figures


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """Returns what stands beside every figure."""
    models = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": f"{len(os.sched_getaffinity(0))} cores of {models[0] if models else 'unknown'}, {memory:.0f} GiB",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("topknot", "ray", "optuna")},
        "command": " ".join(["python", "benchmarks/overhead.py", *sys.argv[1:]]),
        "workers": options.workers,
    }


def tables(entries: list[dict[str, Any]]) -> None:
    """Prints what is stored, each figure the median of its rounds."""
    print("\nSeconds a trial are worker-seconds: those of the Tune run x workers / trials. The parts are the driver's, by wall")
    print("clock, in ms a trial; waiting for workers holds their start, and what is left is Tune's loop.\n")
    print(
        "| side | sampler | trials | start of Ray, s | run, s | to first trial's end, s | seconds a trial | reports a trial |",
        end="",
    )
    print(" " + " | ".join(PARTS) + " | loop |\n|" + "---|" * (9 + len(PARTS)))
    for entry in entries:
        rounds, trials = entry["rounds"], entry["trials"]
        middle = {key: statistics.median(one[key] for one in rounds) for key in ("start_seconds", "seconds", "reports")}
        first = statistics.median(one["marks"][1][1] for one in rounds)
        own = {part: statistics.median(one["parts"].get(part, 0.0) for one in rounds) for part in PARTS}
        own["loop"] = statistics.median(one["seconds"] - sum(one["parts"].values()) for one in rounds)
        cells = [entry["side"], entry["sampler"], f"{trials:,}", f"{middle['start_seconds']:.1f}", f"{middle['seconds']:.1f}"]
        cells += [f"{first:.1f}", f"{middle['seconds'] * entry['workers'] / trials:.2f}", f"{middle['reports'] / trials:.1f}"]
        print("| " + " | ".join([*cells, *(f"{value / trials * 1000:.1f}" for value in own.values())]) + " |")
    print(
        "\n| side | sampler | trials | ended | run so far, s | seconds a trial of the last 100 | driver, MiB |\n|" + "---|" * 7
    )
    for entry in entries:
        for before, (done, at, resident) in itertools.pairwise(entry["rounds"][0]["marks"]):
            if done % max(100, entry["trials"] // 10) == 0 and done > before[0]:  # ten lines a search at most
                a_trial = (at - before[1]) * entry["workers"] / (done - before[0])
                row = (entry["side"], entry["sampler"], f"{entry['trials']:,}", f"{done:,}", f"{at:.1f}", f"{a_trial:.3f}")
                print("| " + " | ".join(row) + f" | {resident:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", default="10,100,1000")
    parser.add_argument("--memory-trials", type=int, default=5000, help="of one run a side, with the first sampler; 0: none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sampler", default="tpe,random", help="tpe as users have it")
    parser.add_argument("--only", default="topknot,ray")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--profile", action="store_true", help="print the driver's profile; figures are not stored")
    options = parser.parse_args()
    sides, samplers = options.only.split(","), options.sampler.split(",")
    cases = list(itertools.product(samplers, map(int, options.trials.split(","))))
    plan = [(*case, side) for round_ in range(options.rounds) for case in cases for side in sides[:: -1 if round_ % 2 else 1]]
    plan += [(samplers[0], options.memory_trials, side) for side in sides if options.memory_trials]
    file = options.results / "overhead.json"
    stored = {key(entry): entry for entry in json.loads(file.read_text())} if file.exists() else {}
    rounds: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for sampler, trials, side in plan:
        entry = {"side": side, "sampler": sampler, "trials": trials, **circumstances(options)}
        rounds.setdefault(key(entry), []).append(measure_apart(options, side, sampler, trials))
        if not options.profile:
            stored[key(entry)] = entry | {"rounds": rounds[key(entry)]}
            options.results.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(list(stored.values()), indent=1) + "\n")
    tables(sorted(stored.values(), key=key))


def key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["sampler"], entry["trials"], entry["side"], entry["workers"]


if __name__ == "__main__":
    main()
