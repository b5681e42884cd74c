"""Which sampler and which scheduler find the most in equal time?

    python benchmarks/strategies.py                        # the embedded corpus, 90 s a search, 5 seeds
    python benchmarks/strategies.py --data FILE --text COL --label COL --budget 2m
    python benchmarks/strategies.py --only tpe-asha,gp-asha --seeds 2
    python benchmarks/strategies.py --redraw               # table and picture of what was measured before

Each strategy is a `topknot search` of its own on all cores, in an order that rotates with the seed, start-up included, from
the default space, without the portfolio, which would decide short searches by itself. 'The original' draws at random and trains
every draw to the end. What counts is the best full loss on the validation rows so far. `gp` and `hyperopt` are left out, with a
word, where their packages are not installed.

Runs are kept in FOLDER/strategies-CORPUS.json; one of the same strategy and seed is replaced.
"""

import argparse
import importlib.util
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from contest.contenders import run_topknot
from contest.names import among, installed
from contest.runs import Run, add_run, make_run, read_runs

from tune.duration import parse_duration

STRATEGIES = {
    "random-none": ("the original: random, all epochs", ("--sampler", "random", "--scheduler", "none", "--patience", "30")),
    "random-asha": ("random, ASHA", ("--sampler", "random")),
    "tpe-asha": ("TPE, ASHA", ()),
    "hyperopt-asha": ("HyperOpt, ASHA", ("--sampler", "hyperopt")),
    "gp-asha": ("Gaussian process, ASHA", ("--sampler", "gp")),
    "tpe-none": ("TPE, no scheduler", ("--scheduler", "none")),
    "tpe-hyperband": ("TPE, HyperBand", ("--scheduler", "hyperband")),
    "tpe-median": ("TPE, median rule", ("--scheduler", "median")),
    "grace-3": ("TPE, ASHA, grace 3", ("--grace-period", "3")),
    "reduction-2": ("TPE, ASHA, best half goes on", ("--reduction-factor", "2")),
    "reduction-4": ("TPE, ASHA, best quarter goes on", ("--reduction-factor", "4")),
}
COMMON = ("--no-portfolio", "--grace-period", "1")
"""What all searches have, but where a strategy says otherwise."""
NEEDS = {"gp-asha": "torch", "hyperopt-asha": "hyperopt"}
COLUMNS = ("data", "text", "label", "group")
SHARES = (0.33, 0.67, 1.0)
"""Of the budget, at which the table tells the best loss."""


def main() -> None:
    options = read_options()
    flags = [part for name in COLUMNS if (value := getattr(options, name)) for part in (f"--{name}", value)]
    corpus = Path(options.data).stem if options.data else "embedded"
    path = options.results / f"strategies-{corpus}.json"
    if not options.redraw:
        missing = {name: [package] for name, package in NEEDS.items() if not importlib.util.find_spec(package)}
        names = installed(options.only, missing)
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            turn = seed % max(len(names), 1)
            for name in names[turn:] + names[:turn]:
                measure(name, seed, flags, options.budget, path)
    runs = [run for run in read_runs(path) if run.improvements]
    if not runs:
        sys.exit(f"{path} holds no runs; run without --redraw, or with a larger --budget.")
    print(table(runs))
    show(runs, corpus, path.with_suffix(".svg"))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in COLUMNS:
        parser.add_argument(f"--{name}", help="as `topknot search` takes it")
    parser.add_argument("--budget", type=parse_duration, default=90.0, help="wall time of a search [90s]")
    parser.add_argument("--seeds", type=int, default=5, help="how many [5]")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them [0]")
    parser.add_argument(
        "--only", type=among(STRATEGIES, "strategy"), default=list(STRATEGIES), metavar="NAME,...", help=", ".join(STRATEGIES)
    )
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print and draw what is stored")
    return parser.parse_args()


def measure(name: str, seed: int, flags: Sequence[str], budget: float, path: Path) -> None:
    """Runs one search and writes down what it came to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        curve = run_topknot([*flags, *COMMON, *STRATEGIES[name][1]], budget, seed, Path(folder))
    run = make_run(name, seed, budget, curve)
    add_run(path, run, list(STRATEGIES))
    print(f"seed {seed}, {name}: {run.trials} trials, {run.epochs} epochs, best {run.best}", file=sys.stderr, flush=True)


def table(runs: Sequence[Run]) -> str:
    """Tells each strategy's best losses as median (lowest to highest over the seeds), and how often it beat the default."""
    default = {run.seed: run for run in runs if run.contender == "tpe-asha"}
    heads = " | ".join(f"after {share:.0%} of the time" for share in SHARES)
    lines = [f"| strategy | seeds | trials | epochs | {heads} | better than the default |", "|---|---|---|---|---|---|---|---|"]
    for name, (title, _) in STRATEGIES.items():
        mine = [run for run in runs if run.contender == name]
        if not mine:
            continue
        cells = [title, str(len(mine)), f"{statistics.median(run.trials for run in mine):g}"]
        cells.append(f"{statistics.median(run.epochs for run in mine):g}")
        for share in SHARES:
            losses = sorted(run.best_at(share * run.budget) for run in mine)
            cells.append(f"{statistics.median(losses):.4f} ({losses[0]:.3f}-{losses[-1]:.3f})")
        pairs = [(run.best or math.inf, default[run.seed].best or math.inf) for run in mine if run.seed in default]
        wins = sum(ours < theirs for ours, theirs in pairs)
        cells.append("" if name == "tpe-asha" else f"{wins} of {len(pairs)}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def show(runs: list[Run], corpus: str, path: Path) -> None:
    try:
        from contest.picture import draw
    except ImportError:
        print("No picture was drawn: uv pip install matplotlib", file=sys.stderr)
        return
    draw(runs, {name: title for name, (title, _) in STRATEGIES.items()}, corpus, path)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
