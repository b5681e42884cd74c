"""A search from its settings to its result: started, or resumed."""

from __future__ import annotations

import time
from typing import Any

from data.errors import InputError
from tune.cluster import local_cluster
from tune.display import Display
from tune.folder import ABOUT, SearchFolder
from tune.inputs import read_inputs
from tune.outcome import read_trials
from tune.provenance import check_fingerprint, count_workers, describe
from tune.run import run_trials
from tune.settings import Settings
from tune.space import parse_space
from tune.study import open_study


def start_search(settings: Settings, display: Display, started: float) -> dict[str, Any]:
    """Runs a new search to its end.

    Args:
        settings: What to do.
        display: What the user sees of it.
        started: When the user asked for it, as `time.time` gives it; the time limit counts from there.

    Returns:
        The document of `topknot best --json`.

    Raises:
        InputError: If the settings or the corpus cannot be used, or the name is taken; nothing is left behind.
        SearchFailedError: If no trial came to a result.
        SearchInterruptedError: If the user stopped it.
    """
    name = (
        settings.name
        or f"{settings.data.name.split('.')[0] if settings.data else 'industries'}-{time.strftime('%Y%m%d-%H%M%S')}"
    )
    if (settings.storage / name).exists():  # told before the corpus is read; `create` makes sure of it
        SearchFolder.create(settings, name, {})
    parse_space(settings.written_space())
    if settings.data is not None and not settings.data.exists():
        raise InputError(f"{settings.data} does not exist.")
    with local_cluster(count_workers(settings), settings.cpus_per_trial):
        return _start(settings, name, display, started)


def _start(settings: Settings, name: str, display: Display, started: float) -> dict[str, Any]:
    display.say("Reading the corpus")
    inputs = read_inputs(settings)
    settings = settings.model_copy(update={"name": name, "data": settings.data and settings.data.absolute()})
    folder = SearchFolder.create(settings, name, describe(settings, inputs))
    try:
        return run_trials(folder, settings, inputs, settings.trial_limit(), display, started)
    except BaseException:
        if not read_trials(open_study(folder.path, name)):
            folder.remove()
        raise


def resume_search(
    folder: SearchFolder, trials: int | None, time_limit: float | None, display: Display, started: float
) -> dict[str, Any]:
    """Finishes an interrupted search, or adds trials to a finished one.

    Args:
        folder: Of the search.
        trials: How many to add; None to finish what was asked for.
        time_limit: Seconds from `started`; None for the search's own.
        display: What the user sees.
        started: When the user asked for it.

    Raises:
        InputError: If the corpus is not the one that the search was started on.
    """
    settings = folder.settings()
    with local_cluster(count_workers(settings), settings.cpus_per_trial):
        return _resume(folder, settings, trials, time_limit, display, started)


def _resume(
    folder: SearchFolder, settings: Settings, trials: int | None, time_limit: float | None, display: Display, started: float
) -> dict[str, Any]:
    about = folder.read_json(ABOUT)
    display.say("Reading the corpus")
    inputs = read_inputs(settings)
    check_fingerprint(folder, settings, inputs)
    present = len(read_trials(open_study(folder.path, folder.name)))
    asked = about["trials"]
    if trials is not None:
        asked = max(asked or 0, present) + trials
    if time_limit is not None:
        settings = settings.model_copy(update={"time_limit": time_limit})
        asked = asked if trials is not None else None
    elif trials is not None:
        settings = settings.model_copy(update={"time_limit": None})
    folder.write_json(ABOUT, about | {"trials": asked})
    return run_trials(folder, settings, inputs, asked, display, started)
