"""Where the nodes of a cluster on one machine are: at loopback addresses, or each in a network of its own, which can be cut.

The second needs root and Debian's iproute2.
"""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Network(Protocol):
    """Gives nodes, by their numbers, their addresses."""

    def address(self, number: int) -> str:
        """Returns a node's address."""

    def within(self, number: int) -> tuple[str, ...]:
        """Returns what runs a command on a node; what it runs is that same process."""


class Loopback:
    """All of 127.0.0.0/8 is this machine's."""

    def address(self, number: int) -> str:
        return f"127.0.77.{number}"

    def within(self, _number: int) -> tuple[str, ...]:
        return ()


class Namespaces:
    """A network namespace for each node, with two ways out: to the other nodes, and to the storage. This machine has both.

    Args:
        disk: A folder of which each node has one of its own, empty.
    """

    storage = "10.78.0.1"
    """This machine, as the nodes reach it on the storage's network."""

    def __init__(self, disk: Path) -> None:
        self._disk, self._mark = disk, secrets.token_hex(2)
        self._bridges = {f"tk{self._mark}n": "10.77.0.{}", f"tk{self._mark}s": "10.78.0.{}"}
        self._nodes: set[int] = set()
        for bridge, address in self._bridges.items():
            _ip("link", "add", bridge, "type", "bridge")
            _ip("address", "add", f"{address.format(1)}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")

    def address(self, number: int) -> str:
        return f"10.77.0.{number}"

    def within(self, number: int) -> tuple[str, ...]:
        if number not in self._nodes:
            self._add(number)
        own_disk = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(self._disk))
        return ("ip", "netns", "exec", self._name(number), *own_disk)

    def inside(self, number: int) -> tuple[str, ...]:
        """Returns what runs a command in a node's network, with this machine's disk."""
        return ("ip", "netns", "exec", self._name(number))

    def cut(self, number: int) -> None:
        """Takes a node from the other nodes; it still reaches the storage."""
        _ip("link", "set", f"tk{self._mark}n{number}", "down")

    def mend(self, number: int) -> None:
        _ip("link", "set", f"tk{self._mark}n{number}", "up")

    def close(self) -> None:
        for number in self._nodes:
            _ip("netns", "delete", self._name(number))  # and with it its ends of the wires
        for bridge in self._bridges:
            _ip("link", "delete", bridge)

    def _name(self, number: int) -> str:
        return f"tk{self._mark}-{number}"

    def _add(self, number: int) -> None:
        name = self._name(number)
        _ip("netns", "add", name)
        self._nodes.add(number)
        _ip("-n", name, "link", "set", "lo", "up")
        for bridge, address in self._bridges.items():
            _ip("link", "add", f"{bridge}{number}", "type", "veth", "peer", "name", bridge[-1], "netns", name)
            _ip("link", "set", f"{bridge}{number}", "master", bridge, "up")
            _ip("-n", name, "address", "add", f"{address.format(number)}/24", "dev", bridge[-1])
            _ip("-n", name, "link", "set", "dev", bridge[-1], "up")


@contextmanager
def namespaces(disk: Path) -> Iterator[Namespaces]:
    """Makes the networks of nodes, and removes them in the end."""
    network = Namespaces(disk)
    try:
        yield network
    finally:
        network.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
