"""The command line; `python -m tune` is the same thing. Loads TensorFlow and Ray only where a command needs them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from data.errors import InputError
from tune.options import given, settings_options, storage_option


class _Commands(click.Group):
    """Keeps the commands in the order in which they are needed."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="topknot")
def topknot() -> None:
    """From labelled texts to the best LSTM classifier.

    With no --data, a search runs on the embedded corpus: titles of industries and the section each belongs to.
    """


@topknot.command()
@settings_options
@click.option("--config", type=click.Path(path_type=Path), help="A YAML file of settings; flags win over it")
@click.option("--print-config", is_flag=True, help="Print all settings as YAML that runs as it is, and stop")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def search(config: Path | None, print_config: bool, as_json: bool, **flags: Any) -> None:
    """Search for the best classifier."""
    started = time.time()
    from tune.settings import read_settings  # noqa: PLC0415
    from tune.space import parse_space  # noqa: PLC0415

    settings = read_settings(config, given(flags))
    parse_space(settings.written_space())
    if print_config:
        click.echo(settings.to_yaml(), nl=False)
        return
    _prepare()
    from tune.search import start_search  # noqa: PLC0415

    _print_result(settings.storage, start_search(settings, _display(started), started), as_json)


@topknot.command()
@click.argument("name")
@storage_option
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Add so many trials to those that there are")
@click.option("--time-limit", metavar="TIME", help="Go on for so long: 90s, 10m, 1h30m")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def resume(name: str, storage: Path, trials: int | None, time_limit: str | None, as_json: bool) -> None:
    """Finish an interrupted search, or add trials to a finished one."""
    started = time.time()
    _prepare()
    from tune.folder import SearchFolder  # noqa: PLC0415
    from tune.search import resume_search  # noqa: PLC0415
    from tune.settings import read_settings  # noqa: PLC0415

    folder = SearchFolder.find(storage, name)
    limit = read_settings(None, {"time_limit": time_limit} if time_limit else {}).time_limit
    _print_result(storage, resume_search(folder, trials, limit, _display(started), started), as_json)


@topknot.command("list")
@storage_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def list_(storage: Path, as_json: bool) -> None:
    """List the searches in a storage."""
    from tune.folder import SearchFolder  # noqa: PLC0415
    from tune.summary import search_row, search_table  # noqa: PLC0415

    rows = [search_row(folder) for folder in SearchFolder.all(storage)]
    if as_json:
        _print_json(rows)
    elif rows:
        _stdout().print(search_table(rows))
    else:
        click.echo(f"There are no searches in {storage}. Start one with: topknot search")


@topknot.command()
@click.argument("name")
@storage_option
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Trials to show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def show(name: str, storage: Path, top: int, as_json: bool) -> None:
    """Show a search's leaderboard, and what ended each trial."""
    from tune.folder import SearchFolder  # noqa: PLC0415
    from tune.summary import show_document, show_table  # noqa: PLC0415

    folder = SearchFolder.find(storage, name)
    if as_json:
        _print_json(show_document(folder))
    else:
        _stdout().print(show_table(folder, top))


@topknot.command()
@click.argument("name")
@storage_option
@click.option("--export", type=click.Path(path_type=Path), metavar="DIR", help="Copy the classifier to a new folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def best(name: str, storage: Path, export: Path | None, as_json: bool) -> None:
    """Show a search's best trial: its epoch, hyperparameters, figures on every split, and its classifier."""
    from tune.folder import SearchFolder  # noqa: PLC0415
    from tune.summary import best_document  # noqa: PLC0415

    document = best_document(SearchFolder.find(storage, name))
    if export is not None:
        if export.exists():
            raise InputError(f"{export} exists; --export needs a new folder.")
        shutil.copytree(document["checkpoint"], export)
        click.echo(f"The classifier is in {export}", err=True)
    _print_result(storage, document, as_json)


@topknot.command()
@click.argument("model")
@click.argument("file", required=False, default="-")
@storage_option
@click.option("--text", metavar="COL", help="The column of the texts; without it FILE is plain text, a text a line")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write to a file instead of stdout")
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, metavar="K", help="Classes to name for each text")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object a text")
def predict(model: str, file: str, storage: Path, text: str | None, output: Path | None, top: int, as_json: bool) -> None:
    """Classify texts. MODEL is a search's name or a classifier's folder; FILE is - for stdin."""
    from tune.texts import read_texts  # noqa: PLC0415

    texts = read_texts(file, text)
    predictions = [prediction.to_dict() for prediction in _load(model, storage).predict(texts, top=top)]
    if as_json:
        _write(output, json.dumps(predictions, ensure_ascii=False) + "\n")
        return
    lines = ["\t".join(f"{best['label']}\t{best['probability']:.4f}" for best in one["top"]) for one in predictions]
    _write(output, "".join(line + "\n" for line in lines))


@topknot.command()
@click.argument("model")
@storage_option
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Labelled texts to evaluate on")
@click.option("--text", default="text", show_default=True, metavar="COL", help="The column of the texts")
@click.option("--label", default="label", show_default=True, metavar="COL", help="The column of the labels")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="A split of the search's own corpus")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def evaluate(
    model: str, storage: Path, data: Path | None, text: str, label: str, split: str | None, as_json: bool
) -> None:
    """Evaluate a classifier on labelled texts or on a split of its search's corpus."""
    from tune.evaluating import evaluate_file, evaluate_split  # noqa: PLC0415
    from tune.summary import evaluation_table  # noqa: PLC0415

    if (data is None) == (split is None):
        raise InputError("Give either --data FILE or --split train, validation or test.")
    if data is not None:
        document = evaluate_file(_load(model, storage), data, text, label)
    else:
        document = evaluate_split(model, storage, str(split), lambda: _load(model, storage))
    if as_json:
        _print_json(document)
    else:
        _stdout().print(evaluation_table(document))


@topknot.command()
@settings_options
@click.option("--config", type=click.Path(path_type=Path), help="A YAML file of settings; flags win over it")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A hyperparameter, e.g. lstm_size=64")
@click.option("--export", type=click.Path(path_type=Path), metavar="DIR", help="Write the classifier to a new folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def train(config: Path | None, assignments: Sequence[str], export: Path | None, as_json: bool, **flags: Any) -> None:
    """Train once with given hyperparameters, without a search."""
    from tune.settings import read_settings  # noqa: PLC0415

    settings = read_settings(config, given(flags))
    if export is not None and export.exists():
        raise InputError(f"{export} exists; --export needs a new folder.")
    _prepare()
    from tune.single import train_once  # noqa: PLC0415
    from tune.summary import training_table  # noqa: PLC0415

    document = train_once(settings, assignments, export, lambda line: click.echo(line, err=True))
    if as_json:
        _print_json(document)
    else:
        _stdout().print(training_table(document))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. Exits with 0 done, 1 it failed, 2 bad input, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    try:
        topknot.main(args=None if arguments is None else list(arguments), prog_name="topknot", standalone_mode=False)
    except InputError as error:
        return _fail(str(error), 2)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "topknot"
        return _fail(f"{error.format_message()} See {command} --help.", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted.", 130)
    except BrokenPipeError:
        return 1
    except Exception as error:
        if type(error).__name__ == "SearchInterrupted":  # known by name, so that --help need not import the search
            return _fail(str(error), 130)
        if type(error).__name__ == "SearchFailed":
            return _fail(str(error), 1)
        raise
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"topknot: {' '.join(message.split())}\n")
    return code


def _prepare() -> None:
    """Comes before Ray or TensorFlow is imported."""
    from tune.chatter import divert_chatter  # noqa: PLC0415
    from tune.cluster import set_environment  # noqa: PLC0415

    set_environment()
    divert_chatter()


def _display(started: float) -> Any:
    from rich.console import Console  # noqa: PLC0415

    from tune.display import Display  # noqa: PLC0415

    return Display(Console(stderr=True), started)


def _load(model: str, storage: Path) -> Any:
    _prepare()
    from tune.evaluating import load_model  # noqa: PLC0415

    return load_model(model, storage)


def _stdout() -> Any:
    from rich.console import Console  # noqa: PLC0415

    return Console(width=None if sys.stdout.isatty() else 160)


def _print_result(storage: Path, document: dict[str, Any], as_json: bool) -> None:
    from tune.folder import SearchFolder  # noqa: PLC0415
    from tune.summary import result_view, with_paths  # noqa: PLC0415

    folder = SearchFolder.find(storage, document["name"])
    document = with_paths(folder, document)
    if as_json:
        _print_json(document)
    else:
        _stdout().print(result_view(folder, document))


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _write(output: Path | None, text: str) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}.") from None


if __name__ == "__main__":
    main()
