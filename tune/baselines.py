"""The linear baselines that a search's result is compared with: begun while trials run, waited for at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from data.clock import now
from data.errors import InputError
from tune.baseline import Baseline
from tune.folder import SearchFolder
from tune.inputs import Inputs
from tune.search_result import read_result
from tune.settings import Settings
from tune.verdict import BASELINES

LATE_SECONDS = 5.0
"""How long after a time limit they are waited for."""


class Baselines:
    """Those of a search by their keys in its result: the figures of an earlier run, or what is to find them.

    Args:
        made: To be run.
        known: Figures that are there.
    """

    def __init__(self, made: Mapping[str, Baseline], known: Mapping[str, Any] | None = None) -> None:
        self._made, self._known = made, known or {}

    @classmethod
    def of(cls, folder: SearchFolder, settings: Settings, inputs: Inputs) -> Baselines:
        """Returns those that the settings ask for; of the same corpus and split, an earlier run's are the same again."""
        made = {"baseline": Baseline.linear(inputs.dataset, settings.seed)}
        if settings.strong_baseline:
            made["strong_baseline"] = Baseline.strong(inputs.corpus, inputs.dataset, settings.seed)
        known = _known(folder)
        return cls({key: baseline for key, baseline in made.items() if key not in known}, known)

    def start(self) -> None:
        """Starts those that were not started."""
        for baseline in self._made.values():
            baseline.start()

    def close(self) -> None:
        """Ends them, done or not."""
        for baseline in self._made.values():
            baseline.close()

    def result(self, deadline: float, say: Callable[[str], None]) -> dict[str, Any]:
        """Waits for the figures.

        Args:
            deadline: When the search is to be over, as `data.clock.now` gives it.
            say: Shows a line.

        Returns:
            The figures by their keys; None, and under `missing` the reason, of one that failed, is too slow, or that the user
            would not wait for.
        """
        figures, missing = dict(self._known), dict[str, str]()
        for key, baseline in self._made.items():
            if not baseline.is_ready():
                say(f"Waiting for the {baseline.name}; Ctrl-C ends the search without it")
            try:
                figures[key] = baseline.result(max(deadline + LATE_SECONDS - now(), 0) if math.isfinite(deadline) else None)
            except TimeoutError:
                missing[key] = "it was not ready in time"
            except KeyboardInterrupt:
                missing[key] = "it was stopped"
            except RuntimeError as error:
                missing[key] = f"it failed: {error}"
        for key, reason in missing.items():
            say(f"The result stands without the {self._made[key].name}: {reason}")
        return figures | dict.fromkeys(missing) | ({"missing": missing} if missing else {})


def _known(folder: SearchFolder) -> dict[str, Any]:
    with suppress(InputError):  # it came to no end, or is to be made again
        result = read_result(folder)
        return {key: figures for key in BASELINES if (figures := result.get(key))}
    return {}
