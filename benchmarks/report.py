"""How large is the report of a search of a thousand trials, and how soon does a browser show it?

    python benchmarks/report.py                                # the embedded corpus, 1,000 trials, opened nine times
    python benchmarks/report.py --data FILE --text COL --label COL --trials 5000 --keep many.html

A search of one trial makes a folder with a real classifier. The other trials are written into its study as a search writes
them, drawn at random from the default space; their curves are made up. The report is then opened in headless Chromium, each
time in a new profile: seconds from the page's start to its first paint, and until all figures are drawn but the parallel
coordinates, which wait until they are in sight: the least of all times, for what else computes can only add to them.

Rounds are kept in FOLDER/report.json; one of the same corpus and number of trials is replaced.
"""

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kills_processes
from contest.runs import hardware, versions
from corpora import corpus_parser
from optuna.trial import TrialState

from tune.folder import ABOUT, SearchFolder
from tune.podium import Podium
from tune.record import Record
from tune.samplers import make_sampler
from tune.searches import find_search
from tune.written_space import parse_space

BROWSERS = ("chromium", "google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--window-size=1280,900")
TELL = """<script>
const paint = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
const watch = setInterval(() => {
  if (document.body.dataset.drawn !== "all" || !paint()) return;
  clearInterval(watch);
  location.href = `http://127.0.0.1:PORT/?painted=${paint()}&drawn=${performance.now()}`;
}, 5);
</script>"""
"""The page may fetch nothing; what it found out it tells by leaving for an address."""


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--opened", type=int, default=9, help="times [9]")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the report there")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", metavar="FOLDER")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as storage:
        folder = search(options, Path(storage))
        add_trials(folder, options.trials - 1)
        started = time.perf_counter()
        topknot("report", "many", "--storage", storage)
        written = time.perf_counter() - started
        report = folder.path / "report.html"
        opened = [look(report, Path(storage) / f"profile-{time_}") for time_ in range(options.opened)]
        if options.keep:
            shutil.copy(report, options.keep)
        row = {
            "corpus": options.data.stem if options.data else "embedded",
            "trials": options.trials,
            "megabytes": round(report.stat().st_size / 1e6, 2),
            "written_seconds": round(written, 1),
            **{f"{name}_seconds": round(min(one[name] for one in opened) / 1_000, 2) for name in ("painted", "drawn")},
            "load": round(os.getloadavg()[0], 1),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    print(json.dumps(row))
    keep(options.results / "report.json", row)


def topknot(*arguments: str) -> None:
    subprocess.run(kills_processes.topknot(*arguments), check=True, stdout=subprocess.DEVNULL)


def search(options: argparse.Namespace, storage: Path) -> SearchFolder:
    """Makes a search of one trial."""
    given = {name: getattr(options, name) for name in ("data", "text", "label", "group")} if options.data else {}
    flags = [word for name, value in given.items() if value for word in (f"--{name}", str(value))]
    topknot("search", "--name", "many", "--storage", str(storage), "--trials", "1", "--max-epochs", "6", *flags)
    return find_search(storage, "many")


def add_trials(folder: SearchFolder, count: int) -> None:
    """Writes trials into a search's study, four of five stopped after an epoch or three, their curves made up."""
    settings, rng, began = folder.settings(), random.Random(0), time.time()
    now = began
    record = Record(folder.study(make_sampler("random", 0)), parse_space(settings.written_space()), None, Podium(1))
    for _ in range(count):
        proposal = record.propose()
        assert proposal
        stopped = rng.random() < 0.8
        level, epochs = rng.uniform(0.6, 1.4), rng.choice((1, 1, 3)) if stopped else rng.randint(6, 30)
        for epoch in range(1, epochs + 1):
            loss = level + 2 * math.exp(-epoch / 2) + 0.01 * max(0, epoch - 8) + rng.gauss(0, 0.01)
            now += (seconds := rng.uniform(0.3, 2))
            figures = {"loss": loss, "train_loss": loss, "accuracy": 1 / (1 + loss), "macro_f1": 0.9 / (1 + loss)}
            record.report(proposal.number, {"epoch": epoch, "seconds": seconds, "tokens": 40_000, "at": now, **figures})
        if stopped:
            record.end(proposal.number, TrialState.PRUNED, f"stopped by the scheduler after epoch {epochs}")
        else:
            record.end(proposal.number, TrialState.COMPLETE, "no better since an epoch")
    about = folder.read_json(ABOUT)
    folder.write_json(ABOUT, about | {"wall_seconds": 1.1 * (now - began) / about["workers"]})


def look(report: Path, profile: Path) -> dict[str, float]:
    """Opens a report in a browser of its own; returns the milliseconds to its first paint and to its last figure."""
    told: dict[str, float] = {}

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.update({name: float(value) for name, (value,) in parse_qs(urlsplit(self.path).query).items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"None of {', '.join(BROWSERS)} is on the PATH.")
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        page = report.with_name("told.html")
        page.write_text(report.read_text(encoding="utf-8") + TELL.replace("PORT", str(server.server_port)), encoding="utf-8")
        command = [browser, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            server.timeout = 120
            server.handle_request()
            process.terminate()
    if "drawn" not in told:
        raise SystemExit("The browser did not come to an end with the report.")
    return told


def keep(path: Path, row: dict[str, Any]) -> None:
    """Puts a round among those that were kept before."""
    kept = json.loads(path.read_text())["rounds"] if path.exists() else []
    rounds = [one for one in kept if (one["corpus"], one["trials"]) != (row["corpus"], row["trials"])] + [row]
    path.write_text(json.dumps({"hardware": hardware(), "versions": versions(), "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
