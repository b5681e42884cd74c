"""Starts Ray Serve on this machine, keeps it, and ends it."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from data.errors import InputError
from model.seal import check_seal
from tune.cluster import cores, local_cluster
from tune.errors import SearchFailedError
from tune.evaluating import load_classifier
from tune.watchdog import LOOK_SECONDS, ended_process, kill_ray, told_of_end, wait_for_start

APPLICATION = "topknot"
MOST_WAITING = 1_000
"""Questions under way at a time; more wait in the proxy."""


def serve_model(
    folder: Path, name: str, host: str, port: int, replicas: int, token: str | None, ready: Callable[[str], None]
) -> None:
    """Answers over HTTP until the user stops it.

    Args:
        folder: The classifier's.
        name: As the user calls it.
        host, port: Where to listen.
        replicas: Processes that answer.
        token: What requests must bear; None for nothing, on loopback alone.
        ready: Is called with the address once questions are answered.

    Raises:
        InputError: If the address or the classifier cannot be used.
        SearchFailedError: If Ray, or what is to answer, cannot be started.
        KeyboardInterrupt: When the user stops it, by Ctrl-C or by SIGTERM.
    """
    check_address(host, port, token)
    check_seal(folder)
    with local_cluster(replicas) as wait_for_ray:
        wait_for_start(wait_for_ray)
        for ends in (signal.SIGINT, signal.SIGTERM):  # also where a script had SIGINT ignored, as those in the background have
            signal.signal(ends, signal.default_int_handler)
        from ray import serve

        from tune.serving.front import build
        from tune.serving.replica import Replica

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        quiet = {"log_level": "ERROR", "enable_access_log": False}
        serve.start(http_options={"host": host, "port": port, "location": "HeadOnly"}, logging_config=quiet)
        ended = None
        try:
            threads = max(1, cores() // replicas)
            replica = serve.deployment(Replica).options(
                num_replicas=replicas, max_ongoing_requests=MOST_WAITING, ray_actor_options={"num_cpus": 1}
            )

            def application() -> FastAPI:
                return build(serve.get_deployment_handle(Replica.__name__, APPLICATION), token)

            front = serve.deployment(serve.ingress(application)()).options(
                name="Front", max_ongoing_requests=MOST_WAITING, ray_actor_options={"num_cpus": 0}
            )
            try:
                serve.run(front.bind(replica.bind(str(folder), name, threads)), name=APPLICATION, logging_config=quiet)
            except RuntimeError as error:
                load_classifier(folder)  # says what is wrong, if that is what the replicas could not do
                reason = str(error).strip().splitlines()[-1]
                raise SearchFailedError(f"What is to answer could not be started: {reason}") from None
            ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
            while (ended := ended_process()) is None:
                time.sleep(LOOK_SECONDS)
        finally:
            if ended is None:  # it would wait for what is no longer there
                serve.shutdown()
        kill_ray()
        raise SearchFailedError(told_of_end(ended))


def check_address(host: str, port: int, token: str | None) -> None:
    """Checks that one may listen there, before anything is started.

    Raises:
        InputError: If the address is not this machine's, or taken, or open to others without a token.
    """
    if not is_loopback(host) and token is None:
        raise InputError(
            f"--host {host}: whoever reaches it may ask. Give --token-file FILE, or leave --host out and put a proxy before it."
        )
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: cannot listen there: {reason}.") from None


def is_loopback(host: str) -> bool:
    """Tells whether an address is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
