"""What people are told: a result in a sentence, suspects in a table."""

import io
from typing import Any

import pytest
from rich.console import Console

from model.hparams import HParams
from tune.outcome import TrialOutcome, useful_share
from tune.summary import figure_rows
from tune.suspects import suspects_table
from tune.trial_tables import leaderboard_table
from tune.verdict import verdict

Figures = tuple[float, float]


def document(linear: Figures | str, strong: Figures | str | None = None, **more: Any) -> dict[str, Any]:
    """A result of macro-F1 .6 and accuracy .7 on the test split, beside baselines; a text is why there is none."""
    told: dict[str, Any] = {"test": {"macro_f1": 0.6, "accuracy": 0.7, "loss": 1.0}, **more}
    for key, figures in (("baseline", linear), ("strong_baseline", strong)):
        if isinstance(figures, str):
            told[key] = None
            told["missing"] = told.get("missing", {}) | {key: figures}
        elif figures:
            told[key] = {"test": {"macro_f1": figures[0], "accuracy": figures[1], "loss": None}}
    return told


def test_refitted_it_is_compared_by_the_figures_of_the_original_which_has_seen_no_more_rows_than_the_baseline() -> None:
    original = {"test": {"macro_f1": 0.7, "accuracy": 0.8, "loss": 1.0, "rows": 9}, "checkpoint": "a/b"}
    told = document((0.65, 0.75), original=original, refit={"rows": 99, "epochs": {"1": 2}})
    assert "the LSTM beats the linear baseline: macro-F1 0.700 against 0.650, accuracy 0.800 against 0.750" in verdict(told)
    rows = dict(figure_rows(told))
    assert rows["LSTM"] is original
    assert rows["LSTM, refitted on train and validation"] == {"test": told["test"]}


@pytest.mark.parametrize(
    ("linear", "epochs", "says"),
    [
        pytest.param((0.5, 0.6), {"1": 2, "3": 4}, " the classifier has 0.600 and 0.700.", id="better"),
        pytest.param((0.5, 0.6), {"3": 4}, ", 1 of the 2, the classifier has 0.600 and 0.700.", id="part"),
        pytest.param(
            (0.65, 0.75),
            {"3": 4},
            ", 1 of the 2, the classifier has 0.600 and 0.700 and LOSES to the linear baseline. As it was before it is in a/b.",
            id="loses",
        ),
    ],
)
@pytest.mark.parametrize("strong", [None, (0.55, 0.65)])
def test_the_verdict_ends_with_what_the_refitted_classifier_has_come_to(
    linear: Figures, epochs: dict[str, int], says: str, strong: Figures | None
) -> None:
    original = {"test": {"macro_f1": 0.7, "accuracy": 0.8, "loss": 1.0, "rows": 9}, "checkpoint": "a/b"}
    more = {"original": original, "refit": {"rows": 99, "epochs": epochs}, "ensemble": [{"trial": 1}, {"trial": 3}]}
    told = verdict(document(linear, strong, **more))
    assert told.startswith("On the test split the ensemble of 2 trials beats the linear baseline: macro-F1 0.700 ")
    assert told.endswith(f" Refitted on train and validation rows{says}")
    assert ("It beats the strong baseline: macro-F1 0.700" in told) == (strong is not None)


def test_a_refitted_classifier_may_lose_to_the_one_baseline_that_there_is() -> None:
    original = {"test": {"macro_f1": 0.7, "accuracy": 0.8, "loss": 1.0, "rows": 9}, "checkpoint": "a/b"}
    told = verdict(
        document("it was not ready in time", (0.65, 0.75), original=original, refit={"rows": 99, "epochs": {"1": 2}})
    )
    assert "the classifier has 0.600 and 0.700 and LOSES to the strong baseline." in told


def test_a_search_for_which_no_worker_came_has_used_none_of_their_time() -> None:
    assert useful_share([], 0.0, 30.0) == 0.0
    assert useful_share([], 2.0, 0.0, 3.0) == 0.0
    assert useful_share([], 2.0, 10.0, 5.0) == 0.25


@pytest.mark.parametrize(
    ("linear", "says"),
    [
        pytest.param((0.5, 0.7), "On the test split the LSTM beats the linear baseline", id="better"),
        pytest.param((0.6, 0.7), "On the test split the LSTM and the linear baseline are equal", id="equal"),
        pytest.param((0.6, 0.8), "On the test split the LSTM LOSES to the linear baseline", id="worse"),
        pytest.param((0.5, 0.8), "On the test split neither the LSTM nor the linear baseline is the better one", id="split"),
    ],
)
def test_the_verdict_is_that_of_both_figures_on_the_test_split(linear: Figures, says: str) -> None:
    sentence = verdict(document(linear))
    assert sentence.startswith(f"{says}: macro-F1 0.600 against {linear[0]:.3f}, accuracy 0.700 against {linear[1]:.3f}.")
    assert sentence.endswith("Use a linear model (docs/faq.md has both in a few lines), or search on.") == ("LOSES" in says)


@pytest.mark.parametrize(
    ("strong", "says"),
    [
        pytest.param((0.5, 0.6), "It beats the strong baseline", id="better"),
        pytest.param((0.6, 0.7), "It and the strong baseline are equal", id="equal"),
        pytest.param((0.7, 0.8), "It LOSES to the strong baseline", id="worse"),
        pytest.param((0.7, 0.6), "Neither it nor the strong baseline is the better one", id="split"),
    ],
)
def test_where_it_was_asked_for_the_verdict_has_the_strong_baseline_too(strong: Figures, says: str) -> None:
    alone, both = verdict(document((0.5, 0.6))), verdict(document((0.5, 0.6), strong))
    told = f"{alone} {says}: macro-F1 0.600 against {strong[0]:.3f}, accuracy 0.700 against {strong[1]:.3f}."
    assert both == told + (
        " Use a linear model (docs/faq.md has both in a few lines), or search on." if "LOSES" in says else ""
    )


def test_a_verdict_without_a_baseline_says_why_there_is_none() -> None:
    late = "it was not ready in time"
    assert verdict(document(late)) == f"There is no linear baseline to compare with: {late}."
    assert verdict(document((0.5, 0.6), late)).endswith(f" There is no strong baseline to compare with: {late}.")
    without = f"There is no linear baseline to compare with: {late}. On the test split the LSTM LOSES to the strong baseline"
    assert verdict(document(late, (0.7, 0.8))).startswith(without)


def test_the_verdict_names_what_was_compared() -> None:
    wide = {"test": {"macro_f1": 0.55, "accuracy": 0.65, "loss": 1.1}}
    sentence = verdict(document((0.5, 0.6), (0.7, 0.8), wide=wide))
    assert sentence.startswith("On the test split the LSTM with its wide branch beats")
    assert sentence.count("(the wide branch alone 0.550 and 0.650)") == 1
    for macro_f1, accuracy, told in (
        (0.65, 0.7, "(the wide branch alone does better: 0.650 and 0.700)"),
        (0.6, 0.7, "(the wide branch alone 0.600 and 0.700)"),
        (0.65, 0.6, "(the wide branch alone 0.650 and 0.600)"),
    ):
        assert told in verdict(document((0.5, 0.6), wide={"test": {"macro_f1": macro_f1, "accuracy": accuracy}}))
    members = [{"trial": 1, "weight": 0.5}, {"trial": 2, "weight": 0.5}]
    assert "the ensemble of 2 trials beats" in verdict(document((0.5, 0.6), ensemble=members))


def test_a_text_takes_a_line_of_the_terminal_and_cannot_steer_it() -> None:
    text = "[red]two\nlines\x1b[2J\u202e" + "and on " * 10**5
    one = {"row": 12345, "text": text, "label": "[b]a", "label_probability": 0.1, "likeliest": "b", "probability": 0.9}
    document = {"name": "n", "judged": 9, "trials": [3], "linear": False, "suspects": [one]}
    console = Console(width=90, record=True, file=io.StringIO())
    console.print(suspects_table(document))
    *_, line = console.export_text().splitlines()
    assert line.split()[:5] == ["12345", "[b]a", "0.100", "b", "0.900"]
    sign = "\N{REPLACEMENT CHARACTER}"
    assert f"[red]two lines{sign}[2J{sign}and on and" in line
    assert len(line) <= 90


def test_at_80_columns_a_trial_keeps_its_figures_and_takes_two_lines() -> None:
    epoch = {"loss": 1.25, "accuracy": 0.75, "macro_f1": 0.5, "seconds": 20.0}
    trials = [TrialOutcome(n, "complete", "no better since epoch 7", HParams().to_dict(), (epoch,) * 7, 1.0) for n in range(5)]
    console = Console(file=io.StringIO(), width=80)
    console.print(leaderboard_table(trials, 5))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 11
    assert lines[1].split()[:6] == ["0", "1.2500", "0.7500", "0.5000", "1/7", "1.0"]
    assert max(map(len, lines)) <= 80
