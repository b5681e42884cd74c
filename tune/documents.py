"""The documents that commands print as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.errors import InputError
from tune.damage import intact
from tune.folder import ABOUT, SearchFolder
from tune.outcome import TrialOutcome, best_trial, counts, elapsed_seconds, front_trials, useful_share
from tune.repeat_file import repeat_seconds
from tune.search_result import read_result


def show_document(folder: SearchFolder) -> dict[str, Any]:
    """Returns the document of `show --json`."""
    trials, about, objective = folder.trials(), folder.read_json(ABOUT), folder.settings().objective
    return {
        "name": folder.name,
        "wall_seconds": (seconds := elapsed_seconds(about, trials)),
        "useful_share": useful_share(trials, about["workers"], seconds, repeat_seconds(folder)),
        "metric": objective.metric,
        "against": list(objective.against),
        "front": [trial.number for trial in front_trials(trials)],
        "environment": {name: about.get(name) for name in ("python", "versions", "cores", "revision")},
        "command": folder.rerun_command(),
        "study": {"url": folder.study_url(), "name": folder.study().study_name},
        "trials": [trial.to_dict() for trial in trials],
    }


def best_document(folder: SearchFolder) -> dict[str, Any]:
    """Returns the document of `best --json`.

    Raises:
        InputError: If the search has not come to its end.
    """
    return with_paths(folder, read_result(folder))


def with_paths(folder: SearchFolder, document: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a result with the classifier's path as it is from here, wherever the search's folder was moved to."""
    paths: dict[str, Any] = {"checkpoint": str(folder.path / document["checkpoint"])}
    if original := document.get("original"):
        paths["original"] = {**original, "checkpoint": str(folder.path / original["checkpoint"])}
    return {**document, "name": folder.name, **paths}


def search_row(folder: SearchFolder) -> dict[str, Any]:
    """Returns a search in a line of `list`, as far as it can be read."""
    created, finished, trials, unreadable = "", False, list[TrialOutcome](), ""
    try:
        with intact(folder):
            about = folder.read_json(ABOUT)
            created, finished = str(about["created"]), bool(about["finished"])
            unreadable = "its study cannot be read"  # it may be in a database that cannot be reached now
            trials, unreadable = folder.trials(), ""
    except InputError:
        unreadable = unreadable or "damaged"
    best = best_trial(trials)
    return {
        "name": folder.name,
        "state": unreadable or ("finished" if finished else "unfinished"),
        "readable": not unreadable,
        "created": created,
        "finished": finished,
        "trials": counts(trials),
        "metric": best.objective.metric if best else None,
        "best": best.objective.cost_of(best.cost) if best else None,
    }
