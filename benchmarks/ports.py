"""Ports that nobody listens at."""

import random
import socket
from contextlib import ExitStack, suppress

RANGE = range(20_000, 32_768)
"""Above the ports of Ray's workers, below those that Linux gives to whoever asks for any: these may be gone in a moment."""


def free_ports(count: int) -> list[int]:
    """Returns ports for processes that will take seconds to bind them."""
    found: list[int] = []
    with ExitStack() as sockets:
        for port in random.SystemRandom().sample(RANGE, len(RANGE)):
            if len(found) == count:
                break
            one = sockets.enter_context(socket.socket())
            with suppress(OSError):
                one.bind(("", port))
                found.append(port)
    return found


def free_port() -> int:
    (port,) = free_ports(1)
    return port
