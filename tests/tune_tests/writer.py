"""A driver without its trainings: a process of its own that writes trials into two studies, once it is told to go.

Takes JSON: `folder`, `address`, `own` and `shared` (the studies' names; the shared one is there), `wanted` (a name that all
writers want), `seed`, and `trials`: each what it reports, how it ends, and why. Prints 'ready', waits for a line, and prints
what became of the name.
"""

import json
import sys
from pathlib import Path

from optuna.trial import TrialState

from data.errors import InputError
from tune.podium import Podium
from tune.record import Record
from tune.samplers import make_sampler
from tune.study import create_study, open_study
from tune.written_space import parse_space

SPACE = parse_space({"lstm_size": {"int": [4, 64]}, "pooling": {"choice": ["last", "max"]}})

task = json.loads(sys.argv[1])
folder, address = Path(task["folder"]), task["address"]


def record(name: str) -> Record:
    return Record(open_study(folder, make_sampler("random", task["seed"]), address, name), SPACE, None, Podium(2))


shared = record(task["shared"]) if task["shared"] else None  # before any writes: what runs later is no orphan
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
create_study(folder, task["own"], address=address)
own = record(task["own"])
try:
    create_study(folder, task["wanted"], address=address)
    answer = "created"
except InputError as error:
    answer = str(error)
for trial in task["trials"]:
    for study in (own, shared):
        if study is None:
            continue
        proposal = study.propose()
        assert proposal
        for epoch, loss in enumerate(trial["losses"], start=1):
            figures = {"train_loss": 2 * loss, "accuracy": 0.5, "macro_f1": 0.4, "seconds": 1.5, "tokens": 9, "at": 1.7e9}
            study.report(proposal.number, {"epoch": epoch, "loss": loss} | figures)
        study.end(proposal.number, TrialState[trial["state"]], trial["reason"])
sys.stdout.write(answer + "\n")
