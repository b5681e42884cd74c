"""The commands on searches: search, resume, list, show, watch, best, report."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import Any

import click

from data.clock import now
from data.errors import InputError
from tune.destination import check_new
from tune.options import given, settings_options, storage_option
from tune.output import display, prepare, print_json, print_result, say, stdout
from tune.program import program
from tune.setting_types import MOST
from tune.settings import AFTER
from tune.storage import Storage


@click.command()
@settings_options
@click.option("--config", type=click.Path(path_type=Path), help="A YAML file of settings; flags win over it")
@click.option("--print-config", is_flag=True, help="Print all settings as YAML that runs as it is but for passwords, and stop")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def search(config: Path | None, print_config: bool, as_json: bool, **flags: Any) -> None:
    """Search for the best classifier."""
    started = now()
    from tune.settings_file import read_settings
    from tune.written_space import parse_space

    settings = read_settings(config, given(flags))
    parse_space(settings.written_space())
    if print_config:
        click.echo(settings.without_passwords().to_yaml(), nl=False)
        return
    prepare()
    from tune.search import start_search
    from tune.searches import find_search

    document = start_search(settings, display(started), started)
    print_result(find_search(settings.storage, document["name"]), document, as_json)


@click.command()
@click.argument("name")
@storage_option
@click.option("--trials", type=click.IntRange(1, MOST - 1), metavar="N", help="Add so many trials to those that there are")
@click.option("--time-limit", metavar="TIME", help="Go on for so long: 90s, 10m, 1h30m; a bare number is seconds")
@click.option(
    "--address", metavar="NAME", help="Where to run: a Ray cluster's HOST:PORT, 'auto' or 'local' [as the search did]"
)
@partial(settings_options, only=AFTER, otherwise="as the search has it")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def resume(
    name: str, storage: Storage, trials: int | None, time_limit: str | None, address: str | None, as_json: bool, **flags: Any
) -> None:
    """Finish an interrupted search, or go on with a finished one: add trials, or make an ensemble, say, of those that it has.

    What is not given stays as the search has it.

    It trusts the search's folder: resume searches of your own alone (SECURITY.md).
    """
    started = now()
    prepare()
    from tune.search import resume_search
    from tune.searches import find_search
    from tune.settings_file import read_settings

    folder = find_search(storage, name)
    told = read_settings(None, given({"time_limit": time_limit, "address": address, **flags}))
    after = {flag: getattr(told, flag) for flag in given(flags)}
    document = resume_search(folder, trials, told.time_limit, display(started), started, told.address, after)
    folder.refresh()
    print_result(folder, document, as_json)


@click.command("list")
@storage_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def list_(storage: Storage, as_json: bool) -> None:
    """List the searches in a storage."""
    from tune.documents import search_row
    from tune.searches import list_searches
    from tune.summary import search_table

    rows = [search_row(folder) for folder in list_searches(storage)]
    if as_json:
        print_json(rows)
    elif rows:
        stdout().print(search_table(rows))
    else:
        click.echo(f"There are no searches in {storage}. Start one with: {program()} search")


class _Count(click.IntRange):
    """A number that may be left out, so that a name behind it is taken for it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.isdecimal():
            self.fail(f"{value!r} is no number. The search's name comes first: show {value} --suspects", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("name")
@storage_option
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Trials to show")
@click.option(
    "--suspects",
    type=_Count(1),
    is_flag=False,
    flag_value=20,
    metavar="[N]",
    help="Show the N training texts whose labels the kept classifiers believe least, 20 without N, instead of trials",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def show(name: str, storage: Storage, top: int, suspects: int | None, as_json: bool) -> None:
    """Show a search's leaderboard, and what ended each trial; or its texts that may be mislabelled."""
    if suspects is not None:
        prepare()
    from tune.damage import intact
    from tune.documents import show_document
    from tune.searches import find_search
    from tune.summary import show_table

    folder = find_search(storage, name)
    if suspects is not None:
        from tune.suspects import suspects_document, suspects_table

        document = suspects_document(folder, suspects)
        shown: Any = document if as_json else suspects_table(document)
    else:
        with intact(folder):
            shown = show_document(folder) if as_json else show_table(folder, top)
    if as_json:
        print_json(shown)
    else:
        stdout().print(shown)


@click.command()
@click.argument("name")
@storage_option
@click.option("--trial", type=click.IntRange(0), metavar="N", help="Another trial whose weights are kept, instead of the best")
@click.option("--export", type=click.Path(path_type=Path), metavar="DIR", help="Copy the classifier to a new folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else")
def best(name: str, storage: Storage, trial: int | None, export: Path | None, as_json: bool) -> None:
    """Show a search's best trial: its epoch, hyperparameters, figures on every split, and its classifier.

    With --trial, another one, which is made a classifier first: one on the Pareto front, say.
    """
    from tune.documents import best_document, with_paths
    from tune.search_result import told_of_old_result
    from tune.searches import find_search

    folder = find_search(storage, name)
    if export is not None:
        check_new(export, "--export")
    if trial is None:
        document = best_document(folder)
        for line in told_of_old_result(folder):
            say(line)
    else:
        prepare()
        from tune.winner import evaluate_trial

        try:
            document = with_paths(folder, evaluate_trial(folder, trial))
        except OSError as error:
            raise InputError(
                f"--trial {trial} makes a classifier of it in {folder}, which cannot be written: {error.strerror or error}."
            ) from None
    if export is not None:
        from tune.evaluating import copy_classifier

        copy_classifier(folder, Path(document["checkpoint"]), export)
        click.echo(f"The classifier is in {export}", err=True)
    print_result(folder, document, as_json)


@click.command()
@click.argument("name")
@storage_option
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(0.1), metavar="S", help="Seconds between looks")
def watch(name: str, storage: Storage, every: float) -> None:
    """Watch a search that runs elsewhere. Ctrl-C ends the watching, not the search."""
    from rich.console import Console

    from tune.damage import intact
    from tune.searches import find_search
    from tune.watching import watch_search

    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a script had it ignored
    try:
        folder = find_search(storage, name)
        with intact(folder):
            watch_search(folder, Console(), every)
    except KeyboardInterrupt:
        click.echo("The search goes on.", err=True)


@click.command()
@click.argument("name")
@storage_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to [report.html in its folder; NAME-report.html here, if that is an address]",
)
def report(name: str, storage: Storage, output: Path | None) -> None:
    """Write a search's report, one HTML file.

    Curves, what mattered, what the winner gets wrong: to look at, without a network.
    """
    from tune.searches import find_search

    folder = find_search(storage, name)
    prepare()
    from tune.report.writing import write_report

    path = output or (Path(f"{folder.name}-report.html") if folder.storage else folder.path / "report.html")
    write_report(folder, path)
    click.echo(f"The report: {path}")
