"""Whether a finished search is whole."""

import collections
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kills_processes import ask

from tune.folder import RAY, SearchFolder
from tune.outcome import ranked_trials
from tune.study_address import JOURNAL

FIGURES = ("loss", "accuracy", "macro_f1", "rows")


def amiss(folder: SearchFolder, count: int, ask: Callable[..., Any] = ask) -> list[str]:
    """Returns what is wrong with a finished search of so many trials; `ask` gives the document that a command prints."""
    storage = ("--storage", str(folder.path.parent))
    document, best = ask("show", folder.name, *storage), ask("best", folder.name, *storage)
    trials, told = document["trials"], folder.study().trials
    states = collections.Counter(trial["state"] for trial in trials)
    outcomes = ranked_trials(folder.trials())
    found = {
        "each trial once": [trial["trial"] for trial in trials] == list(range(count)) == [trial.number for trial in told],
        "each of them ended": states["complete"] + states["pruned"] + states["failed"] == count,
        "study and leaderboard agree on states": [trial.state.name[:4].lower() for trial in told]
        == [trial["state"][:4] for trial in trials],
        "one value for each epoch": all(
            sorted(ours.intermediate_values) == list(range(1, trial["epochs"] + 1))
            for trial, ours in zip(trials, told, strict=True)
        ),
        "the winner leads the leaderboard": (best["trial"], best["epoch"]) == (outcomes[0].number, outcomes[0].best_epoch),
        "the winner is as good as the leaderboard says": math.isclose(
            best["calibration"]["before"]["validation"]["loss"], outcomes[0].cost, abs_tol=1e-6
        ),
        "the best weights are kept and no others": {path.name for path in (folder.path / "weights").iterdir()}
        == {f"{trial.number:05d}.npz" for trial in outcomes[: folder.settings().keep]},
        "no snapshot is left": not any((folder.path / "snapshots").iterdir()),
        "nothing half done is left": not [path for path in files(folder) if path.name.startswith((".", f"{JOURNAL}.lock"))],
        "there is nothing to go on with": ask("resume", folder.name, *storage) == best,
    }
    for side in ("validation", "test"):
        again = ask("evaluate", folder.name, *storage, "--split", side)
        found[f"its classifier gives its {side} figures again"] = all(
            math.isclose(again[figure], best[side][figure], abs_tol=1e-6) for figure in FIGURES
        )
    print(
        f"\n{folder.name}: {dict(states)}; best trial {best['trial']}, validation loss {best['validation']['loss']:.4f}, "
        f"Optuna's best value {folder.study().best_value:.4f}"
    )
    return [f"{folder.name}: not so: {law}" for law, holds in found.items() if not holds]


def files(folder: SearchFolder) -> list[Path]:
    return [path for path in folder.path.rglob("*") if path.relative_to(folder.path).parts[0] != RAY]
