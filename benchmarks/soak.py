"""Does a search that lasts take more and more: memory, open files, threads, disk?

    python benchmarks/soak.py                        # make soak: an hour
    python benchmarks/soak.py --minutes 10 --output DIR
    python benchmarks/soak.py --redraw               # the table and picture of what was measured before

One search of trials as small as they come (240 texts, a handful of units, two epochs) runs with one worker until its time is
over; every 15 s all its processes and folders are looked at. Told is what each figure was after a fifth of the time and at
the end, and by how much it grew between the two in a thousand trials: what is flat grows by nothing. What the search is to
remember, its study, grows with its trials.

Figures are kept in FOLDER/soak.json, and drawn in soak.svg where matplotlib is installed.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "RAY_worker_niceness": "0"}

import numpy as np
from contest.runs import command, here
from kills_processes import finish, launched, topknot
from soaking.sample import CONTROL, DRIVER, NODE, OTHERS, WORKER, take_sample

from tune.folder import SearchFolder

EVERY_SECONDS = 15.0
WARM = 0.2
"""Of the time, in which workers come to hold their networks and caches fill."""
LAST_SECONDS = 30.0
"""Of the time, which do not count: the driver imports TensorFlow for the winner, and Ray ends."""
ROWS, CLASSES = 240, 3
CONFIG = """
max_epochs: 2
space:
  embedding_size: 8
  lstm_size: {int: [3, 6]}
  pooling: {choice: [last, max]}
  bidirectional: false
  dense_layers: 0
  batch_size: 64
  max_length: 50
  learning_rate: {float: [0.005, 0.05], log: true}
"""


def write_corpus(path: Path) -> None:
    """Texts of a few words, among them one that only its class has."""
    rng = np.random.default_rng(0)
    lines = [
        f"{' '.join(f'filler{word}' for word in rng.integers(0, 60, 6))} sign{row % CLASSES} row{row},class {row % CLASSES}"
        for row in range(ROWS)
    ]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")


def soak(place: Path, minutes: float, sampler: str) -> list[dict[str, float]]:
    """Runs a search, and looks at it again and again."""
    write_corpus(place / "words.csv")
    (place / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    folder, sessions = SearchFolder(place / "runs" / "soak"), place / "ray"
    os.environ["RAY_TMPDIR"] = str(sessions)
    flags = ["--data", f"{place}/words.csv", "--config", f"{place}/tiny.yaml", "--storage", str(folder.path.parent)]
    flags += ["--workers", "1", "--sampler", sampler, "--time-limit", f"{minutes:g}m"]
    samples, study, began = [], None, time.monotonic()
    with launched(topknot("search", "--name", folder.name, *flags), place / "log") as process:
        while process.poll() is None:
            time.sleep(EVERY_SECONDS)
            study = study or (folder.study() if folder.has_begun() else None)
            trials = len(study.get_trials(deepcopy=False)) if study else 0  # it reads what is new
            seconds = round(time.monotonic() - began, 1)
            if trials and seconds < 60 * minutes - LAST_SECONDS:
                samples.append({"seconds": seconds, "trials": trials, **take_sample(process.pid, folder, sessions)})
        finish(process, place / "log")
    return samples


def growth(samples: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Returns a row for each figure: what it was when the search was warm, at the end, and its growth in a thousand trials."""
    warm = [one for one in samples if one["seconds"] >= WARM * samples[-1]["seconds"]]
    trials = np.array([one["trials"] for one in warm], float)
    rows = []
    for name in samples[-1]:
        values = np.array([one.get(name, 0.0) for one in warm], float)
        slope = np.polyfit(trials, values, 1)[0]
        rows.append({"figure": name, "warm": values[0], "end": values[-1], "highest": values.max(), "a_thousand": 1000 * slope})
    return [row for row in rows if row["figure"] not in {"seconds", "trials"}]


def print_growth(rows: list[dict[str, Any]], samples: list[dict[str, float]]) -> None:
    hours, last = samples[-1]["seconds"] / 3600, samples[-1]
    print(f"\n{last['trials']:.0f} trials in {hours:.2f} h\n")
    print("| | when warm | at the end | highest | grows in 1,000 trials by |\n|---|---|---|---|---|")
    for row in rows:
        cells = [f"{row[key]:.1f}" for key in ("warm", "end", "highest")]
        print(f"| {row['figure']} | {' | '.join(cells)} | {row['a_thousand']:+.2f} |")


def draw(samples: list[dict[str, float]], path: Path) -> None:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed: no picture")
        return
    figure = Figure(figsize=(9, 6), layout="constrained")
    panels = {
        title: [f"{kind}: {figure}" for kind in (DRIVER, WORKER, CONTROL, NODE, OTHERS)]
        for title, figure in (("memory of their own, MiB", "MiB"), ("open files", "open files"), ("threads", "threads"))
    } | {
        "disk, MiB": [
            f"{place}: MiB" for place in ("the study's journal", "the search's folder", "Ray's session", "Ray's logs")
        ],
    }
    for axes, (title, names) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        for name in names:
            axes.plot([one["trials"] for one in samples], [one.get(name) for one in samples], label=name.rsplit(":", 1)[0])
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("trials")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=7)
    with mpl.rc_context({"svg.hashsalt": "topknot", "svg.fonttype": "none"}):  # equal runs give equal files
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the search [60]")
    parser.add_argument("--sampler", default="tpe", help="as `topknot search` takes it [tpe]")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    parser.add_argument("--redraw", action="store_true", help="run nothing; print and draw what is stored")
    options = parser.parse_args()
    path = options.output / "soak.json"
    if not options.redraw:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            samples = soak(Path(place), options.minutes, options.sampler)
        path.write_text(json.dumps(here() | {"command": command(), "samples": samples}) + "\n", encoding="utf-8")
    samples = json.loads(path.read_text(encoding="utf-8"))["samples"]
    print_growth(growth(samples), samples)
    draw(samples, path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
