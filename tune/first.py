"""The trials that a search begins with, before its sampler draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.trial import FixedTrial

from data.errors import InputError
from model.hparams import HParams
from model.presets import PORTFOLIOS
from tune.outcome import front_trials, ranked_trials
from tune.searches import find_search
from tune.settings import Settings
from tune.space import Space

FIRST = "first"
"""Where search.json keeps them: what they were stays so, whatever becomes of the search that they were taken from."""
WARM = 10
"""Configurations taken from another search, at most."""


def first_trials(settings: Settings, space: Space, warm: Sequence[HParams] = ()) -> list[HParams]:
    """Returns those of another search (`warm_trials`), then the preset's portfolio, as near to it as the space allows.

    They are tried anew: losses on another corpus, or on another split, say nothing of this one.
    """
    portfolio = PORTFOLIOS.get(settings.preset, ()) if settings.portfolio else ()
    return list(dict.fromkeys([*warm, *map(space.nearest, portfolio)]))


def warm_trials(settings: Settings, space: Space) -> list[HParams]:
    """Returns the best configurations within a space of the search named by `warm_start`, none that comes to another there.

    Where this search weighs quality against costs, those of the other one's Pareto front are the first.

    Raises:
        InputError: If there is no such search, or none of its trials came to a result.
    """
    if settings.warm_start is None:
        return []
    ended = ranked_trials(find_search(settings.storage, settings.warm_start).trials())
    if not ended:
        raise InputError(f"--warm-start: no trial of the search {settings.warm_start!r} has come to a result yet.")
    if settings.objective.against:
        front = front_trials(ended)
        ended = [*front, *(trial for trial in ended if trial not in front)]
    best = dict[HParams, HParams]()
    for trial in ended:
        try:
            hparams = HParams.from_dict(trial.hparams)
        except ValueError as error:
            raise InputError(f"--warm-start: the search {settings.warm_start!r} is of another version: {error}") from None
        if come_to := _within(space, hparams):
            best.setdefault(come_to, hparams)
    return list(best.values())[:WARM]


def told_of_warm_start(warm: Sequence[HParams], space: Space) -> Iterator[str]:
    """Yields how many of another search's best configurations a search begins with, and what they are tried without."""
    yield f"Tried first: the other search's best configurations that lie in this space, {len(warm)} of them"
    others = set[str]()
    for hparams in warm:
        if come_to := _within(space, hparams):
            now, then = come_to.to_dict(), hparams.to_dict()
            others |= {name for name in now if now[name] != then[name]}
    if others:
        yield f"They are tried with this space's {', '.join(sorted(others))}, which was another there"


def _within(space: Space, hparams: HParams) -> HParams | None:
    """Returns what hyperparameters come to in a space, whose fixed ones may be others; None if they lie outside it."""
    drawn = space.place(hparams)
    return None if drawn is None else space.suggest(FixedTrial(drawn))  # type: ignore[arg-type]


def write_first(first: list[HParams]) -> list[dict[str, Any]]:
    """Returns the first trials as search.json keeps them."""
    return [hparams.to_dict() for hparams in first]


def read_first(about: Mapping[str, Any]) -> list[HParams]:
    """Returns the first trials that search.json has kept."""
    return [HParams.from_dict(values) for values in about[FIRST]]
