"""What does each ingredient of a training gain, and what does it cost, at equal time?

    python benchmarks/ablation.py                                     # the embedded corpus, 12 CPU seconds a training, 3 seeds
    python benchmarks/ablation.py --data FILE --text COL --label COL --group COL --budget 60
    python benchmarks/ablation.py --only layer_norm,ema --seeds 5
    python benchmarks/ablation.py --redraw                            # the table of what was measured before

Every training begins from the first configuration of the portfolio, with one ingredient put in, taken out or changed, on one
core, and ends when its training and validation steps have taken the budget, in CPU seconds; what counts is its best epoch
within that, by the validation loss. Compiling is not counted: workers keep what they compile. Seeds differ in the split, the
initial weights and the batches, and are the same for each ingredient; told are medians of the differences from the plain
configuration, seed by seed, in brackets the least and the greatest. Test figures choose nothing.

Runs are kept in FOLDER/ablation-CORPUS.json; one of the same ingredient and seed is replaced.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from contest.names import among
from corpora import corpus_parser, read

from data.split import split_corpus
from model.device import use_device
from model.evaluation import Evaluation, evaluate
from model.hparams import HParams
from model.mixture import Mixture
from model.presets import PORTFOLIOS
from model.training import Training
from model.wide import WHOLE_TEXT, WideCorpus, encode_wide

PLAIN = "plain"
FULL: dict[str, Any] = {"top_k": 1.0, "top_k_schedule": "constant"}
INGREDIENTS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "no_wide": {"wide": False},
    "one_direction": {"bidirectional": False},
    "two_layers": {"lstm_layers": 2},
    "small": {"lstm_size": 32},
    "large": {"lstm_size": 128},
    "short_vectors": {"embedding_size": 64},
    "pooling_last": {"pooling": "last"},
    "pooling_mean": {"pooling": "mean"},
    "attention": {"pooling": "attention"},
    "layer_norm": {"layer_norm": True},
    "dense_layer": {"dense_layers": 1},
    "no_embedding_dropout": {"embedding_dropout": 0.0},
    "no_lstm_dropout": {"lstm_dropout": 0.0},
    "no_dense_dropout": {"dense_dropout": 0.0},
    "output_dropout": {"output_dropout": 0.3},
    "subwords": {"subwords": True},
    "weight_dropout": {"weight_dropout": 0.3},
    "no_weight_decay": {"weight_decay": 0.0},
    "linear_rate": {"learning_rate_schedule": "linear"},
    "cosine_rate": {"learning_rate_schedule": "cosine"},
    "ema": {"ema_momentum": 0.99},
    "small_batches": {"batch_size": 32},
    "large_batches": {"batch_size": 128},
    "full_loss": FULL,
    "top_half": {"top_k": 0.5},
    "top_quarter": {"top_k": 0.25},
    "label_smoothing": {"label_smoothing": 0.1},
    "class_weights": {"class_weight": "effective"},
    "focal": {"focal_gamma": 1.0},
    "logit_adjustment": {"logit_adjustment": 0.5},
    "class_weights_alone": {"class_weight": "effective", **FULL},
    "focal_alone": {"focal_gamma": 1.0, **FULL},
    "logit_adjustment_alone": {"logit_adjustment": 0.5, **FULL},
    "short": {"max_length": 200},
    "long": {"max_length": 800},
}
COMPARED = 4
"""Trainings that are compared with a plain one that went before them: the machine is not as quick at one time as at another."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training: its best epoch within the budget, and CPU seconds of an epoch. `test` holds figures of test rows.

    `plain` is the date of the plain one that it was trained after, on the same machine with the same code: it is compared
    with that one alone.
    """

    ingredient: str
    seed: int
    budget: float
    date: str
    epoch: int
    epochs: int
    seconds: float
    validation: dict[str, float]
    test: dict[str, float]
    plain: str = ""


def main() -> None:
    options = read_options()
    corpus_name = options.data.stem if options.data else "embedded"
    path = options.results / f"ablation-{corpus_name}.json"
    if not options.redraw:
        measure(options, path)
    runs = [Run(**run) for run in json.loads(path.read_text())]
    print(table(runs), top_k_table(runs), sep="\n\n")


def read_options() -> argparse.Namespace:
    parser = corpus_parser(__doc__)
    parser.add_argument("--budget", type=float, default=12.0, help="CPU seconds of a training [12]")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", type=among(INGREDIENTS, "ingredient"), default=list(INGREDIENTS), metavar="NAME,...")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print what is stored")
    return parser.parse_args()


def measure(options: argparse.Namespace, path: Path) -> None:
    use_device(1, gpu=False)
    corpus = read(options)
    names = [name for name in options.only if name != PLAIN]
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        encoded = encode_wide(corpus, split_corpus(corpus, seed=seed), WHOLE_TEXT, seed, subwords=True)
        plain = ""
        for name in with_plain(names):
            hparams = HParams.from_dict(PORTFOLIOS["default"][0].to_dict() | INGREDIENTS[name])
            run = train(name, seed, options.budget, encoded, hparams)
            plain = run.date if name == PLAIN else plain
            keep(path, replace(run, plain=plain))
            print(f"seed {seed}, {name}: {run.validation['loss']:.4f} in epoch {run.epoch} of {run.epochs}", flush=True)


def with_plain(names: Sequence[str]) -> Iterator[str]:
    """Yields the names, and that of the plain configuration before each `COMPARED` of them."""
    for first in range(0, max(len(names), 1), COMPARED):
        yield PLAIN
        yield from names[first : first + COMPARED]


def train(name: str, seed: int, budget: float, encoded: WideCorpus, hparams: HParams) -> Run:
    best: tuple[int, Evaluation, Evaluation] | None = None
    spent, epochs = 0.0, 0
    with Training(encoded.dataset, hparams, seed=seed) as training:
        while spent < budget or not best:
            started = time.process_time()
            report = training.run_epoch()
            spent, epochs = spent + time.process_time() - started, epochs + 1
            if best and (spent > budget or report.loss >= best[1].loss):
                continue
            sides = evaluate_sides(training, encoded)
            best = epochs, *sides
    epoch, validation, test = best
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Run(name, seed, budget, now, epoch, epochs, spent / epochs, validation.summary(), test.summary())


def evaluate_sides(training: Training, encoded: WideCorpus) -> tuple[Evaluation, Evaluation]:
    split, labels = encoded.dataset.split, encoded.dataset.labels
    mixture = training.mixture if training.hparams.wide else Mixture(0.0, 1.0)
    first, second = (
        evaluate(labels[rows], mixture.of(encoded.logits[rows], training._infer(rows, math.inf)))
        for rows in (split.validation, split.test)
    )
    return first, second


def keep(path: Path, run: Run) -> None:
    runs = [Run(**other) for other in json.loads(path.read_text())] if path.exists() else []
    runs = [
        other for other in runs if other.ingredient == PLAIN or (other.ingredient, other.seed) != (run.ingredient, run.seed)
    ]
    wanted = {other.plain for other in runs if other.ingredient != PLAIN} | {run.plain}
    runs = [other for other in runs if other.ingredient != PLAIN or other.seed != run.seed or other.date in wanted]
    path.write_text(json.dumps([asdict(one) for one in (*runs, run)], indent=1) + "\n")


def table(runs: list[Run]) -> str:
    plain = {run.date: run for run in runs if run.ingredient == PLAIN}
    lines = [
        "| ingredient | seeds | validation loss | macro-F1 | test loss | test macro-F1 | CPU s an epoch, ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in INGREDIENTS:
        own = list({run.seed: run for run in runs if run.ingredient == name}.values())
        if own:
            cells = [name, str(len(own)), *cells_of(own, plain, differences=name != PLAIN)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def top_k_table(runs: list[Run]) -> str:
    """Returns what fractions of a batch come to beside all of it; the plain configuration has three quarters."""
    plain = {run.date: run for run in runs if run.ingredient == PLAIN}
    full = {run.seed: run for run in runs if run.ingredient == "full_loss"}
    beside = {"3/4": {seed: plain[run.plain] for seed, run in full.items()}}
    beside |= {
        fraction: {run.seed: run for run in runs if run.ingredient == name and run.seed in full}
        for fraction, name in (("1/2", "top_half"), ("1/4", "top_quarter"))
    }
    figures = [(side, figure) for side in ("validation", "test") for figure in ("loss", "accuracy", "macro_f1")]
    lines = [f"| k/B | seeds | {' | '.join(' '.join(figure) for figure in figures)} |", f"|{'---|' * (2 + len(figures))}"]
    for fraction, own in beside.items():
        if own:
            pairs = [(run, full[seed]) for seed, run in own.items()]
            cells = (spread([getattr(a, side)[name] - getattr(b, side)[name] for a, b in pairs]) for side, name in figures)
            lines.append(f"| {fraction} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: list[float], sign: str = "+") -> str:
    return f"{statistics.median(values):{sign}.3f} ({min(values):{sign}.3f} to {max(values):{sign}.3f})"


def cells_of(runs: list[Run], plain: dict[str, Run], *, differences: bool) -> list[str]:
    cells = []
    for side, figure in (("validation", "loss"), ("validation", "macro_f1"), ("test", "loss"), ("test", "macro_f1")):
        values = [
            getattr(run, side)[figure] - (getattr(plain[run.plain], side)[figure] if differences else 0.0) for run in runs
        ]
        cells.append(spread(values, "+" if differences else ""))
    ratios = [run.seconds / (plain[run.plain].seconds if differences else 1.0) for run in runs]
    return [*cells, f"{statistics.median(ratios):.2f}{'' if differences else ' s'}"]


if __name__ == "__main__":
    main()
