"""What a person sees of a running search: a live view in a terminal, plain lines elsewhere. All on stderr."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ray.tune import Callback
from rich.console import Console
from rich.live import Live
from rich.text import Text

from data.clock import now
from data.split import told_of_sides
from model.size import count_parameters
from tune.folder import LOG
from tune.live_view import ENDS, LiveState, LiveView, RunningTrial, best_text, clock
from tune.objective import Objective
from tune.outcome import share
from tune.program import program
from tune.repeat_file import repeat_seconds
from tune.searcher import HPARAMS, NUMBER, ended_as, is_told_again
from tune.stopwatch import Stopwatch
from tune.workers import Workers

if TYPE_CHECKING:
    from ray.tune.experiment import Trial

    from tune.folder import SearchFolder
    from tune.inputs import Inputs
    from tune.settings import Settings

LINE_SECONDS = 10.0
"""At least so long between two plain lines that do not tell of a new best."""


class Best(NamedTuple):
    """The best epoch of a trial.

    Attributes:
        cost: What trials are ranked by.
        text: It, in words.
        hparams: The trial's hyperparameters.
    """

    cost: float
    text: str
    hparams: Mapping[str, Any]


class Display(Callback):
    """Follows a search.

    Args:
        console: Where to show it; a live view if it is a terminal.
        started: When the search began, as `data.clock.now` gives it.
        quiet: Show nothing at all.
    """

    def __init__(self, console: Console, started: float, *, quiet: bool = False) -> None:
        self.console, self.started, self.quiet = console, started, quiet
        self._live: Live | None = None
        self._running: dict[int, RunningTrial] = {}
        self._ended = dict.fromkeys(ENDS.values(), 0)
        self._objective = Objective()
        self._bests: dict[int, Best] = {}
        self._notes: list[str] = []
        self._show = f"{program()} show"
        self._useful = 0.0
        self._stopwatch: Stopwatch | None = None
        self._epochs = 0
        self._limit: int | None = None
        self._seconds: float | None = None
        self._last_line = 0.0

    def say(self, text: str) -> None:
        """Shows a line."""
        if not self.quiet:
            line = Text.assemble((clock(now() - self.started), "dim"), "  ", text)
            self.console.print(line, soft_wrap=True)

    def start(
        self,
        folder: SearchFolder,
        settings: Settings,
        inputs: Inputs,
        workers: Workers,
        limit: int | None,
        deadline: float | None,
        stopwatch: Stopwatch,
    ) -> None:
        """Shows what is going to be done."""
        self._stopwatch, self._limit, self._epochs = stopwatch, limit, settings.max_epochs
        self._seconds = None if deadline is None else stopwatch.read().wall + deadline - now()
        self._objective = settings.objective
        split = inputs.dataset.split
        sizes = f"{len(split.train):,} train, {len(split.validation):,} validation, {len(split.test):,} test"
        self.say(f"{len(inputs.corpus):,} texts of {len(inputs.corpus.classes)} classes: {sizes}")
        for note in (*inputs.corpus.told(), *told_of_sides(inputs.corpus, split, settings.validation, settings.test)):
            self.say(note)
        ends = [] if limit is None else [f"{limit} trials"]
        ends += [] if deadline is None else [clock(deadline - self.started)]
        self.say(f"Searching with {workers} until {' or '.join(ends)}; kept in {folder}")
        size = 4 * count_parameters(inputs.space.largest(), inputs.dataset.vocabulary_size, inputs.dataset.classes) / 2**20
        kept = f"the weights of the best {settings.keep} are kept, {size:.0f} MiB each at most"
        budget = f", {settings.checkpoint_budget:g} GiB together" if settings.checkpoint_budget else ""
        self.say(f"Of the trials, {kept}{budget}")
        self._useful = repeat_seconds(folder)
        for trial in folder.trials():  # of a search that is resumed
            self._useful += trial.seconds
            if kind := ENDS.get(trial.state):
                self._ended[kind] += 1
            if trial.state != "failed" and trial.best_epoch:
                figures = trial.epochs[trial.best_epoch - 1]
                self._bests[trial.number] = Best(trial.cost, best_text(trial.number, trial.best_epoch, figures), trial.hparams)
        self._notes = [f"log: {folder.path / LOG}"]
        self._show = f"{program()} show {folder.name}{folder.storage_flag()}"
        if self.console.is_terminal and not self.quiet:
            self._live = Live(console=self.console, get_renderable=self._view, refresh_per_second=2, transient=True)
            self._live.start()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Shows a trial from its beginning on."""
        self._running.setdefault(trial.config[NUMBER], RunningTrial(trial.config[HPARAMS]))

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any) -> None:
        """Takes a report in."""
        number = trial.config[NUMBER]
        running = self._running.setdefault(number, RunningTrial(trial.config[HPARAMS]))
        if result.get("repeated"):  # of an epoch that was cut short
            self._useful += result["seconds"]
        else:
            self._useful += 0.0 if is_told_again(trial, result) else result["seconds"]
            running.values[result["epoch"] - 1 :] = [result[self._objective.metric]]
            self._take(number, Best(self._objective.cost(result), best_text(number, result["epoch"], result), running.hparams))
        if kind := ended_as(result):
            self._running.pop(number, None)
            self._ended[kind] += 1
            if kind == "failed":
                self._bests.pop(number, None)
            self._line(self._state().status())

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Counts a failure."""
        self._running.pop(trial.config[NUMBER], None)
        self._bests.pop(trial.config[NUMBER], None)  # what has failed is never the best in the end
        self._ended["failed"] += 1
        self._line(f"trial {trial.config[NUMBER]} failed; why: {self._show}", force=True)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Ends the live view."""
        self.stop()
        self.say(self._state().status())

    def stop(self) -> None:
        """Ends the live view, if it has not ended, and gives the terminal back as it was."""
        if self._live:
            self._live.stop()
            self._live = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def _best(self) -> Best | None:
        return min(list(self._bests.values()), key=lambda best: best.cost, default=None)

    def _take(self, number: int, best: Best) -> None:
        """Takes a trial's epoch in; tells of it if it is the best of all."""
        lowest, own = self._best(), self._bests.get(number)
        if math.isfinite(best.cost) and (own is None or best.cost < own.cost):
            self._bests[number] = best
            if lowest is None or best.cost < lowest.cost:
                self._line(f"best so far: {best.text}", force=True)

    def _line(self, text: str, *, force: bool = False) -> None:
        if self._live is None and (force or now() - self._last_line > LINE_SECONDS):
            self._last_line = now()
            self.say(text)

    def _state(self) -> LiveState:
        wall, workers = self._stopwatch.read() if self._stopwatch else (now() - self.started, 1)
        best = self._best()
        return LiveState(
            objective=self._objective,
            max_epochs=self._epochs,
            elapsed=wall,
            seconds=self._seconds,
            trials=self._limit,
            ended=self._ended,
            useful_share=share(self._useful, workers * wall),
            best=best and (best.text, best.hparams),
            running=self._running,
            notes=self._notes,
        )

    def _view(self) -> LiveView:
        return LiveView(self._state())
