"""What the trainings and searches of `benchmarks/question.py` came to: kept in one JSON file a corpus, and told as a table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One training, or one search and its winner.

    Attributes:
        name: A key of `CONTENDERS` in benchmarks/question.py.
        seed: Of the split and of the training or search.
        date: When it ended.
        budget: Wall seconds that it was given.
        hardware: Processor and cores.
        versions: Of Python and the packages.
        trials: Trainings that came to an epoch's end.
        seconds: Of a training, inside training and validation steps; of a search, of the wall.
        hparams: Of the training, or of the winner.
        curve: Each epoch's `loss` and `accuracy` on the validation rows, and for trainings `train_loss` and `train_accuracy`:
            the full loss and accuracy on all training rows, without dropout.
        epoch: That of the lowest validation loss, counted from 1.
        best: Figures of each side after that epoch.
        last: Figures of each side after the last epoch; empty for searches.
        recalls, rows: Of each class on the test rows, after the best epoch.
        baselines: Of a search, figures of each side that linear baselines on the same split come to, by their names.
    """

    name: str
    seed: int
    date: str
    budget: float
    hardware: str
    versions: dict[str, str]
    trials: int
    seconds: float
    hparams: dict[str, object]
    curve: list[dict[str, float]]
    epoch: int
    best: dict[str, dict[str, float]]
    last: dict[str, dict[str, float]]
    recalls: dict[str, float]
    rows: dict[str, int]
    baselines: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def read_answers(path: Path) -> list[Answer]:
    """Reads the answers that a file holds; none if there is no file."""
    return [Answer(**answer) for answer in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def add_answer(path: Path, answer: Answer) -> None:
    """Writes an answer into a file, in the place of one of the same name."""
    others = [other for other in read_answers(path) if other.name != answer.name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in [*others, answer]], indent=1) + "\n", encoding="utf-8")


def table(answers: Sequence[Answer]) -> str:
    """Tells each answer in a row."""
    columns = (
        "trained",
        "trainings",
        "best epoch",
        *(f"{side} {name}" for side in ("train", "test") for name in ("accuracy", "macro-F1", "loss")),
        "after the last: train accuracy",
        "test accuracy",
        "test loss",
        "seconds",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for answer in answers:
        last = answer.last
        cells = [answer.name, f"{answer.trials}", f"{answer.epoch}/{len(answer.curve)}", *_both_sides(answer.best)]
        if last:
            cells += [_figure(last["train"]["accuracy"]), _figure(last["test"]["accuracy"]), _figure(last["test"]["loss"])]
        else:
            cells += [""] * 3
        lines.append(f"| {' | '.join([*cells, f'{answer.seconds:.0f}'])} |")
        lines += [f"| {' | '.join([name, '', '', *_both_sides(sides)])} | | | | |" for name, sides in answer.baselines.items()]
    return "\n".join(lines)


def _both_sides(sides: dict[str, dict[str, float]]) -> list[str]:
    """Tells accuracy, macro-F1 and loss on the training rows and on the test rows; what has no loss has an empty cell."""
    names = ("accuracy", "macro_f1", "loss")
    return [_figure(sides[side].get(name)) for side in ("train", "test") for name in names]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
