"""How commands begin and print: quiet libraries, results on stdout, all else on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tune.whole_file import whole_file

if TYPE_CHECKING:
    from tune.folder import SearchFolder


def prepare() -> None:
    """Comes before Ray or TensorFlow is imported."""
    from tune.chatter import divert_chatter
    from tune.cluster import set_environment

    set_environment()
    divert_chatter()
    logging.raiseExceptions = False  # a log on a full disk is told of once, by the command's last line


def display(started: float) -> Any:
    """Returns the `tune.display.Display` of a search that began at a time as `data.clock.now` gives it."""
    from rich.console import Console

    from tune.display import Display

    return Display(Console(stderr=True), started)


def say(line: str) -> None:
    """Shows a line beside the result."""
    click.echo(line, err=True)


def stdout() -> Any:
    """Returns a `rich.console.Console` on stdout, wide enough for tables where it is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


def print_result(folder: SearchFolder, document: dict[str, Any], as_json: bool) -> None:
    """Prints what a search came to."""
    from tune.damage import intact
    from tune.documents import with_paths
    from tune.summary import result_view

    with intact(folder):
        document = with_paths(folder, document)
        view = None if as_json else result_view(folder, document)
    if as_json:
        print_json(document)
    else:
        stdout().print(view)


def print_json(document: Any) -> None:
    """Prints one JSON document."""
    _echo(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _echo(text: str) -> None:
    """Prints a text as it is; half a character, which UTF-8 has no bytes for, as JSON's escape."""
    click.echo(text.encode("utf-8", "backslashreplace").decode(), nl=False)


@contextmanager
def writing(output: Path | None) -> Iterator[Callable[[str], None]]:
    """Yields a function that writes a text to stdout, or to a file (`tune.whole_file`).

    Raises:
        InputError: If the file cannot be written.
    """
    if output is None:
        yield _echo
        return
    with whole_file(output) as write:
        yield write
