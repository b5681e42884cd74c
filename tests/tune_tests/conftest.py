"""A PostgreSQL server of the tests' own, on loopback, with a password, for the time of the session; and a light Ray."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

FETCH_SECONDS, UNPACK_SECONDS = 60, 90
"""What installing it may take. dpkg is no part of the first: cut in the middle, it would leave the machine to be repaired."""
PASSWORD = "p@ss:w/ord?#%41&x=1+ "  # noqa: S105 - all that a URL gives a meaning to
ADDRESS = "postgresql+psycopg2://topknot:$TOPKNOT_TESTS_PASSWORD@127.0.0.1:{port}/{database}"


def find_programs() -> Path | None:
    """Where initdb and postgres are; Debian keeps them off the PATH."""
    found = [Path(initdb).resolve().parent] if (initdb := shutil.which("initdb")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return next((path for path in reversed(found) if (path / "initdb").exists() and (path / "postgres").exists()), None)


def install() -> str:
    """Installs Debian's package where that needs no more than asking; returns what came in the way."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "it is not installed, and cannot be without root and apt-get"
    apt = ["apt-get", "-y", "--no-install-recommends", "install", "postgresql"]
    fetched = time.monotonic() + FETCH_SECONDS
    try:
        for command in (["apt-get", "update"], [*apt, "--download-only"], apt):
            subprocess.run(
                command,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=True,
                timeout=UNPACK_SECONDS if command is apt else fetched - time.monotonic(),
            )
    except (subprocess.SubprocessError, OSError) as error:
        return f"it is not installed, and could not be: {error}"
    return ""


@contextmanager
def installing() -> Iterator[None]:
    """Lets one process of the tests install at a time: apt-get gives up where another holds its lock."""
    with Path(tempfile.gettempdir(), f"topknot-tests-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """Makes an empty database of a name, and returns its address as a user writes it: its password is in the environment."""
    with installing():
        trouble = "" if find_programs() else install()
    programs = find_programs()
    if programs is None:
        reason = f"NOT TESTED: studies in PostgreSQL; {trouble or 'its programs are not where Debian has them'}"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    from psycopg import connect

    other: dict[str, Any] = {}
    if os.geteuid() == 0:  # as root it refuses to run
        nobody = pwd.getpwnam("nobody")
        other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="topknot-postgresql-") as folder, pytest.MonkeyPatch.context() as patch:
        secret = Path(folder, "password")
        secret.write_text(PASSWORD + "\n")
        if other:
            for path in (folder, secret):
                os.chown(path, other["user"], other["group"])
        data = f"{folder}/data"
        how = [
            "--username=topknot",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run([programs / "initdb", *how, data], cwd=folder, capture_output=True, check=True, **other)
        port = free_port()
        where = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        patch.setenv("TOPKNOT_TESTS_PASSWORD", PASSWORD)
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *where, "-c", "log_min_messages=log"],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            **other,
        )
        with server:
            assert server.stderr
            said = []
            for line in server.stderr:
                said.append(line)
                if "ready to accept connections" in line:
                    break
            else:
                raise AssertionError("".join(said))

            def database(name: str) -> str:
                place = {"host": "127.0.0.1", "port": port, "dbname": "postgres"}
                with connect(user="topknot", password=PASSWORD, autocommit=True, **place) as connection:
                    connection.execute(f'CREATE DATABASE "{name}"')
                return ADDRESS.format(port=port, database=name)

            try:
                yield database
            finally:
                server.send_signal(signal.SIGINT)  # ends it without waiting for who is connected


@pytest.fixture(scope="module")
def two_workers() -> Iterator[None]:
    """Ray on this machine, with two workers that do not import TensorFlow as they start, which takes them long."""
    from tune.cluster import ENVIRONMENT, local_cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENT, "RAY_preload_python_modules", "json")
        with local_cluster(2) as wait_for_ray:
            wait_for_ray()
            yield
