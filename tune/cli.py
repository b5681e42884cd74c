"""The command line; `python -m tune` is the same thing. Loads TensorFlow and Ray only where a command needs them."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

import click

from data.errors import InputError
from tune.doctor_command import doctor
from tune.errors import SearchFailedError, SearchInterruptedError
from tune.export_command import export
from tune.model_commands import evaluate, predict, train
from tune.printable import printable
from tune.search_commands import best, list_, report, resume, search, show, watch
from tune.serve_command import serve

FULL = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of what takes no more output."""


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


for command in (search, resume, list_, show, watch, best, report, predict, evaluate, serve, export, train, doctor):
    topknot.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. Exits with 0 done, 1 it failed, 2 bad input, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks ends no command
    try:
        topknot.main(args=None if arguments is None else list(arguments), prog_name="topknot", standalone_mode=False)
    except InputError as error:
        return _fail(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # which is the help
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "topknot"
        return _fail(f"{error.format_message()} See {command} --help.", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted.", 130)
    except OSError as error:
        return _unwritten(error)
    except SearchInterruptedError as error:
        return _fail(str(error), 130)
    except SearchFailedError as error:
        return _fail(str(error), 1)
    return 0


def _unwritten(error: OSError) -> int:
    """Ends where stdout takes no more: nobody reads it, or its disk is full."""
    if error.errno not in FULL or error.filename is not None:
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what it still holds goes nowhere, and not up in smoke
    return 1 if error.errno == errno.EPIPE else _fail(f"The output cannot be written: {error.strerror}.", 2)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"topknot: {printable(' '.join(message.split()))}\n")
    return code


if __name__ == "__main__":
    main()
