"""What do the original question's models come to, and its answer's, and Topknot's default search?

    python benchmarks/question.py                                   # the embedded corpus, 20 minutes each at most
    python benchmarks/question.py --data FILE --text COL --label COL --group COL --budget 1h
    python benchmarks/question.py --only baseline,baseline_full,default --budget 2m
    python benchmarks/question.py --redraw                          # tables and pictures of what was measured before

- model_1, model_2, model_3: the question's networks, on full cross-entropy with Adam, 50 epochs;
- baseline: the answer's smallest network on the top-k loss, 100 epochs; baseline_full: the same on full cross-entropy;
- question_random, question_hyperopt: the answer's search, 100 configurations of its space, until four epochs were no better;
- default: `topknot search --strong-baseline`, all else as it is, its wide branch included; both linear baselines on the same
  split stand below it.

All have one split and one seed. Trainings compute on one core, searches on all. A training whose budget passes ends with the
epochs that it has. Its best epoch is that of the lowest validation loss; test rows choose nothing. The pictures are the
learning curves (those of searches are their winners'), and by how much the recall of each class is another on the test
rows when the same network is trained on the top-k loss (baseline) and not on full cross-entropy (baseline_full).

Answers are kept in FOLDER/question-CORPUS.json, as soon as there is one; one of the same name is replaced.
"""

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "RAY_USAGE_STATS_ENABLED": "0", "KERAS_BACKEND": "tensorflow"}

from contest.answers import Answer, add_answer, read_answers, table
from contest.names import among, installed
from contest.runs import here

from data.clock import now
from data.corpus import Corpus
from data.dataset import Dataset, encode_corpus
from data.errors import InputError
from data.split import SIDES, split_corpus
from model.device import use_device
from model.evaluation import Evaluation
from model.question import single_training
from model.training import OutOfTimeError, Training
from tune.duration import parse_duration
from tune.inputs import read_settings_corpus
from tune.outcome import best_trial, read_trials
from tune.settings_file import read_settings
from tune.study import open_study
from tune.verdict import BASELINES

COLUMNS = ("data", "text", "label", "group")
QUESTION = ("--preset", "question", "--scheduler", "none", "--trials", "100", "--sampler")


@dataclass(frozen=True, slots=True)
class Contender:
    """A training, by its preset, or a search, by its flags."""

    preset: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Returns the packages that are to be installed for it."""
        return [package for package in self.needs if importlib.util.find_spec(package) is None]


CONTENDERS = {
    "model_1": Contender("model_1"),
    "model_2": Contender("model_2"),
    "model_3": Contender("model_3"),
    "baseline_full": Contender("baseline", {"top_k": 1.0}),
    "baseline": Contender("baseline"),
    "question_random": Contender(flags=(*QUESTION, "random")),
    "question_hyperopt": Contender(flags=(*QUESTION, "hyperopt"), needs=("hyperopt",)),
    "default": Contender(flags=("--strong-baseline",)),
}


def main() -> None:
    options = read_options()
    flags = {name: value for name in COLUMNS if (value := getattr(options, name)) is not None}
    corpus = Path(flags["data"]).stem if "data" in flags else "embedded"
    path = options.results / f"question-{corpus}.json"
    if not options.redraw:
        measure(options, flags, path)
    answers = sorted(read_answers(path), key=lambda answer: list(CONTENDERS).index(answer.name))
    if not answers:
        sys.exit(f"{path} holds no answers; run without --redraw, or with a larger --budget.")
    print(table(answers))
    show(answers, corpus, path)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in COLUMNS:
        parser.add_argument(f"--{name}", help="as `topknot search` takes it")
    parser.add_argument("--budget", type=duration, default=1200.0, help="wall time of each [20m]")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the trainings and the searches [0]")
    parser.add_argument(
        "--only", type=among(CONTENDERS, "contender"), default=list(CONTENDERS), metavar="NAME,...", help=", ".join(CONTENDERS)
    )
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print and draw what is stored")
    return parser.parse_args()


def duration(text: str) -> float:
    try:
        value = float(parse_duration(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no time from 1s to 11d")
    return value


def measure(options: argparse.Namespace, flags: dict[str, str], path: Path) -> None:
    """Trains and searches, one after another."""
    settings = read_settings(None, flags | {"seed": options.seed})
    try:
        corpus = read_settings_corpus(settings)
        dataset, _ = encode_corpus(corpus, split_corpus(corpus, seed=options.seed), 3_000)
    except InputError as error:
        sys.exit(str(error))
    use_device(1, gpu=False)
    for name in installed(options.only, {name: contender.missing() for name, contender in CONTENDERS.items()}):
        print(f"{name}: {options.budget:.0f} s at most", file=sys.stderr, flush=True)
        if CONTENDERS[name].preset:
            answer = train(name, dataset, corpus, options.budget, options.seed)
        else:
            answer = search(name, flags, options.budget, options.seed)
        if answer is None:
            print("  no epoch came to its end", file=sys.stderr, flush=True)
            continue
        add_answer(path, answer)
        best = answer.best["test"]
        print(f"  test accuracy {best['accuracy']:.3f}, macro-F1 {best['macro_f1']:.3f}", file=sys.stderr, flush=True)


def train(name: str, dataset: Dataset, corpus: Corpus, budget: float, seed: int) -> Answer | None:
    """Trains a preset; after each epoch it is evaluated on the training rows too, which counts for no second."""
    contender = CONTENDERS[name]
    planned = single_training(contender.preset, dataset.classes, contender.changes)
    curve: list[dict[str, float]] = []
    best: tuple[int, dict[str, Evaluation]] | None = None
    spent, deadline = 0.0, now() + budget
    with Training(dataset, planned.hparams, seed=seed) as training:
        while len(curve) < planned.epochs:
            try:
                report = training.run_epoch(deadline)
            except OutOfTimeError as late:
                spent += late.seconds
                break
            if not math.isfinite(report.loss):
                break
            spent += report.seconds
            began = now()
            sides = {side: training.evaluate(dataset.split.side(side)) for side in SIDES}
            deadline += now() - began
            curve.append(
                {
                    "train_loss": sides["train"].loss,
                    "train_accuracy": sides["train"].accuracy,
                    "loss": report.loss,
                    "accuracy": report.accuracy,
                }
            )
            if best is None or report.loss < curve[best[0] - 1]["loss"]:
                best = len(curve), sides
    if best is None:
        return None
    epoch, chosen = best
    classes = chosen["test"].by_class(corpus.classes)
    return Answer(
        name=name,
        seed=seed,
        budget=budget,
        trials=1,
        seconds=spent,
        hparams=planned.hparams.to_dict(),
        curve=curve,
        epoch=epoch,
        best={side: evaluation.summary() for side, evaluation in chosen.items()},
        last={side: evaluation.summary() for side, evaluation in sides.items()},
        recalls={label: figures["recall"] for label, figures in classes.items()},
        rows={label: figures["rows"] for label, figures in classes.items()},
        **here(),
    )


def search(name: str, flags: dict[str, str], budget: float, seed: int) -> Answer | None:
    """Searches by the command line, and reads the winner's curve from the study."""
    more = [*CONTENDERS[name].flags, *(part for key, value in flags.items() for part in (f"--{key}", value))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        own = ["--name", name, "--storage", folder, "--json"]
        found = topknot("search", *more, *own, "--seed", str(seed), "--time-limit", f"{budget:g}s")
        if found is None:
            return None
        trials = read_trials(open_study(Path(folder) / name))
        winner = best_trial(trials)
        evaluation = topknot("evaluate", name, "--storage", folder, "--split", "test", "--json")
        if winner is None or winner.best_epoch is None or evaluation is None:
            return None
        classes = evaluation["classes"]
    return Answer(
        name=name,
        seed=seed,
        budget=budget,
        trials=sum(bool(trial.epochs) for trial in trials),
        seconds=found["wall_seconds"],
        hparams=winner.hparams,
        curve=[{"loss": epoch["loss"], "accuracy": epoch["accuracy"]} for epoch in winner.epochs],
        epoch=winner.best_epoch,
        best={side: found[side] for side in SIDES},
        last={},
        recalls={label: figures["recall"] for label, figures in classes.items()},
        rows={label: figures["rows"] for label, figures in classes.items()},
        baselines={told: found[key] for key, told in BASELINES.items() if found.get(key)} if name == "default" else {},
        **here(),
    )


def topknot(*arguments: str) -> dict[str, Any] | None:
    """Runs the command line and returns the document that it prints; None if it failed, which it tells by itself."""
    done = subprocess.run([sys.executable, "-m", "tune", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    document: dict[str, Any] | None = None if done.returncode else json.loads(done.stdout)
    return document


def show(answers: list[Answer], corpus: str, path: Path) -> None:
    try:
        from contest.curves import draw_curves, draw_recalls
    except ImportError:
        print("No pictures were drawn: uv pip install matplotlib", file=sys.stderr)
        return
    curves = path.with_name(f"{path.stem}-curves.svg")
    draw_curves(answers, corpus, curves)
    print(f"\n{curves}")
    named = {answer.name: answer for answer in answers}
    if {"baseline", "baseline_full"} <= named.keys():
        recalls = path.with_name(f"{path.stem}-recalls.svg")
        draw_recalls(named["baseline_full"], named["baseline"], corpus, recalls)
        print(recalls)


if __name__ == "__main__":
    main()
