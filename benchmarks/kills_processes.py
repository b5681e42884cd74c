"""Topknot's command line in a session of its own, and the end of that session."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from tune.cli import run


def topknot(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tune", *arguments]


def ask(*arguments: str) -> Any:
    """Returns the JSON document that a command prints."""
    return json.loads(subprocess.run(topknot(*arguments, "--json"), capture_output=True, check=True).stdout)


def answer(*arguments: str) -> tuple[int, str, str]:
    """Runs a command in this process; returns its exit code, and what it printed on stdout and on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run(arguments)
        except Exception:
            code = 1
            traceback.print_exc()
    return code, out.getvalue(), err.getvalue()


@contextmanager
def launched(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command in a session of its own, of which nothing is left in the end."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


def finish(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.wait():
        sys.exit(f"A run ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}")


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all of its session, by their ids, until none is left."""
    while left := [process.pid] * (process.poll() is None) + session(process.pid):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


class Process(NamedTuple):
    """A process that is alive, its parent and its session."""

    pid: int
    parent: int
    session: int


def processes() -> list[Process]:
    """Returns the processes of this machine that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, number = path.read_text(errors="replace").rpartition(")")[2].split()[:4]
        except OSError:  # it has ended meanwhile
            continue
        if state not in "ZX":
            found.append(Process(int(path.parent.name), int(parent), int(number)))
    return found


def session(leader: int) -> list[int]:
    """Returns the processes of a session that are alive."""
    return [process.pid for process in processes() if process.session == leader]
