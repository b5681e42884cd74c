"""When the parts of a run end, as far as that is known by now."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from data.clock import now
from tune.inputs import Inputs
from tune.outcome import TrialOutcome
from tune.refit_time import RefitTime
from tune.settings import Settings
from tune.timetable import Again, Timetable, finish_seconds, make_timetable, most_members, retest_seconds
from tune.workers import Workers


class RunTimes:
    """The timetable of a run, in which the trials' end depends on what they turn out to be.

    Args:
        settings: Of the search.
        inputs: Its corpus, encoded just now.
        workers: That train.
        trials: Reads the search's trials as they stand.
        started: When the user asked for the run, as `data.clock.now` gives it.
        seconds: What it may take from then on, or None.

    Attributes:
        prepare: Seconds of encoding the corpus and fitting the wide branch, which training the winner again begins with.
        latest: Of a winner that is trained again in no time.
        earliest: Of one that takes as long as it may.
    """

    def __init__(
        self,
        settings: Settings,
        inputs: Inputs,
        workers: Workers,
        trials: Callable[[], Sequence[TrialOutcome]],
        started: float,
        seconds: float | None,
    ) -> None:
        self._settings, self._started, self._seconds, self._began = settings, started, seconds, now()
        self._finish, self._retest = finish_seconds(settings, inputs), retest_seconds(settings, inputs)
        self.prepare = inputs.seconds
        self._refit = RefitTime(trials, most_members(settings), workers.now, inputs.dataset.split, self.prepare)
        self.latest, self.earliest = self._with(self.prepare), self._with(math.inf)

    def by_now(self) -> Timetable:
        """Returns the timetable of a winner as trials promise it."""
        changes = self._settings.refit and self._seconds is not None
        return self._with(self._refit.seconds()) if changes else self.latest

    def _with(self, refit: float) -> Timetable:
        again = Again(refit, self._retest, self._began) if self._settings.refit else None
        return make_timetable(self._settings, self._started, self._seconds, self._finish, again)
