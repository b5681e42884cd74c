"""What a search came to, as its folder has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import InputError
from model.seal import is_whole
from tune.damage import intact
from tune.folder import ABOUT, CLASSIFIERS, RESULT, SearchFolder

CHECKPOINT = re.compile(rf"{CLASSIFIERS}/[A-Za-z0-9][A-Za-z0-9_-]*")
"""Where a result's classifier may stand: in the search's own folder, whoever wrote result.json."""


def read_result(folder: SearchFolder) -> dict[str, Any]:
    """Reads what the search came to.

    Raises:
        InputError: If it has not come to its end.
    """
    if not (folder.path / RESULT).is_file():
        raise InputError(
            f"The search {folder.name!r} has no result yet. Finish it with: {folder.resume_command()}; "
            "--time-limit 30s brings it to an end soon, with the best trial that there is."
        )
    document = folder.read_json(RESULT)
    with intact(folder.path / RESULT):
        for part in (document, document.get("original") or document):
            if not CHECKPOINT.fullmatch(str(part["checkpoint"])):
                raise InputError(f"{folder.path / RESULT} is damaged: its classifier stands at {part['checkpoint']!r}.")
    return document


def told_of_old_result(folder: SearchFolder) -> Iterator[str]:
    """Yields that the result is one of before, where the search was gone on with since and has not come to its end."""
    if (folder.path / RESULT).is_file() and not folder.read_json(ABOUT)["finished"]:
        yield (
            f"The search {folder.name!r} was gone on with, and has not come to its end: this is what it came to before. "
            f"If nothing runs it, finish it with: {folder.resume_command()}"
        )


def missing(folder: SearchFolder) -> str | None:
    """Tells what a finished search no longer has as it was, in words; None if it has all."""
    try:
        checkpoint = best_classifier(folder)
    except InputError:
        return f"its {RESULT} is missing or damaged"
    if any(trial.state == "running" for trial in folder.trials()):
        return "the end of its study is missing"
    if not checkpoint.is_dir():
        return "its classifier is missing"
    try:
        return None if is_whole(checkpoint) else "its classifier is damaged"
    except OSError as error:
        return f"its classifier cannot be read ({error.strerror or error})"


def best_classifier(folder: SearchFolder) -> Path:
    """Returns where the classifier stands that the search came to, of one trial or of several.

    Raises:
        InputError: If it has not come to its end.
    """
    return folder.path / str(read_result(folder)["checkpoint"])
