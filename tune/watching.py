"""Watching a search that runs in another process, or on another machine, from its storage alone."""

from __future__ import annotations

import time

import optuna
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tune.folder import ABOUT, LOG, SearchFolder
from tune.lease import Pulse
from tune.live_view import ENDS, LiveState, LiveView, RunningTrial, best_text, clock
from tune.lock import is_running
from tune.outcome import TrialOutcome, counts, elapsed_seconds, useful_share
from tune.program import program
from tune.repeat_file import repeat_seconds

PLAIN_SECONDS = 30.0
"""Between two lines where there is no terminal, unless something has changed."""


def watch_search(folder: SearchFolder, console: Console, every: float) -> None:
    """Shows a search until it has ended, or until nobody runs it.

    Args:
        folder: Of the search.
        console: Where to show it; redrawn in place if it is a terminal, else a line now and then.
        every: Seconds between two looks.

    Raises:
        InputError: If its storage cannot be read.
    """
    pulse = Pulse()
    study = None if folder.storage else folder.study()  # of what stands under an address, a copy is made at every look
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
            while True:
                running, state = _look(folder, pulse, study)
                live.update(Group(Text(folder.name, "bold"), LiveView(state)), refresh=True)
                if not running:
                    break
                time.sleep(every)
    else:
        said, when = "", 0.0
        while True:
            running, state = _look(folder, pulse, study)
            line = f"{state.done}{state.best and state.best[0]}"
            if line != said or time.monotonic() > when + PLAIN_SECONDS:
                said, when = line, time.monotonic()
                best = f" · best: {state.best[0]}" if state.best else ""
                console.print(Text(f"{clock(state.elapsed)}  {state.status()}{best}"), soft_wrap=True)
            if not running:
                break
            time.sleep(every)
    ended = folder.read_json(ABOUT)["finished"]
    console.print(
        Text(f"Finished: {program()} best {folder.name}{folder.storage_flag()}")
        if ended
        else Text(f"Nobody runs it{'' if folder.storage else ' on this machine'}; go on with: {folder.resume_command()}"),
        soft_wrap=True,
    )


def _look(folder: SearchFolder, pulse: Pulse, study: optuna.Study | None) -> tuple[bool, LiveState]:
    """Returns whether a search runs, and how it stands no earlier than that was so."""
    running = is_running(folder, pulse)
    folder.refresh()
    return running, read_state(folder, study, running=running)


def read_state(folder: SearchFolder, study: optuna.Study | None = None, *, running: bool) -> LiveState:
    """Reads how a search stands, that runs or does not; its study may have been opened before.

    Raises:
        InputError: If its storage cannot be read.
    """
    trials, about, settings = folder.trials(study), folder.read_json(ABOUT), folder.settings()
    news = max([_modified(folder), *(epoch["at"] for trial in trials for epoch in trial.epochs[-1:])])
    elapsed = elapsed_seconds(about, trials)
    if running and "began" in about:
        elapsed = max(elapsed, time.time() - about["began"])
    ended = counts(trials)
    return LiveState(
        objective=settings.objective,
        max_epochs=settings.max_epochs,
        elapsed=elapsed,
        seconds=about["goal"]["wall_seconds"],
        trials=about["goal"]["trials"],
        ended={kind: ended[state] for state, kind in ENDS.items()},
        useful_share=useful_share(trials, about["workers"], elapsed, repeat_seconds(folder)),
        best=_best(trials),
        running={trial.number: _running(trial) for trial in trials if trial.state == "running" and trial.hparams},
        notes=[f"last news {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(news))} · log: {folder}/{LOG}"],
    )


def _modified(folder: SearchFolder) -> float:
    return (folder.path / ABOUT).stat().st_mtime


def _best(trials: list[TrialOutcome]) -> tuple[str, dict[str, object]] | None:
    told = [trial for trial in trials if trial.best_epoch and trial.state != "failed"]
    trial = min(told, key=lambda one: one.place, default=None)
    if trial is None or not trial.best_epoch:
        return None
    return best_text(trial.number, trial.best_epoch, trial.epochs[trial.best_epoch - 1]), trial.hparams


def _running(trial: TrialOutcome) -> RunningTrial:
    return RunningTrial(trial.hparams, [epoch[trial.objective.metric] for epoch in trial.epochs])
