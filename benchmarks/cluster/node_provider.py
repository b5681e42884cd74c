"""A provider for Ray's autoscaler whose nodes are processes of this machine, each at a loopback address of its own.

Ray's own for tests gives all nodes one address, by which its first autoscaler cannot tell their loads apart.
"""

import subprocess
import threading
from typing import Any

from cluster.networks import Loopback
from cluster.ray_nodes import AGENTS, HEAD, Node, start_command
from ports import free_ports
from ray.autoscaler._private.command_runner import SSHCommandRunner
from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)


class LoopbackNodeProvider(NodeProvider):
    """Nodes by their addresses; the head is there already."""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        self._lock, self._last = threading.RLock(), HEAD
        self._tags: dict[str, dict[str, str]] = {
            Loopback().address(HEAD): {
                TAG_RAY_NODE_KIND: NODE_KIND_HEAD,
                TAG_RAY_USER_NODE_TYPE: "head",
                TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
            }
        }
        self._nodes: dict[str, Node] = {}
        self._ports = iter(free_ports(16 * len(AGENTS)))  # at once: nodes that start together must not be given the same

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        with self._lock:
            return [name for name, tags in self._tags.items() if tag_filters.items() <= tags.items()]

    def is_running(self, node_id: str) -> bool:
        return node_id in self._tags

    def is_terminated(self, node_id: str) -> bool:
        return node_id not in self._tags

    def node_tags(self, node_id: str) -> dict[str, str]:
        return self._tags[node_id]

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        self._tags[node_id] |= tags

    def internal_ip(self, node_id: str) -> str:
        return node_id

    external_ip = internal_ip

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
        for _ in range(count):
            with self._lock:
                self._last += 1
                address = Loopback().address(self._last)
                self._tags[address] = tags | {TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE}
                ports = [next(self._ports) for _ in AGENTS]
            process = subprocess.Popen(
                start_command(address, node_config["cpus"], ports, "--address", self.provider_config["gcs_address"]),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            self._nodes[address] = Node(self._last, address, process)
        return {}

    def terminate_node(self, node_id: str) -> dict[str, Any]:
        with self._lock:
            self._tags.pop(node_id, None)
        if node := self._nodes.pop(node_id, None):
            node.process.terminate()
            node.process.wait()
        return {}

    def get_command_runner(self, *args: Any, **kwargs: Any) -> SSHCommandRunner:
        raise RuntimeError("Nodes are set up as they are started")

    @staticmethod
    def bootstrap_config(cluster_config: dict[str, Any]) -> dict[str, Any]:
        return cluster_config
