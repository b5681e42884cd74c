"""The commands on classifiers: predict, evaluate, train."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data.errors import InputError
from tune.options import ONE, given, settings_options, storage_option
from tune.output import prepare, print_json, say, stdout, writing
from tune.printable import printable
from tune.storage import Storage

if TYPE_CHECKING:
    from model.explanation import Explanation
    from model.text_classifier import TextClassifier

CORPUS = ("data", "text", "label", "group", "drop_unlabelled", "drop_empty", "small_classes", "validation", "test")
OF_A_FILE = ("text", "label", "drop_unlabelled", "drop_empty")
"""The settings that say how a file of labelled texts is read."""
OF_A_TRAINING = (*CORPUS, "max_epochs", "patience", "seed", "preset", "vectors")
"""The settings that a single training heeds."""
OF_ONE_TRAINING = {
    "preset": "What to start from: the hyperparameters' defaults, or a network of the original question [default]",
    "max_epochs": "Epochs, at most [30; a preset's own: 50, baseline 100]",
    "patience": "Epochs that are no better after which it ends [4; a preset trains all of its epochs]",
}
"""What some of them mean there."""


@click.command()
@click.argument("model")
@click.argument("file", required=False, default="-")
@storage_option
@click.option("--text", metavar="COL", help="The column of the texts; without it FILE is plain text, a text a line")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write to a file instead of stdout")
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, metavar="K", help="Classes to name for each text")
@click.option("--explain", is_flag=True, help="Show which words of each text moved its answer")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object a text")
def predict(
    model: str, file: str, storage: Storage, text: str | None, output: Path | None, top: int, explain: bool, as_json: bool
) -> None:
    """Classify texts. MODEL is a search's name or a classifier's folder; FILE is - for stdin."""
    prepare()
    from tune.evaluating import load_classifier, model_folder
    from tune.explained import in_words
    from tune.texts import read_texts

    folder = model_folder(model, storage, say)
    with writing(output) as write:
        texts = read_texts(file, text)
        classifier = load_classifier(folder)
        predictions = [prediction.to_dict() for prediction in classifier.predict(texts, top=top)]
        lines = [
            "\t".join(f"{printable(best['label'])}\t{best['probability']:.4f}" for best in one["top"]) + "\n"
            for one in predictions
        ]
        explanations = _explain(classifier, texts) if explain else []
        if as_json:
            for one, explanation in zip(predictions, explanations, strict=explain):
                one["words"] = [word.to_dict() for word in explanation.words]
            write(json.dumps(predictions, ensure_ascii=False) + "\n")
        elif explain and output is None and stdout().is_terminal and not stdout().no_color:
            _show_in_colour(lines, texts, explanations)
        else:
            told = [f"    {in_words(explanation)}\n" for explanation in explanations] if explain else [""] * len(lines)
            write("".join(map("".join, zip(lines, told, strict=True))))


def _explain(classifier: TextClassifier, texts: Sequence[str]) -> list[Explanation]:
    from model.explanation import explain

    return [explain(classifier, one) for one in texts]


def _show_in_colour(lines: Sequence[str], texts: Sequence[str], explanations: Sequence[Explanation]) -> None:
    from tune.explained import in_colour

    for line, source, explanation in zip(lines, texts, explanations, strict=True):
        click.echo(line, nl=False)
        stdout().print(in_colour(source, explanation), soft_wrap=True)


@click.command()
@click.argument("model")
@storage_option
@click.option(
    "--data", metavar="PATH", help="Labelled texts to evaluate on: a file, or s3://, gs:// or abfs://BUCKET/FILE", **ONE
)
@partial(settings_options, only=OF_A_FILE)
@click.option("--drop-unknown", is_flag=True, help="Leave out rows of labels that the classifier does not know")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="A split of the search's own corpus")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def evaluate(model: str, storage: Storage, split: str | None, drop_unknown: bool, as_json: bool, **flags: Any) -> None:
    """Evaluate a classifier on labelled texts or on a split of its search's corpus."""
    from tune.settings_file import read_settings

    settings = read_settings(None, given(flags))
    if (settings.data is None) == (split is None):
        raise InputError("Give either --data FILE or --split train, validation or test.")
    if split is not None and (drop_unknown or settings.drop_empty or settings.drop_unlabelled):
        raise InputError("A split has the rows that its search had: --drop-unknown, -empty and -unlabelled go with --data.")
    prepare()
    from tune.evaluating import evaluate_file, evaluate_split, load_classifier, model_folder
    from tune.remote_file import here
    from tune.summary import evaluation_table

    if settings.data is not None:
        classifier = load_classifier(model_folder(model, storage, say))
        with here(settings.data) as path:
            document = evaluate_file(classifier, path, settings, drop_unknown, say)
    else:
        document = evaluate_split(model, storage, str(split), say)
    if as_json:
        print_json(document)
    else:
        stdout().print(evaluation_table(document))


@click.command()
@partial(settings_options, only=OF_A_TRAINING, helps=OF_ONE_TRAINING)
@click.option("--config", type=click.Path(path_type=Path), help="A YAML file of settings; flags win over it")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A hyperparameter, e.g. lstm_size=64")
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the classifier, which is not kept otherwise, to a new folder",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def train(config: Path | None, assignments: Sequence[str], export: Path | None, as_json: bool, **flags: Any) -> None:
    """Train once with given hyperparameters, without a search."""
    from tune.settings_file import read_settings

    settings = read_settings(config, given(flags))
    prepare()
    from tune.single import train_once
    from tune.summary import training_table

    document = train_once(settings, assignments, export, say)
    if as_json:
        print_json(document)
    else:
        stdout().print(training_table(document))
