"""The address of the cluster that a search joins, and whether it is closed to those without its token.

Whoever reaches an open cluster of Ray's runs what they like on all its nodes (CVE-2023-48022).
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path

from data.errors import InputError

LOCAL, AUTO = "local", "auto"
ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - its name
"""The environment's name for Ray's token, which goes before a file."""
SECONDS = 5.0
"""How long a cluster is given to answer."""


def check_address(value: str) -> str:
    """Returns an address as it came.

    Raises:
        ValueError: If it is none that a search can join.
    """
    if value in {LOCAL, AUTO} or ADDRESS.fullmatch(value):
        return value
    if "://" in value:
        raise ValueError(
            f"{value!r} is no HOST:PORT of a cluster's head (its port is 6379); "
            "from outside, submit a job: ray job submit --working-dir . -- python -m tune search ..."
        )
    raise ValueError(f"{value!r} is neither 'local', 'auto' nor HOST:PORT")


def find_cluster(address: str | None) -> str | None:
    """Returns the HOST:PORT of the cluster to join; None for one of the search's own.

    Args:
        address: What the settings say. With None, the cluster that a submitted job runs on (Ray tells it in RAY_ADDRESS), if
            this is one.

    Raises:
        InputError: If there is none to join, or it is open to others.
    """
    told = os.environ.get("RAY_ADDRESS", "")
    told = told if ADDRESS.fullmatch(told) else ""  # it may be that of a dashboard, for `ray job submit`
    if address == LOCAL or not (address or told):
        return None
    found = address if address and address != AUTO else told or _started_here()
    check_closed(found)
    return found


def check_closed(address: str) -> None:
    """Makes sure that a cluster takes our token, and, if others may reach it, nobody who has none.

    Raises:
        InputError: If not.
    """
    token = _read_token()
    if not token:
        raise InputError(
            f"--address {address}: there is no token to join it with. "
            "Set RAY_AUTH_TOKEN_PATH to the file of the cluster's; `ray get-auth-token --generate` makes one."
        )
    if not answers(address, token):
        raise InputError(
            f"--address {address}: its token is not the one that we have. RAY_AUTH_TOKEN_PATH names the file of ours."
        )
    if not is_loopback(address) and answers(address):
        raise InputError(
            f"--address {address}: this cluster asks for no token, and runs whatever anybody sends it (CVE-2023-48022). "
            "Start its nodes with RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH."
        )


def is_loopback(address: str) -> bool:
    """Tells whether an address is one that this machine alone reaches."""
    match = ADDRESS.fullmatch(address)
    assert match
    try:
        found = socket.getaddrinfo(match["host"].strip("[]"), None)
    except OSError:
        raise InputError(f"--address {address}: there is no host of that name.") from None
    return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in found)


def answers(address: str, token: str | None = None) -> bool:
    """Tells whether a cluster's head answers those who come with a token, or with none.

    Raises:
        InputError: If nobody is there.
    """
    import grpc  # comes with TensorFlow

    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:  # as Ray does
        ask = channel.unary_unary("/ray.rpc.NodeInfoGcsService/GetAllNodeInfo")
        try:
            ask(b"", timeout=SECONDS, wait_for_ready=True, metadata=[("authorization", f"Bearer {token}")] if token else None)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                return False
            raise InputError(f"--address {address}: no head of a Ray cluster answers there ({error.code().name}).") from None
    return True


def token_file() -> Path:
    """Returns where Ray's token stands, if the environment does not hold the token itself."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def _read_token() -> str | None:
    """Returns our token, from where Ray takes it."""
    if token := os.environ.get(TOKEN):
        return token
    try:
        return token_file().read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _started_here() -> str:
    """Returns the address of the cluster that `ray start` made this machine a node of."""
    from ray._private.services import find_bootstrap_address

    found: str | None = find_bootstrap_address(None)
    if not found:
        raise InputError("--address auto: this machine is no node of a Ray cluster. Give HOST:PORT, or 'local'.")
    return found
