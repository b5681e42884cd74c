"""A baseline that is late or fails costs a search no result: it says why there is none."""

import errno
import io
from contextlib import closing
from typing import Any

import pytest
from rich.console import Console

from data.clock import now
from tune.baseline import Baseline
from tune.baselines import Baselines
from tune.display import Display


def waited_for(seconds: float, function: str, *arguments: Any) -> tuple[dict[str, Any], str]:
    """What a result has of a baseline that does so, where it may be so late; and what is said of it."""
    console = Console(file=io.StringIO(), width=200)
    with closing(Baseline("linear baseline", function, *arguments)) as baseline:
        figures = Baselines({"baseline": baseline}).result(now() + seconds, Display(console, now()).say)
    return figures, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "work", "reason"),
    [
        pytest.param(-60, ("time:sleep", 60), "it was not ready in time", id="late"),
        pytest.param(300, ("operator:truediv", 1, 0), "it failed: ZeroDivisionError: division by zero", id="failed"),
    ],
)
def test_a_result_stands_without_a_baseline_and_says_why(seconds: float, work: tuple[Any, ...], reason: str) -> None:
    figures, said = waited_for(seconds, *work)
    assert figures == {"baseline": None, "missing": {"baseline": reason}}
    assert f"The result stands without the linear baseline: {reason}" in said


def test_who_will_not_wait_for_a_baseline_has_the_result_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tune.baseline.Baseline.result", stop)
    figures, said = waited_for(300, "time:sleep", 60)
    assert figures == {"baseline": None, "missing": {"baseline": "it was stopped"}}
    assert "Waiting for the linear baseline; Ctrl-C ends the search without it" in said


def test_one_whose_process_cannot_be_started_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr("subprocess.Popen", refuse)
    figures, said = waited_for(300, "time:sleep", 60)
    assert figures["baseline"] is None
    reason = figures["missing"]["baseline"]
    assert reason.startswith("it failed: ")
    assert "Cannot allocate memory" in reason
    assert f"The result stands without the linear baseline: {reason}" in said
