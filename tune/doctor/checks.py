"""What the facts say: each check passes, warns, or fails with what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from tune.bucket import is_address
from tune.doctor.facts import Facts
from tune.doctor.findings import Finding, Plan

GIB = 2**30
SKEW_WARNS, SKEW_FAILS = 2.0, 60.0
"""Seconds between clocks: trials' times are compared, and tokens and storages look at clocks too."""
WORKER_WARNS, WORKER_FAILS = 1.0 * GIB, 0.5 * GIB
"""Memory for each worker: 350 MiB are TensorFlow's (docs/profile.md)."""
LEAST_SHARED = GIB // 4


def look_at(nodes: Sequence[Facts], plan: Plan) -> Iterator[Finding]:
    """Yields what each check finds on the nodes; the first of them is the one that asks."""
    checks: tuple[Callable[[Sequence[Facts], Plan], Finding], ...] = (
        packages,
        bytecode,
        storage,
        disk,
        memory,
        shared_memory,
        gpus,
        clocks,
        token_file,
        load,
    )
    for check in checks:
        yield check(nodes, plan)


def packages(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Are all packages there, and of the same versions everywhere?"""
    asker = nodes[0]
    for node in nodes:
        if missing := [name for name, told in node.versions.items() if not told]:
            told = f"{node.address} has no {', '.join(missing)}"
            return Finding("packages", "fail", told, "install from requirements.lock there")
        others = [name for name, told in asker.versions.items() if node.versions.get(name) != told]
        theirs = [f"{name} {node.versions.get(name)}" for name in others]
        ours = [f"{name} {asker.versions[name]}" for name in others]
        if _minor(node.python) != _minor(asker.python):
            theirs, ours = [f"Python {node.python}", *theirs], [f"Python {asker.python}", *ours]
        if theirs:
            fix = f"install what is here ({', '.join(ours)}) on all nodes, from the same requirements.lock"
            return Finding("packages", "fail", f"{node.address} has {', '.join(theirs)}", fix)
    told = ", ".join(f"{name} {asker.versions[name]}" for name in ("topknot", "ray", "tensorflow") if name in asker.versions)
    where = f" on {len(nodes) - 1} nodes, as here" if len(nodes) > 1 else ""
    return Finding("packages", "pass", f"Python {asker.python}, {told}{where}")


def bytecode(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Is TensorFlow compiled? A worker else takes 17 s to start instead of 7."""
    slow = [node.address for node in nodes if not node.compiled]
    if slow:
        fix = "python -m compileall -q $(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))') there, once"
        return Finding("bytecode", "warn", f"TensorFlow is not compiled on {_some(slow)}: each worker starts 10 s later", fix)
    return Finding("bytecode", "pass", "TensorFlow is compiled")


def storage(nodes: Sequence[Facts], plan: Plan) -> Finding:
    """Can each node write to the storage and read there what the others wrote?"""
    for node in nodes:
        if node.storage:
            fix = "give another --storage, or make that one writable to whom the nodes' processes belong to"
            return Finding("storage", "fail", f"{plan.storage} cannot be written on {node.address}: {node.storage}", fix)
    marks = {node.address for node in nodes}
    blind = [node.address for node in nodes if len(nodes) > 1 and not marks <= set(node.seen)]
    if blind:
        fix = "name a folder that is mounted on all nodes (NFS, EFS, Filestore)"
        return Finding("storage", "fail", f"{plan.storage} is another folder on {_some(blind)}", fix)
    return Finding("storage", "pass", f"{plan.storage} is written and read" + (" by all nodes" if len(nodes) > 1 else ""))


def disk(nodes: Sequence[Facts], plan: Plan) -> Finding:
    """Is there room for the weights that will be kept?"""
    free = min((node.disk for node in nodes if node.disk is not None), default=None)
    if free is None:
        if is_address(plan.storage):
            return Finding("disk", "pass", "the storage is an object store")
        return Finding("disk", "warn", "nobody can say what is free there", "look with df")
    told = f"{free / GIB:.1f} GiB are free, {plan.bytes_kept / GIB:.1f} GiB at most will be kept"
    if free < plan.bytes_kept:
        return Finding("disk", "fail", told, "make room, or lower --keep or --checkpoint-budget")
    if free < 2 * plan.bytes_kept or free < GIB:
        return Finding("disk", "warn", told, "make room, or lower --keep or --checkpoint-budget")
    return Finding("disk", "pass", told)


def memory(nodes: Sequence[Facts], plan: Plan) -> Finding:
    """Is there memory for the workers?"""
    shares = {
        node.address: node.memory / max(1, plan.workers.get(node.address, 0))
        for node in nodes
        if plan.workers.get(node.address)
    }
    if not shares:
        return Finding("memory", "warn", "no node has room for a trial", "free CPUs, or lower --cpus-per-trial")
    address, least = min(shares.items(), key=lambda item: item[1])
    told = f"{least / GIB:.1f} GiB for each of {plan.workers[address]} workers"
    if least < WORKER_WARNS:
        return Finding("memory", "fail" if least < WORKER_FAILS else "warn", f"{told} on {address}", "lower --workers")
    return Finding("memory", "pass", told)


def shared_memory(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Is /dev/shm large enough for a corpus, which all workers of a node share there?"""
    small = [node for node in nodes if 0 < node.shared_memory < LEAST_SHARED]
    if small:
        told = f"/dev/shm has {small[0].shared_memory / 2**20:.0f} MiB on {_some([node.address for node in small])}"  # noqa: S108
        return Finding("shared memory", "warn", told, "start the container with --shm-size 4g")
    return Finding("shared memory", "pass", "the corpus has room where workers share it")


def gpus(nodes: Sequence[Facts], plan: Plan) -> Finding:
    """Are there GPUs where they are asked for?"""
    count = sum(node.gpus for node in _those(nodes))
    if plan.gpus_per_trial and not count:
        return Finding(
            "GPUs", "fail", "there is none", "leave --gpus-per-trial out, or look at nvidia-smi and CUDA_VISIBLE_DEVICES"
        )
    if count and not plan.gpus_per_trial:
        return Finding("GPUs", "warn", f"{count} stand idle", "--gpus-per-trial 0.25 runs four trials on each")
    return Finding("GPUs", "pass", f"{count} there" if count else "none asked for")


def clocks(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Do the clocks agree? Their differences were measured as the nodes were asked."""
    skews = {node.address: node.clock for node in nodes[1:]}
    address, worst = max(skews.items(), key=lambda item: abs(item[1]), default=("", 0.0))
    if abs(worst) > SKEW_WARNS:
        state: Literal["warn", "fail"] = "fail" if abs(worst) > SKEW_FAILS else "warn"
        way = "fast" if worst > 0 else "slow"
        return Finding("clocks", state, f"that of {address} is {abs(worst):.1f} s {way}", "run chrony or ntpd there")
    return Finding("clocks", "pass", "they agree" if skews else "one machine")


def token_file(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Is Ray's token its owner's alone?"""
    if known := [node.address for node in nodes if node.ray_key == "open"]:
        fix = "chmod 600 the file that RAY_AUTH_TOKEN_PATH names (~/.ray/auth_token)"
        return Finding("token", "fail", f"other users of {_some(known)} can read Ray's token", fix)
    if nodes[0].ray_key == "none":
        return Finding("token", "pass", "there is none yet; a search on this machine makes one")
    return Finding("token", "pass", "Ray's token is its owner's alone")


def load(nodes: Sequence[Facts], _plan: Plan) -> Finding:
    """Are the cores free?"""
    busy = [node for node in nodes if node.busy > 0.5 * node.cores + 0.5]
    if busy:
        told = f"other programs use {busy[0].busy:.1f} of the {busy[0].cores} cores of {busy[0].address}"
        return Finding("cores", "warn", told, "wait for them, or give --workers fewer")
    return Finding("cores", "pass", f"{sum(node.cores for node in _those(nodes))}, free")


def dashboard(url: str | None) -> Finding:
    """Is the dashboard closed to others? Whoever reaches it may submit jobs."""
    if not url:
        return Finding("dashboard", "pass", "off")
    host = re.sub(r"^https?://", "", url).rsplit(":", 1)[0].strip("[]")
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost"
    if own:
        return Finding("dashboard", "pass", f"on loopback alone ({url})")
    return Finding(
        "dashboard", "fail", f"it listens on {url}", "ray start --head --dashboard-host 127.0.0.1, and an SSH tunnel to it"
    )


def _those(nodes: Sequence[Facts]) -> Sequence[Facts]:
    """Returns the nodes that run trials: not the one that asks, which may be one of them, unless there is no other."""
    return nodes[1:] or nodes


def _minor(python: str) -> str:
    return python.rsplit(".", 1)[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
