"""The contenders: how each is started, ended at its budget, and its curve read."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tune.outcome import read_trials
from tune.study import open_study

PEERS = Path(__file__).resolve().parents[1] / "peers"
TOPKNOT, LSTM_ALONE, UNINFORMED = "topknot", "topknot_lstm_alone", "topknot_lstm_alone_no_portfolio"
ALONE = ("--config", str(Path(__file__).with_name("lstm_alone.yaml")))
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "CUDA_VISIBLE_DEVICES": "-1",  # the question is about cores
}


class Epoch(NamedTuple):
    """An epoch of a curve.

    Attributes:
        seconds: From the launch to its report.
        trial: The trial's number or name.
        loss: The full loss on the validation rows.
    """

    seconds: float
    trial: int | str
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One who searches.

    Attributes:
        title: What tables and pictures call it.
        grace: Seconds after the budget in which it may come to its end by itself. Nothing in them counts.
        needs: Packages beyond Topknot's own, as one imports them -> as one installs them.
        longest: Tokens of a text that it is given; None for as many as its search space asks for.
        flags: Of Topknot's command line; None for the others.
    """

    title: str
    grace: float = 0.0
    needs: Mapping[str, str]
    longest: int | None = None
    flags: tuple[str, ...] | None = None

    def missing(self) -> list[str]:
        """Returns the packages that are to be installed for it."""
        return [package for module, package in self.needs.items() if importlib.util.find_spec(module) is None]


CONTENDERS = {
    TOPKNOT: Contender(title="Topknot", grace=30, needs={}, flags=()),
    LSTM_ALONE: Contender(title="Topknot, LSTM alone", grace=30, needs={}, flags=ALONE),
    UNINFORMED: Contender(title="Topknot, LSTM alone, --no-portfolio", grace=30, needs={}, flags=(*ALONE, "--no-portfolio")),
    "ray_tune_documented": Contender(title="Ray Tune, as documented", grace=30, needs={}),
    "optuna_in_process": Contender(title="Optuna, one process", needs={}),
    "keras_tuner_hyperband": Contender(
        title="KerasTuner Hyperband", needs={"keras_tuner": "keras-tuner", "tensorboard": "tensorboard"}
    ),
    "original_loop": Contender(title="the original loop", needs={}, longest=3_000),
}


def run_peer(name: str, corpus: Path, budget: float, seed: int, folder: Path) -> list[Epoch]:
    """Runs a peer on an .npz and returns its curve."""
    curve = folder / f"{name}.jsonl"
    curve.touch()
    arguments = {"--corpus": corpus, "--budget": budget, "--seed": seed, "--curve": curve, "--launched": time.time()}
    command = [sys.executable, str(PEERS / f"{name}.py"), *(str(part) for pair in arguments.items() for part in pair)]
    _run(command, budget + CONTENDERS[name].grace, folder / f"{name}.log")
    complete = [line for line in curve.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    epochs = [json.loads(line) for line in complete]  # a killed peer may leave a last line that is torn
    return [Epoch(epoch["seconds"], epoch["trial"], epoch["loss"]) for epoch in epochs if epoch["seconds"] <= budget]


def run_topknot(flags: list[str], budget: float, seed: int, folder: Path) -> list[Epoch]:
    """Runs Topknot's command line and returns the curve that its study holds."""
    command = [sys.executable, "-m", "tune", "search", *flags, "--seed", str(seed), "--time-limit", f"{budget:g}s"]
    launched = time.time()
    _run(
        [*command, "--name", TOPKNOT, "--storage", str(folder), "--json"],
        budget + CONTENDERS[TOPKNOT].grace,
        folder / f"{TOPKNOT}.log",
    )
    trials = read_trials(open_study(folder / TOPKNOT))
    curve = [Epoch(epoch["at"] - launched, trial.number, epoch["loss"]) for trial in trials for epoch in trial.epochs]
    return sorted(epoch for epoch in curve if epoch.seconds <= budget)


def _run(command: list[str], seconds: float, log: Path) -> None:
    """Runs a command for so many seconds at most, then ends it with all that it started.

    Raises:
        SystemExit: If it failed by itself, with the end of its output.
    """
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=os.environ | ENVIRONMENT, start_new_session=True
        )
    try:
        failed = process.wait(seconds) != 0
    except subprocess.TimeoutExpired:
        failed = False
    finally:
        _end(process)
    if failed:
        sys.exit(f"{' '.join(command[1:3])} failed:\n" + "".join(log.read_text(encoding="utf-8")[-2000:]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process's group: asked first, killed 5 s later. Ray's processes end with the one that started them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
