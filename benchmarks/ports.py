"""Ports that nobody listens at."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        taken = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in taken]


def free_port() -> int:
    (port,) = free_ports(1)
    return port
