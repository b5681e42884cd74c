"""What do more nodes cost the driver of a search?

Trials that take no time, on four workers: those of one node, and those of four; all nodes on this machine, at loopback
addresses of their own, the two in turn. Prints medians.

    python benchmarks/nodes.py
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cluster.ray_nodes import Nodes
from contest.runs import command, here

SEARCH = Path(__file__).with_name("overhead_search.py")
WORKERS = 4


def measure(nodes: int, trials: int, sampler: str) -> dict[str, Any]:
    """Runs a search on a cluster of so many nodes beside its head; returns its figures."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "token").write_text(secrets.token_hex(16))
        with Nodes(folder, folder / "token", {}, jobs=False) as cluster:
            for _ in range(nodes):
                cluster.add(cpus=WORKERS // nodes).await_ready()
            file = folder / "figures.json"
            line = [sys.executable, SEARCH, file, "topknot", sampler, trials, WORKERS, "--address", cluster.address]
            subprocess.run([*map(str, line)], env=cluster.environment, stdout=subprocess.DEVNULL, check=True)
            figures: dict[str, Any] = json.loads(file.read_text())
    marks = {done: at for done, at, _ in figures["marks"]}
    return {
        "trials_a_second": (trials - 100) / (figures["seconds"] - marks[100]),  # those before hold the workers' start
        "driver_cpu_ms_a_trial": 1000 * figures["cpu_seconds"] / trials,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[int, list[dict[str, Any]]] = {1: [], 4: []}
    for round_ in range(options.rounds):
        for nodes in (1, 4)[:: -1 if round_ % 2 else 1]:
            found[nodes].append(measure(nodes, options.trials, options.sampler))
            print(nodes, json.dumps(found[nodes][-1]), flush=True)
    print("\n| nodes | workers | trials a second | driver, CPU ms a trial |\n|---|---|---|---|")
    for nodes, rounds in found.items():
        middle = {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}
        print(f"| {nodes} | {WORKERS} | {middle['trials_a_second']:.1f} | {middle['driver_cpu_ms_a_trial']:.0f} |")
    document = here() | {"command": command(), "trials": options.trials, "sampler": options.sampler, "rounds": found}
    (Path(__file__).parent / "results" / "nodes.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    main()
