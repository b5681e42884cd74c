"""What listens on a node, and what of it others reach."""

import asyncio
import http.client
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
    "ray::DashboardAgent": "agent for jobs and metrics",
    "ray::RuntimeEnvAgent": "runtime environment agent",
    "dashboard/dashboard.py": "dashboard",
    "_private/monitor.py": "autoscaler",
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
        says: What it answers there to whoever asks for a page with no token; empty where it speaks no HTTP, as gRPC does not.
    """

    what: str
    address: str
    port: int
    reached: bool
    says: str = ""


def look(inside: tuple[str, ...], address: str) -> list[Door]:
    """Tries all ports of a node from this machine, and asks the node who listens.

    Args:
        inside: What runs a command in its network.
        address: The node's, from here.
    """
    open_ports = asyncio.run(_scan(address))
    listed = subprocess.run([*inside, "ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout
    doors = []
    for match in filter(None, map(LISTENER.search, listed.splitlines())):
        bound, port = match["address"], int(match["port"])
        reached = port in open_ports and "127.0.0.1" not in bound
        doors.append(Door(_what(int(match["pid"])), bound, port, reached, _says(address, port) if reached else ""))
    nobodys = open_ports - {door.port for door in doors if door.reached}
    return sorted(doors + [Door("unknown", "?", port, reached=True, says=_says(address, port)) for port in nobodys])


def table(doors: dict[str, list[Door]]) -> list[str]:
    """Returns the lines of a table of several nodes' doors, those of one kind in one."""
    lines = [
        "| node | listens | on | ports | another machine reaches | and is told, with no token |",
        "|---|---|---|---|---|---|",
    ]
    for node, found in doors.items():
        kinds = Counter((door.what, door.address, door.reached, door.says) for door in found)
        for (what, address, reached, says), count in sorted(kinds.items()):
            lines.append(f"| {node} | {what} | {address} | {count} | {'yes' if reached else 'no'} | {says} |")
    return lines


def _what(pid: int) -> str:
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return next((name for part, name in NAMES.items() if part in command), command.split("/")[-1][:40].strip())
    return "ended"


def _says(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException):
        return ""
    else:
        return f"{answer.status} {answer.reason}"
    finally:
        connection.close()


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
