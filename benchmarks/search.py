"""Time to target: how soon does Topknot find what others find with the same corpus, search space, cores and time?

    python benchmarks/search.py                                     # the embedded corpus, 10 minutes, 3 seeds
    python benchmarks/search.py --data FILE --text COL --label COL --group COL --budget 30m
    python benchmarks/search.py --budget 60s --seeds 1 --only topknot,optuna_in_process
    python benchmarks/search.py --redraw                            # table and picture of what was measured before

Contenders, each a process of its own on two cores, in an order that rotates with the seed:

- Topknot, by its command line: as it is, a wide branch beside each LSTM, and beginning with a portfolio of configurations
  known to be good on other corpora and on these;
- Topknot without the wide branch and the parts of words (`topknot_lstm_alone`), so that all train the same networks, and
  without the portfolio as well (`topknot_lstm_alone_no_portfolio`), knowing no more than its peers;
- Ray Tune as documented: a function, ASHA, OptunaSearch, two trials at a time with a core each;
- Optuna in one process: TPE, HyperbandPruner;
- KerasTuner's Hyperband;
- the loop of the original notebook: random draws, each trained for 30 epochs on texts padded to the longest.

The peers (benchmarks/peers/) draw from Topknot's default space but for the wide branch and the parts of words, train the same
network of stock Keras layers by `fit` at a constant k, and stop a trial after 4 epochs without improvement, as Topknot does;
the loop stops none. Start-up counts for everybody. Peers are given the corpus read, split and encoded; Topknot's time holds
that, the winner's evaluation and the linear baseline too. What counts is the full loss on all validation rows after
each epoch, trials cut short included. Topknot with its wide branch has two weights of the mixture fitted on those rows after
each epoch, which flatters its loss by about .001 on 1,756 rows (docs/decisions/0007); the others have none.

Runs are kept in FOLDER/search-CORPUS.json; one of the same contender and seed is replaced.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from contest.contenders import CONTENDERS, Epoch, run_peer, run_topknot
from contest.names import among, installed
from contest.runs import Run, add_run, make_run, read_runs, table
from peers.task import write_dataset

from data.dataset import encode_corpus
from data.errors import InputError
from tune.duration import parse_duration
from tune.inputs import Inputs, read_inputs
from tune.settings_file import read_settings

CORES = 2
COLUMNS = ("data", "text", "label", "group")


class Parser(argparse.ArgumentParser):
    """Refuses bad options in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message}\n")


def main() -> None:
    options = read_options()
    flags = {name: value for name in COLUMNS if (value := getattr(options, name)) is not None}
    corpus = Path(flags["data"]).stem if "data" in flags else "embedded"
    path = options.results / f"search-{corpus}.json"
    if not options.redraw:
        names = installed(options.only, {name: contender.missing() for name, contender in CONTENDERS.items()})
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            race(names, seed, flags, options, path)
    runs = read_runs(path)
    if not any(run.best for run in runs):
        sys.exit(f"{path} holds no runs; run without --redraw, or with a larger --budget.")
    print(table(runs))
    show(runs, corpus, path.with_suffix(".svg"))


def read_options() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in COLUMNS:
        parser.add_argument(f"--{name}", help="as `topknot search` takes it")
    parser.add_argument("--budget", type=seconds, default=600.0, help="wall time of a search [10m]")
    parser.add_argument("--topknot-budget", type=seconds, help="wall time of Topknot's [as --budget]")
    parser.add_argument("--seeds", type=positive, default=3, help="how many [3]")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them [0]")
    parser.add_argument(
        "--only", type=among(CONTENDERS, "contender"), default=list(CONTENDERS), metavar="NAME,...", help=", ".join(CONTENDERS)
    )
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print and draw what is stored")
    options = parser.parse_args()
    if options.first_seed < 0:
        parser.error(f"--first-seed must be 0 or more, got {options.first_seed}.")
    return options


def seconds(text: str) -> float:
    try:
        value = float(parse_duration(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no time from 1s to 11d")
    return value


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def race(names: list[str], seed: int, flags: dict[str, Any], options: argparse.Namespace, path: Path) -> None:
    """Lets the contenders search, one after another, on one split."""
    try:
        inputs = read_inputs(read_settings(None, flags | {"seed": seed}))
    except InputError as error:
        sys.exit(str(error))
    if hasattr(os, "sched_setaffinity"):  # what is started from here has these cores and no others
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    turn = seed % len(names) if names else 0
    for name in names[turn:] + names[:turn]:
        budget = options.topknot_budget or options.budget if CONTENDERS[name].flags is not None else options.budget
        print(f"seed {seed}, {name}: {budget:.0f} s", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            curve = compete(name, budget, seed, inputs, flags, Path(folder))
        run = make_run(name, seed, budget, curve)
        add_run(path, run)
        print(f"  {run.trials} trials, {run.epochs} epochs, best {run.best}", file=sys.stderr, flush=True)


def compete(name: str, budget: float, seed: int, inputs: Inputs, flags: dict[str, Any], folder: Path) -> list[Epoch]:
    own = CONTENDERS[name].flags
    if own is not None:
        return run_topknot(
            [*own, *(part for key, value in flags.items() for part in (f"--{key}", value))], budget, seed, folder
        )
    longest = CONTENDERS[name].longest
    split = inputs.dataset.split
    dataset = encode_corpus(inputs.corpus, split, longest)[0] if longest else inputs.dataset
    write_dataset(folder / "corpus.npz", dataset)
    return run_peer(name, folder / "corpus.npz", budget, seed, folder)


def show(runs: list[Run], corpus: str, path: Path) -> None:
    try:
        from contest.picture import draw
    except ImportError:
        print("No picture was drawn: uv pip install matplotlib", file=sys.stderr)
        return
    titles = {name: contender.title for name, contender in CONTENDERS.items()}
    draw([run for run in runs if run.improvements], titles, corpus, path)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
