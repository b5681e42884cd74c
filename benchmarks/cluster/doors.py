"""What listens on a node, and what of it others reach."""

import asyncio
import re
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LISTENER = re.compile(r"(?P<address>\S+):(?P<port>\d+)\s+\S+\s+users:\(\(.*?pid=(?P<pid>\d+)")
NAMES = {
    "gcs_server": "GCS",
    "raylet/raylet": "raylet",
    "dashboard/agent.py": "dashboard agent",
    "runtime_env/agent": "runtime environment agent",
    "dashboard/dashboard.py": "dashboard",
    "ray.util.client.server": "Ray client",
    "tune search": "driver",
    "tune resume": "driver",
    "ray::": "workers",
    "default_worker.py": "workers",
}
AT_ONCE, SECONDS, PORTS = 500, 5.0, range(1, 65536)


class Door(NamedTuple):
    """A port that a node listens at.

    Attributes:
        what: The part of Ray that does.
        address: What it is bound to, as `ss` gives it.
        port: Its number.
        reached: Whether another machine can connect to it.
    """

    what: str
    address: str
    port: int
    reached: bool


def look(inside: tuple[str, ...], address: str) -> list[Door]:
    """Tries all ports of a node from this machine, and asks the node who listens.

    Args:
        inside: What runs a command in its network.
        address: The node's, from here.
    """
    open_ports = asyncio.run(_scan(address))
    listed = subprocess.run([*inside, "ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout
    found = [match for line in listed.splitlines() if (match := LISTENER.search(line))]
    doors = [Door(_what(int(m["pid"])), m["address"], int(m["port"]), int(m["port"]) in open_ports) for m in found]
    nobodys = open_ports - {door.port for door in doors}
    return sorted(doors + [Door("unknown", "?", port, reached=True) for port in nobodys])


def table(doors: dict[str, list[Door]]) -> list[str]:
    """Returns the lines of a table of several nodes' doors, those of one kind in one."""
    lines = ["| node | listens | on | ports | another machine reaches |", "|---|---|---|---|---|"]
    for node, found in doors.items():
        kinds = Counter((door.what, door.address, door.reached) for door in found)
        for (what, address, reached), count in sorted(kinds.items()):
            lines.append(f"| {node} | {what} | {address} | {count} | {'yes' if reached else 'no'} |")
    return lines


def _what(pid: int) -> str:
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return next((name for part, name in NAMES.items() if part in command), command.split("/")[-1][:40].strip())
    return "ended"


async def _scan(address: str) -> set[int]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def is_open(port: int) -> bool:
        async with slots:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), SECONDS)
            except (OSError, TimeoutError):
                return False
            writer.close()
            return True

    found = await asyncio.gather(*map(is_open, PORTS))
    return {port for port, there in zip(PORTS, found, strict=True) if there}
