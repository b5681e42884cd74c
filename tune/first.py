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


def warm_trials(settings: Settings) -> list[HParams]:
    """Returns the best configurations of the search named by `warm_start`.

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
    return [HParams.from_dict(trial.hparams) for trial in ended[:WARM]]


def told_of_warm_start(warm: Sequence[HParams], space: Space) -> Iterator[str]:
    """Yields how many of another search's best configurations a search begins with, and what they are tried without."""
    placed, others = 0, set[str]()
    for hparams in warm:
        if (drawn := space.place(hparams)) is not None:
            placed += 1
            now, then = space.suggest(FixedTrial(drawn)).to_dict(), hparams.to_dict()  # type: ignore[arg-type]
            others |= {name for name in now if now[name] != then[name]}
    if warm:
        yield f"{placed} of the other search's {len(warm)} best configurations lie in this space, and are tried first"
    if others:
        yield f"They are tried with this space's {', '.join(sorted(others))}, which was another there"


def write_first(first: list[HParams]) -> list[dict[str, Any]]:
    """Returns the first trials as search.json keeps them."""
    return [hparams.to_dict() for hparams in first]


def read_first(about: Mapping[str, Any]) -> list[HParams]:
    """Returns the first trials that search.json has kept."""
    return [HParams.from_dict(values) for values in about[FIRST]]
