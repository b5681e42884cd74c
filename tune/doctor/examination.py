"""Examines this machine, or each node of a cluster, for a search that is to come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.split import SIDES, told_of_sides
from model.size import count_parameters
from tune.cluster import joined_cluster
from tune.cluster_address import find_cluster
from tune.doctor.checks import dashboard, look_at
from tune.doctor.facts import MARK, read_clock, read_facts, remove_mark, seen_marks
from tune.doctor.findings import Finding, Plan
from tune.inputs import read_settings_corpus, settings_split
from tune.nodes import read_nodes
from tune.place import Folder
from tune.room import count_locally
from tune.settings import Settings
from tune.storage import storage_place
from tune.written_space import parse_space

HERE = "this machine"
NODE_SECONDS = 120.0
"""How long a node is waited for; it starts a process to answer."""
MANY_CLASSES, SNAPSHOT = 100, 3
"""Classes that are counted with where no corpus is read; and a snapshot's size, in weights: they and Adam's two moments."""


def examine(settings: Settings) -> list[Finding]:
    """Returns what is found, the corpus's part first.

    Raises:
        InputError: If the space cannot be used.
    """
    parse_space(settings.written_space())
    findings: list[Finding] = []
    classes = MANY_CLASSES
    try:
        corpus = read_settings_corpus(settings)
        classes = len(corpus.classes)
        split = settings_split(settings, corpus)
        sizes = ", ".join(f"{len(split.side(side)):,} {side}" for side in SIDES)
        findings.append(Finding("corpus", "pass", f"{len(corpus):,} texts of {classes} classes: {sizes}"))
        notes = (*corpus.told(), *told_of_sides(corpus, split, settings.validation, settings.test))
        findings += [Finding("corpus", "warn", note, "see whether that is meant") for note in notes]
    except InputError as error:
        findings.append(Finding("corpus", "fail", str(error), "see what it says"))
    try:
        address = find_cluster(settings.address)
    except InputError as error:
        return [*findings, Finding("cluster", "fail", str(error), "docs/cluster.md says how to start and close one")]
    if address is None:
        return [*findings, *_this_machine(settings, classes)]
    try:
        with joined_cluster(address):
            return [*findings, *_cluster(settings, classes, address)]
    except InputError as error:
        return [*findings, Finding("cluster", "fail", str(error), "docs/cluster.md says how to start and close one")]


def _this_machine(settings: Settings, classes: int) -> Iterator[Finding]:
    with _marks(str(settings.storage)):
        facts = read_facts(HERE, str(settings.storage), HERE)
    try:
        workers = count_locally(settings)
    except InputError as error:
        yield Finding("workers", "fail", str(error), "change what it names")
        workers = 1
    yield from look_at([facts], _plan(settings, classes, {HERE: workers}))


def _cluster(settings: Settings, classes: int, address: str) -> Iterator[Finding]:
    storage = str(settings.storage.absolute() if isinstance(settings.storage, Path) else settings.storage)
    with _marks(storage):
        nodes = [replace(read_facts(HERE, storage, HERE), clock=0.0)]
        away: list[str] = []
        found = read_nodes()
        addresses = [node.address for node in found]
        several = {address for address in addresses if addresses.count(address) > 1}
        identities = {
            f"{node.address} {node.identity[:6]}" if node.address in several else node.address: node for node in found
        }
        for name, node in identities.items():
            facts = _ask(node.identity, read_facts, name, storage, name, False)
            if facts is None:
                away.append(name)
            else:
                nodes.append(replace(facts, clock=_skew(node.identity)))
        seen = {name: _ask(node.identity, seen_marks, storage) for name, node in identities.items() if name not in away}
        nodes = [
            replace(node, seen=seen_marks(storage) if node.address == HERE else seen[node.address] or ()) for node in nodes
        ]
        for name in seen:
            _ask(identities[name].identity, remove_mark, storage, name)
    if away:
        fix = "look at its memory and its logs; leave it out with ray stop there"
        yield Finding("nodes", "fail", f"{', '.join(away)} did not answer within {NODE_SECONDS:.0f} s", fix)
    else:
        yield Finding("nodes", "pass", f"{len(identities)} answer at {address}")
    yield dashboard(_dashboard())
    workers = {
        name: min(node.room(settings.cpus_per_trial, settings.gpus_per_trial), _most(settings))
        for name, node in identities.items()
    }
    yield from look_at(nodes, _plan(settings, classes, workers))


def _skew(identity: str) -> float:
    """Returns by how many seconds a node's clock is fast, beyond what asking it leaves open; its process runs by now."""
    before = time.time()
    there = _ask(identity, read_clock)
    after = time.time()
    away = 0.0 if there is None else float(there) - (before + after) / 2
    return 0.0 if abs(away) <= (after - before) / 2 else away


def _plan(settings: Settings, classes: int, workers: dict[str, int]) -> Plan:
    largest = parse_space(settings.written_space()).largest()
    weights = 4 * count_parameters(largest, largest.vocabulary_size, classes)
    kept = settings.keep * weights
    if settings.checkpoint_budget:
        kept = min(kept, int(settings.checkpoint_budget * 2**30))
    return Plan(
        storage=str(settings.storage),
        workers=workers,
        gpus_per_trial=settings.gpus_per_trial,
        bytes_kept=kept + SNAPSHOT * weights * min(sum(workers.values()), _most(settings)),
    )


def _most(settings: Settings) -> int:
    return settings.workers if isinstance(settings.workers, int) else sys.maxsize


def _ask(identity: str, function: Any, *arguments: Any) -> Any:
    """Runs a function on a node; None if it does not answer."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(function)
    strategy = NodeAffinitySchedulingStrategy(identity, soft=False)
    try:
        return ray.get(task.options(scheduling_strategy=strategy).remote(*arguments), timeout=NODE_SECONDS)
    except Exception:  # dead, or too slow
        return None


def _dashboard() -> str | None:
    from ray._private.services import get_webui_url_from_internal_kv

    try:
        url: str | None = get_webui_url_from_internal_kv()
    except Exception:  # a cluster without one has nothing to say
        return None
    return url


@contextmanager
def _marks(storage: str) -> Iterator[None]:
    """Removes what nodes left there for each other to see; and folders that were made for that."""
    place = storage_place(storage)
    made: list[Path] = []
    with suppress(OSError):  # what cannot be looked at cannot be made either
        made = [path for path in (place.path, *place.path.parents) if not path.exists()] if isinstance(place, Folder) else []
    try:
        yield
    finally:
        with suppress(OSError):  # what cannot be written is told
            for name in place.names():
                if name.startswith(MARK):
                    place.remove(name)
            for path in made:
                path.rmdir()
