"""Does a search on a cluster come through the loss of nodes, a cut network and the death of its driver?

A head without trial CPUs and worker nodes of one CPU each, all on this machine, but each in a network namespace with a disk
of its own; a real S3 server (`cluster.swift`) on a second network; all closed by a token. A search is submitted as a job.
Meanwhile one worker node is killed; one is cut off from the others, not from the storage, and comes back; one joins late; the
driver is killed, and a second job resumes the search. Then all that the bucket holds is compared (`kills_check`), and
another machine exports the best classifier from it and asks it. Before, jobs and drivers without the token, or with another,
are tried, and all ports.

    make cluster-test      # 8 minutes; root, and Debian's python3-swift, memcached and iproute2

Ends with 1 if anything did not hold.
"""

import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import kills_processes
import pyarrow.fs
from cluster.doors import Door, look, table
from cluster.networks import Namespaces, namespaces
from cluster.ray_nodes import HEAD, RAY, Nodes
from cluster.swift import Swift, swift
from contest.runs import command, here
from kills_check import amiss

from tune.folder import SearchFolder

ROOT = Path(__file__).parents[1]
BUCKET, NAME, TRIALS = "models", "one", 40
STORAGE = f"s3://{BUCKET}/runs"
SEARCH = ("search", "--name", NAME, "--trials", str(TRIALS), "--max-epochs", "6")
KILLED, CUT, LATE, DRIVER = 10, 28, 34, 62
"""After so many snapshots, one for each epoch, a node is killed, one cut off, one joins, and the driver is killed."""
CUT_SECONDS, STALLED_SECONDS = 25.0, 600.0
LOST_SECONDS = 2.0
"""Between two epochs of a trial; more has been lost to a fault."""


class Rehearsal:
    """The cluster, its storage and the search.

    Attributes:
        log: What the jobs print.
        seen: What was found to hold, or not, in order.
    """

    def __init__(self, root: Path, network: Namespaces, nodes: Nodes, server: Swift) -> None:
        self.root, self.network, self.nodes, self.server = root, network, nodes, server
        self.log = root / "log"
        self.seen: dict[str, bool] = {}

    def note(self, law: str, holds: bool) -> None:
        self.seen[law] = holds
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {law}", flush=True)

    def job(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self.nodes.submit(name, ROOT, "python", "-m", "tune", *arguments, "--storage", STORAGE, log=self.log)

    def elsewhere(self, *arguments: str, text: str | None = None) -> str:
        """Runs a command on a machine that is none of the cluster's; returns what it prints."""
        surrounding = os.environ | self.server.environment() | {"XDG_CACHE_HOME": str(self.root / "elsewhere")}
        line = kills_processes.topknot(*arguments)
        return subprocess.run(line, env=surrounding, check=True, stdout=subprocess.PIPE, text=True, input=text).stdout

    def snapshots(self) -> list[tuple[float, str, str]]:
        """Returns the snapshots that were written: when, from where, and the object."""
        prefix = f"{BUCKET}/runs/{NAME}/snapshots/"
        return [note for note in self.server.written() if note[2].startswith(prefix) and note[2].endswith(".npz")]

    def await_snapshots(self, count: int) -> None:
        """Waits until so many epochs have been written."""
        until = time.monotonic() + STALLED_SECONDS
        while len(self.snapshots()) < count:
            if time.monotonic() > until:
                sys.exit(f"Nothing goes on:\n{self.log.read_text(errors='replace')[-5000:]}")
            time.sleep(0.2)

    def now(self, fault: str) -> None:
        print(f"after {len(self.snapshots())} epochs: {fault}", flush=True)


def try_tokens(rehearsal: Rehearsal) -> None:
    """Comes as a job and as a driver, with another token and with none."""
    (rehearsal.root / "wrong").write_text(secrets.token_hex(16))
    environment = rehearsal.nodes.environment
    tokens = {
        "another token": {"RAY_AUTH_TOKEN_PATH": str(rehearsal.root / "wrong")},
        "no token": {
            "RAY_AUTH_MODE": "disabled",
            "RAY_AUTH_TOKEN_PATH": str(rehearsal.root / "none"),
            "HOME": str(rehearsal.root),
        },
    }
    job = [*RAY, "job", "submit", "--address", rehearsal.nodes.dashboard, "--", "touch", str(rehearsal.root / "entered")]
    driver = kills_processes.topknot(*SEARCH, "--storage", STORAGE, "--address", rehearsal.nodes.address)
    for who, told in tokens.items():
        for what, line, number in (("a job", job, HEAD), ("a driver", driver, HEAD + 1)):
            inside = rehearsal.network.inside(number)
            done = subprocess.run(
                [*inside, *line], env=environment | told, capture_output=True, text=True, check=False, timeout=120
            )
            print(f"  {what} with {who}: {done.returncode}, {(done.stderr or done.stdout).strip().splitlines()[-1][:150]}")
            rehearsal.note(f"{what} with {who} is refused", done.returncode != 0 and "oken" in done.stderr + done.stdout)
    rehearsal.note(
        "none of them has run or left anything",
        not rehearsal.server.objects(BUCKET) and not (rehearsal.root / "entered").exists(),
    )


def befall(rehearsal: Rehearsal) -> None:
    """Runs the search, with all that happens to it."""
    nodes, network = rehearsal.nodes, rehearsal.network
    killed, cut, _ = nodes.workers
    first = rehearsal.job("first", *SEARCH)
    rehearsal.await_snapshots(KILLED)
    rehearsal.now("a node killed")
    nodes.kill(killed)
    rehearsal.await_snapshots(CUT)
    rehearsal.now("a node cut off")
    network.cut(cut.number)
    until = time.monotonic() + CUT_SECONDS
    rehearsal.await_snapshots(LATE)
    rehearsal.now("a node joins")
    nodes.add().await_ready()
    time.sleep(max(0.0, until - time.monotonic()))
    rehearsal.now("the cut-off node is back")
    network.mend(cut.number)
    cut.process.wait()  # Ray ends what it has given up
    nodes.kill(cut)
    rehearsal.now("its Ray has ended, and is started anew")
    nodes.add(number=cut.number).await_ready()
    rehearsal.await_snapshots(DRIVER)
    rehearsal.now("the driver killed")
    for pid in nodes.drivers():
        os.kill(pid, signal.SIGKILL)
    first.wait()
    before = json.loads(rehearsal.elsewhere("show", NAME, "--storage", STORAGE, "--json"))["trials"]
    ended = {trial["trial"]: trial for trial in before if trial["state"] != "running"}
    rehearsal.now(f"resumed; {len(ended)} of {len(before)} trials had ended")
    second = rehearsal.job("second", "resume", NAME)
    rehearsal.note("the resumed search comes to its end", second.wait() == 0)
    after = json.loads(rehearsal.elsewhere("show", NAME, "--storage", STORAGE, "--json"))["trials"]
    rehearsal.note(
        "what had ended before the driver died is as it was", all(after[number] == trial for number, trial in ended.items())
    )


def writers(rehearsal: Rehearsal) -> dict[str, list[str]]:
    """Returns, for each trial's file, the nodes that wrote it, one after another."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, host, name in rehearsal.server.written():
        if name.endswith(".npz") and found[name][-1:] != [host]:
            found[name].append(host)
    return found


def account(rehearsal: Rehearsal) -> dict[str, Any]:
    """Compares all that the bucket holds; returns the figures."""
    copy = rehearsal.root / "copy"
    files = pyarrow.fs.copy_files
    files(
        f"{BUCKET}/runs",
        str(copy),
        source_filesystem=rehearsal.server.filesystem(),
        destination_filesystem=pyarrow.fs.LocalFileSystem(),
    )
    folder = SearchFolder(copy / NAME)
    wrong = amiss(folder, TRIALS)
    print(*wrong, sep="\n")
    rehearsal.note("study, leaderboard, weights, classifier and figures agree, each trial once", not wrong)
    returned = [name for name, hosts in writers(rehearsal).items() if len(hosts) > len(set(hosts))]
    rehearsal.note("no run of a trial wrote again what its successor had written", not returned)
    told = {trial.number: trial for trial in folder.trials()}
    written = Counter(name.rsplit("/", 1)[1] for _, _, name in rehearsal.snapshots())
    repeated, lost = 0, []
    for number, trial in told.items():
        repeated += max(0, written[f"{number:05d}.npz"] - len(trial.epochs))
        gaps = [new["at"] - new["seconds"] - old["at"] for old, new in zip(trial.epochs, trial.epochs[1:], strict=False)]
        lost += [gap for gap in gaps if gap > LOST_SECONDS]
    for trial in told.values():
        if trial.state == "failed":
            print(f"trial {trial.number} failed: {trial.reason}")
    return {
        "trials": dict(Counter(trial.state for trial in told.values())),
        "epochs": sum(len(trial.epochs) for trial in told.values()),
        "epochs_repeated": repeated,
        "interruptions": len(lost),
        "seconds_lost": round(sum(lost), 1),
        "seconds_lost_median": round(statistics.median(lost), 1) if lost else 0.0,
        "trials_on_several_nodes": sum(
            len(set(hosts)) > 1 for name, hosts in writers(rehearsal).items() if "/snapshots/" in name
        ),
        "objects_left": len(rehearsal.server.objects(BUCKET)),
    }


def use(rehearsal: Rehearsal) -> None:
    """Exports the best classifier on another machine, and asks it."""
    model = str(rehearsal.root / "model")
    rehearsal.elsewhere("best", NAME, "--storage", STORAGE, "--export", model)
    answer = json.loads(rehearsal.elsewhere("predict", model, "-", "--json", text="growing of rice\n"))
    rehearsal.note("the best classifier, exported elsewhere, answers", answer[0]["label"].startswith("A"))
    said = rehearsal.log.read_text(errors="replace")
    rehearsal.note("what the jobs say names no token", rehearsal.nodes.token.read_text() not in said)


def rehearse(rehearsal: Rehearsal) -> dict[str, Any]:
    try_tokens(rehearsal)
    doctor = rehearsal.job("doctor", "doctor", "--address", "auto")
    rehearsal.note("topknot doctor finds nothing amiss on any node", doctor.wait() == 0)
    doors: dict[str, list[Door]] = {}
    befall(rehearsal)
    for name, number in {"head": HEAD, "worker": rehearsal.nodes.workers[-1].number}.items():
        doors[name] = look(rehearsal.network.inside(number), rehearsal.network.address(number))
    print(*table(doors), sep="\n")
    jobs = int(rehearsal.nodes.dashboard.rsplit(":", 1)[1])
    rehearsal.note("no other machine reaches the dashboard", not any(d.reached for d in doors["head"] if d.port == jobs))
    figures = account(rehearsal)
    use(rehearsal)
    return figures | {"doors": {node: [door._asdict() for door in found] for node, found in doors.items()}}


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tk", ignore_cleanup_errors=True) as name:
        root = Path(name)
        disk, token = root / "ray", root / "token"
        disk.mkdir()
        token.write_text(secrets.token_hex(16))
        token.chmod(0o600)
        with namespaces(disk) as network, swift(root / "swift", network.storage) as server:
            os.environ |= server.environment()
            server.make_bucket(BUCKET)
            environment = server.environment() | {"XDG_CACHE_HOME": str(disk)}
            with Nodes(disk, token, environment, network=network) as nodes:
                workers = [nodes.add() for _ in range(3)]
                for worker in workers:
                    worker.await_ready()
                rehearsal = Rehearsal(root, network, nodes, server)
                try:
                    figures = rehearse(rehearsal)
                finally:
                    print(rehearsal.log.read_text(errors="replace")[-4000:] if rehearsal.log.exists() else "", file=sys.stderr)
    minutes = round((time.monotonic() - began) / 60, 1)
    figures |= {"minutes": minutes, "holds": rehearsal.seen}
    print(json.dumps({key: value for key, value in figures.items() if key != "doors"}, indent=1))
    result = Path(__file__).parent / "results" / "cluster.json"
    result.write_text(json.dumps(here() | {"command": command()} | figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(not all(rehearsal.seen.values()))


if __name__ == "__main__":
    main()
