"""A search from its settings to its result: started, or resumed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from data.corpus import Corpus
from data.errors import InputError
from data.split import Split
from model.linear import Recipe
from tune.cluster import joined_cluster, local_cluster
from tune.cluster_address import find_cluster
from tune.continuity import check_home, check_metric, check_space, check_words, read_own_corpus
from tune.display import Display
from tune.errors import SearchInterruptedError
from tune.first import first_trials, told_of_warm_start, warm_trials
from tune.folder import ABOUT, SETTINGS, SearchFolder
from tune.goal import TRIALS_OVER, Goal, resumed_goal, seconds_left
from tune.inputs import Inputs, prepare_inputs, read_settings_corpus, settings_split
from tune.lock import locked
from tune.nodes import check_shared
from tune.outage import outages_told
from tune.outcome import elapsed_seconds
from tune.provenance import describe, read_wide_recipe
from tune.room import Room, count_locally, count_on_cluster
from tune.run import run_trials
from tune.samplers import make_sampler
from tune.search_result import missing, read_result
from tune.searches import claim_search, refuse_begun
from tune.settings import Settings
from tune.stopwatch import began
from tune.tracking.tracker import make_trackers
from tune.watchdog import ray_watched, wait_for_start
from tune.workers import Workers
from tune.written_space import parse_space


def start_search(settings: Settings, display: Display, started: float) -> dict[str, Any]:
    """Runs a new search to its end.

    Args:
        settings: What to do.
        display: What the user sees of it.
        started: When the user asked for it, as `data.clock.now` gives it; the time limit counts from there.

    Returns:
        The document of `topknot best --json`.

    Raises:
        InputError: If the settings or the corpus cannot be used, or the name is taken; nothing is left behind.
        SearchFailedError: If no trial came to a result.
        SearchInterruptedError: If the user stopped it.
    """
    space = parse_space(settings.written_space())
    make_sampler(settings.sampler, 0)  # what it needs may not be installed
    warm = warm_trials(settings, space)
    first = first_trials(settings, space, warm)
    settings = settings.model_copy(update={"name": settings.name or _default_name(settings)})
    with claim_search(settings.storage, str(settings.name)) as claimed:
        # A user's file may be bad, and is read first; the embedded corpus is good, and is read while the workers start.
        corpus = _read(settings, display) if settings.data else None
        split = settings_split(settings, corpus) if corpus else None
        with locked(claimed, display.say) as folder, _resumable(folder):
            refuse_begun(folder)
            trackers = make_trackers(settings.track, folder.name, folder.path)
            with _workers(folder, settings) as (workers, wait_for_ray):
                inputs = _prepare(settings, corpus or _read(settings, display), display, split)
                for line in told_of_warm_start(warm, inputs.space) if settings.warm_start else ():
                    display.say(line)
                settings = settings.with_absolute_paths()
                folder.keep(settings, describe(settings, inputs, first, workers.count))
                _wait(wait_for_ray)
                limit, seconds = settings.trial_limit(), settings.time_limit
                return run_trials(folder, settings, inputs, workers, limit, seconds, display, started, trackers)


@contextmanager
def _workers(folder: SearchFolder, settings: Settings) -> Iterator[tuple[Workers, Callable[[], None]]]:
    """Starts Ray, or joins a cluster; yields the workers that there will be, and a function that waits until Ray is ready."""
    address = find_cluster(settings.address)
    if address is None:
        workers = Workers.local(settings, count_locally(settings))
        with local_cluster(workers.count) as wait_for_ray, ray_watched(folder):
            yield workers, lambda: wait_for_start(wait_for_ray, folder)
    else:
        with joined_cluster(address):
            room = Room(settings)
            count = count_on_cluster(settings, room)
            workers = Workers.on_cluster(settings, count, room if settings.workers == "auto" else None)
            check_shared(folder)
            yield workers, lambda: None


def _read(settings: Settings, display: Display) -> Corpus:
    display.say("Reading the corpus")
    return read_settings_corpus(settings)


def _prepare(
    settings: Settings, corpus: Corpus, display: Display, split: Split | None = None, recipe: Recipe | None = None
) -> Inputs:
    wide = parse_space(settings.written_space()).may_be("wide", True)
    display.say("Encoding the texts and fitting the wide branch" if wide else "Encoding the texts")
    inputs = prepare_inputs(settings, corpus, split, recipe)
    for line in inputs.told_of_vectors():
        display.say(line)
    return inputs


def _wait(wait_for_ray: Callable[[], None]) -> None:
    import_module("tune.searcher")  # and with it Tune, meanwhile
    wait_for_ray()


def _default_name(settings: Settings) -> str:
    corpus = re.sub(r"[^A-Za-z0-9_-]+", "-", settings.data.name.split(".")[0]).strip("-_") if settings.data else "industries"
    return f"{corpus[:80] or 'search'}-{time.strftime('%Y%m%d-%H%M%S')}"


@contextmanager
def _resumable(folder: SearchFolder) -> Iterator[None]:
    """Makes of Ctrl-C and of a disk that takes nothing more, wherever they come, an error that says how to go on."""
    try:
        with outages_told(folder):
            yield
    except KeyboardInterrupt:
        if not folder.has_begun():
            raise
        raise SearchInterruptedError(f"Stopped. Everything is kept; go on with: {folder.resume_command()}") from None


def resume_search(
    found: SearchFolder,
    trials: int | None,
    time_limit: float | None,
    display: Display,
    started: float,
    address: str | None = None,
    after: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Finishes an interrupted search, or adds trials to a finished one.

    Args:
        found: The search.
        trials: How many to add; None to finish what was asked for, or to return the result of a finished search; what of
            that is no longer there is made again.
        time_limit: Seconds from `started`; None for what is left of the search's own.
        display: What the user sees.
        started: When the user asked for it.
        address: Where to run; None for where the search's settings say.
        after: Settings of what follows the trials (`AFTER`), from now on; what is not among them stays.

    Raises:
        InputError: If the corpus is not the one that the search was started on.
    """
    about = found.read_json(ABOUT)
    if about["finished"] and trials is None and time_limit is None and not after:
        lacking = missing(found)
        if lacking is None:
            display.say(f"The search {found.name!r} is finished; --trials or --time-limit make it go on")
            return read_result(found)
        display.say(f"The search {found.name!r} was finished, but {lacking}: that is made again")
    with locked(found, display.say) as folder, _resumable(folder):
        kept = folder.settings().model_copy(update=after)  # under an address, those found may have been behind
        settings = kept.model_copy(update={"address": address or kept.address})
        check_space(folder, settings)
        check_metric(folder, settings)
        check_home(folder)
        display.say("Reading the corpus")
        corpus, split = read_own_corpus(folder, settings)
        trackers = make_trackers(settings.track, folder.name, folder.path)
        about, present = folder.read_json(ABOUT), folder.trials()
        about |= {"wall_seconds": elapsed_seconds(about, present)}
        goal = resumed_goal(Goal(**about["goal"]), about, len(present), trials, time_limit)
        before = (folder.path / SETTINGS).read_text(encoding="utf-8")
        if after:
            folder.write(SETTINGS, kept.to_yaml())
        again = {"goal": goal._asdict(), "finished": False, TRIALS_OVER: False, "began": began(started, about["wall_seconds"])}
        folder.write_json(ABOUT, about | again)
        left = seconds_left(goal, about["wall_seconds"])
        if about.get(TRIALS_OVER) and not about["finished"] and trials is None and time_limit is None:
            display.say("Its trials are over; what follows them is done, with no time limit")
        with ExitStack() as stack:
            with _left_alone(folder, about, before):
                workers, wait_for_ray = stack.enter_context(_workers(folder, settings))
                inputs = _prepare(settings, corpus, display, split, read_wide_recipe(folder))
                check_words(folder, settings, inputs)
                _wait(wait_for_ray)
            return run_trials(folder, settings, inputs, workers, goal.trials, left, display, started, trackers)


@contextmanager
def _left_alone(folder: SearchFolder, about: Mapping[str, Any], settings: str) -> Iterator[None]:
    """Leaves what a search is to come to, and its settings, as they were where going on with it is refused.

    After anything else `topknot resume` alone goes on with what was asked for now, as the user is told.
    """
    try:
        yield
    except InputError:
        folder.write_json(ABOUT, dict(about))
        folder.write(SETTINGS, settings)
        raise
