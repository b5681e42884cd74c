"""Does a search under an S3 address go on where another machine left it, and withstand an outage of the store?

On a real S3 server of this machine (`cluster.swift`): a search, during which the store is away for a minute; its driver is
killed; a second machine (one with a cache of its own) resumes it, a third exports the best classifier and asks it. Needs
root, Debian's python3-swift and memcached.

    python benchmarks/remote.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import kills_processes
from cluster.swift import swift

STORAGE, NAME, AWAY_SECONDS = "s3://models/runs", "one", 60.0
SEARCH = ("search", "--name", NAME, "--trials", "40", "--max-epochs", "6")


def main() -> None:
    """Runs it, and prints what was seen."""
    with tempfile.TemporaryDirectory(prefix="topknot-remote-") as root, swift(Path(root, "swift")) as server:
        server.make_bucket("models")

        def machine(name: str) -> dict[str, str]:
            return os.environ | server.environment() | {"XDG_CACHE_HOME": f"{root}/{name}"}

        def topknot(name: str, *arguments: str, text: str | None = None) -> str:
            command = kills_processes.topknot(*arguments, "--storage", STORAGE)
            return subprocess.run(command, env=machine(name), check=True, stdout=subprocess.PIPE, text=True, input=text).stdout

        def trials() -> list[dict[str, object]]:
            shown: list[dict[str, object]] = json.loads(topknot("third", "show", NAME, "--json"))["trials"]
            return shown

        search = kills_processes.topknot(*SEARCH, "--storage", STORAGE)
        driver = subprocess.Popen(search, env=machine("first"), stderr=sys.stderr, start_new_session=True)
        while f"runs/{NAME}/weights/00003.npz" not in dict(server.objects("models")):
            time.sleep(0.5)
        server.stop()
        print(f"the store is away for {AWAY_SECONDS:.0f} s", flush=True)
        time.sleep(AWAY_SECONDS)
        server.start()
        print("the store is back", flush=True)
        time.sleep(15)
        kills_processes.kill(driver)
        before = trials()
        topknot("second", "resume", NAME, "--json")
        after = trials()
        topknot("third", "best", NAME, "--export", f"{root}/model")
        answer = json.loads(topknot("third", "predict", f"{root}/model", "-", "--json", text="growing of rice\n"))
        states = [str(trial["state"]) for trial in after]
        once = [trial["trial"] for trial in after] == list(range(len(after)))
        ended = [(old, new) for old, new in zip(before, after, strict=False) if old["state"] != "running"]
        print(f"trials known when the driver was killed: {len(before)}; in the end {len(after)}, once each: {once}")
        print(f"in the end: {dict(Counter(states))}")
        print(f"what had ended is as it was: {all(old == new for old, new in ended)}")
        print(f"objects left: {len(dict(server.objects('models')))}; the exported classifier says {answer[0]['label']}")


if __name__ == "__main__":
    main()
