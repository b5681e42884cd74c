"""The nodes of a cluster that was joined: their room for trials, and the folder that they share."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from data.errors import InputError
from tune.bucket import Bucket
from tune.folder import SearchFolder
from tune.storage import HASTE

SEEN_SECONDS = 120.0
"""How long nodes are waited for to say whether they see a folder; each starts a process for that."""

STATUS = "__autoscaling_status"
"""Where Ray's first autoscaler writes its own, in the GCS."""


class Node(NamedTuple):
    """A node that is alive, as Ray counts what it has."""

    identity: str
    address: str
    cpus: float
    gpus: float

    def room(self, cpus: int, gpus: float) -> int:
        """Returns how many trials that take so many CPUs and GPUs it runs at a time."""
        trials = int(self.cpus // cpus)
        return min(trials, room_on_gpus(self.gpus, gpus)) if gpus else trials


def room_on_gpus(gpus: float, share: float) -> int:
    """Returns how many trials run on so many GPUs at a time: none is parted between two GPUs that it has parts of."""
    return int(gpus) * int(1 / share + 1e-9) if share <= 1 else int(gpus // share)


def read_nodes() -> list[Node]:
    """Returns the nodes of the cluster that this process has joined."""
    import ray

    return [
        Node(node["NodeID"], node["NodeManagerAddress"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0))
        for node in ray.nodes()
        if node["Alive"]
    ]


def own_room(cpus: int, gpus: float) -> int:
    """Returns how many such trials run at a time on the node that this process runs on; 1 at least."""
    import ray

    own = ray.get_runtime_context().get_node_id()
    return max([1, *(node.room(cpus, gpus) for node in read_nodes() if node.identity == own)])


def read_most_cpus() -> float | None:
    """Returns how many CPUs the joined cluster's autoscaler may bring it to: inf if it does not say, None if there is none.

    Ray has no public way to ask. Its second autoscaler, Kubernetes's, tells the GCS its limits; its first one a status alone,
    in which nodes have the types of its file: without a file, each has one of its own, `node_` and its identity.
    """
    from ray._private.state import state
    from ray.experimental.internal_kv import _internal_kv_get

    try:
        if most := state.get_max_resources_from_cluster_config():
            return float(most.get("CPU", 0))
        status = json.loads(_internal_kv_get(STATUS) or b"{}")
        types = status["autoscaler_report"]["node_type_mapping"].values()
    except Exception:  # what is private may go; then the cluster is taken as it stands
        return None
    return None if all(kind.startswith("node_") for kind in types) else math.inf


def check_shared(folder: SearchFolder) -> None:
    """Makes sure that all nodes that run trials now can leave weights where the search's stand.

    Raises:
        InputError: Naming nodes that cannot.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in read_nodes() if node.cpus]
    ask = ray.remote(num_cpus=0, max_retries=0)(_has_folder if folder.storage is None else _can_write)
    where = str(folder.path) if folder.storage is None else folder.weights.place
    answers = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.identity, soft=False)).remote(where)
        for node in nodes
    ]
    if answers:
        ray.wait(answers, num_returns=len(answers), timeout=SEEN_SECONDS)
    said = [_said(answer) for answer in answers]
    alive = {node.identity for node in read_nodes()}
    answered = [(node, told) for node, told in zip(nodes, said, strict=True) if node.identity in alive]
    silent = [node.address for node, told in answered if told is None]
    broken = [f"{node.address} ({told})" for node, told in answered if isinstance(told, str)]
    if broken:
        raise InputError(f"{' and '.join(broken[:3])} could run nothing that was asked of it. Look at its memory and its logs.")
    if silent:
        raise InputError(
            f"{' and '.join(silent[:3])} did not say within {SEEN_SECONDS:.0f} s whether trials can leave their weights there. "
            "Look at its memory and its logs, or try again when Ray has found it dead."
        )
    without = [node.address for node, told in answered if told is False]
    if without and folder.storage is None:
        raise InputError(
            f"--storage {folder.path.parent}: not seen from {' and '.join(without[:3])}, whose trials could leave no weights "
            "there. Name a folder that is mounted on all nodes, or s3://, gs:// or abfs://BUCKET/PREFIX."
        )
    if without:
        raise InputError(
            f"--storage {folder.storage}: {' and '.join(without[:3])} cannot write there. Give the nodes the role or the "
            "credentials for it; `topknot doctor` says what comes in the way."
        )


def _has_folder(path: str) -> bool:
    return Path(path).is_dir()


def _can_write(place: Bucket) -> bool:
    name = f"{uuid.uuid4().hex}.try"
    replace(place, patience=HASTE).write(name, b"")
    place.remove(name)
    return True


def _said(answer: object) -> bool | str | None:
    """Returns what a node has answered; None if it has not, and a text, what came in the way, if it could not."""
    import ray
    from ray.exceptions import GetTimeoutError, RayError, RayTaskError

    try:
        return bool(ray.get(answer, timeout=0))
    except RayTaskError:  # it tried, and could not
        return False
    except GetTimeoutError:
        return None
    except RayError as error:
        return type(error).__name__
