"""The live view: it tells what is so, and fits every terminal."""

import io
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from model.hparams import HParams
from tune.display import Display
from tune.live_view import LiveState, LiveView, RunningTrial, clock
from tune.objective import Objective
from tune.searcher import ENDED, EPOCHS, HPARAMS, NUMBER

HPARAMETERS = HParams(bidirectional=True, dense_layers=2, top_k=0.25, top_k_schedule="anneal").to_dict()


def state(
    *,
    elapsed: float = 60.0,
    seconds: float | None = None,
    trials: int | None = None,
    complete: int = 0,
    running: dict[int, RunningTrial] | None = None,
) -> LiveState:
    return LiveState(
        objective=Objective(),
        max_epochs=30,
        elapsed=elapsed,
        seconds=seconds,
        trials=trials,
        ended={"complete": complete, "stopped": complete, "failed": 0},
        useful_share=0.9,
        best=("trial 3, epoch 7: loss 0.593", HPARAMETERS),
        running=running or {},
        notes=["log: a/path/of/some/length/search.log"],
    )


def drawn(view: LiveState, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(LiveView(view))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("now", "left", "progress"),
    [
        (state(seconds=600.0), 540.0, 0.1),
        (state(trials=40, complete=5), 180.0, 0.25),  # 10 trials in 60 s
        (state(seconds=100.0, trials=40, complete=5), 40.0, 0.6),
        (state(seconds=50.0), 0.0, 1.0),
        (state(trials=40), None, 0.0),  # nothing has ended yet
        (state(trials=8, complete=5), 0.0, 1.0),
    ],
)
def test_what_is_left_is_told_by_the_limit_that_is_nearer(now: LiveState, left: float | None, progress: float) -> None:
    assert now.remaining() == left
    assert now.progress() == progress
    assert ("left" in now.status()) == (left is not None)


@given(
    width=st.integers(30, 160),
    height=st.integers(9, 50),
    trials=st.integers(0, 70),
    epochs=st.integers(0, 30),
    limits=st.tuples(st.none() | st.floats(1, 1e6), st.none() | st.integers(1, 10_000)),
)
def test_it_fits_every_terminal(
    width: int, height: int, trials: int, epochs: int, limits: tuple[float | None, int | None]
) -> None:
    running = {number: RunningTrial(HPARAMETERS, [1 / (epoch + 1) for epoch in range(epochs)]) for number in range(trials)}
    lines = drawn(state(seconds=limits[0], trials=limits[1], complete=2, running=running), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    if width >= 70 and trials > height:
        assert any(line.strip().startswith("and ") and line.endswith(" more") for line in lines)


def test_at_80_columns_all_figures_of_a_trial_are_seen() -> None:
    line = drawn(state(running={1234: RunningTrial(HPARAMETERS, [0.9, 0.6, 0.7])}), 80)[5]
    assert line.split()[:5] == ["1234", "3/30", "0.700", "0.600", "█▁▃"]
    assert "LSTM 1x64 bi" in line


def test_a_hyperparameter_cannot_take_a_terminal() -> None:
    hostile = {**HPARAMETERS, "pooling": "[/x]\x1b[2J"}
    shown = "\n".join(drawn(replace(state(running={1: RunningTrial(hostile)}), best=("trial 1", hostile)), 120))
    assert shown.count("[/x]") == 2
    assert "\x1b[2J" not in shown


def test_a_trial_is_seen_from_its_start_to_its_end() -> None:
    display = Display(Console(file=io.StringIO(), width=80), 0.0)
    trial: Any = SimpleNamespace(config={NUMBER: 7, HPARAMS: HPARAMETERS})
    result = {"epoch": 1, "loss": 0.5, "accuracy": 0.8, "macro_f1": 0.7, "seconds": 1.0, ENDED: ""}
    seen = []
    display.on_trial_start(0, [], trial)
    for ended in ("", "all 2 epochs"):
        seen.append([line.split()[:2] for line in drawn(display._state(), 80) if "LSTM" in line])
        display.on_trial_result(0, [], trial, result | {ENDED: ended})
    assert seen[0] == [["7", "0/0"]]
    assert seen[1][-1] == ["7", "1/0"]
    assert display._state().running == {}


def test_an_epoch_that_is_told_again_is_counted_once() -> None:
    display = Display(Console(file=io.StringIO(), width=80), 0.0)
    trial: Any = SimpleNamespace(config={NUMBER: 7, HPARAMS: HPARAMETERS, EPOCHS: 0})
    result = {"loss": 0.5, "accuracy": 0.8, "macro_f1": 0.7, "seconds": 1.0, ENDED: ""}
    for epoch, before in ((1, 0), (2, 0), (1, 2), (2, 2), (3, 2)):
        trial.config[EPOCHS] = before
        display.on_trial_result(0, [], trial, result | {"epoch": epoch, "loss": 1 / epoch})
    assert display._state().running[7].values == [1, 1 / 2, 1 / 3]
    assert display._useful == 3
    display.on_trial_result(0, [], trial, result | {"epoch": 3, "repeated": True, "done": True, ENDED: "time limit"})
    assert display._useful == 4, "an epoch that was cut short is of use"


def test_a_trial_that_fails_is_no_longer_the_best() -> None:
    console = Console(file=io.StringIO(), width=80)
    display = Display(console, 0.0)
    result = {"epoch": 1, "accuracy": 0.8, "macro_f1": 0.7, "seconds": 1.0, ENDED: ""}
    trials: Any = [SimpleNamespace(config={NUMBER: number, HPARAMS: HPARAMETERS, EPOCHS: 0}) for number in range(3)]
    bests = []
    for trial, told in (
        (trials[0], {"loss": 0.6}),
        (trials[1], {"loss": 0.5}),
        (trials[1], {"epoch": 2, "loss": math.nan, ENDED: "nan: the loss was not finite"}),
        (trials[2], {"loss": 0.55}),
    ):
        display.on_trial_result(0, [], trial, result | told)
        best = display._state().best
        assert best
        bests.append(best[0].split(",")[0])
    assert bests == ["trial 0", "trial 1", "trial 0", "trial 2"]
    display.on_trial_error(0, [], trials[2])
    assert display._state().best == (display._bests[0].text, HPARAMETERS)


def test_clocks_are_read_as_such() -> None:
    told = [clock(seconds) for seconds in (0, 59.9, 60, 3_599, 3_600, 90_061)]
    assert told == ["0:00", "0:59", "1:00", "59:59", "1:00:00", "25:01:01"]
