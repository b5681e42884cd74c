"""A real S3 server on this machine: OpenStack Swift as Debian packages it.

To install it: apt-get install --no-install-recommends python3-swift memcached

Its servers run as processes of ours on loopback, keep all in one folder, and end with the process that started them.
"""

import http.client
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs
from ports import free_ports

PYTHON = "/usr/bin/python3"
"""Debian's own, which sees Debian's packages."""
ROLES, MEMCACHED = ("account", "container", "object", "proxy"), "memcached"
HOST, REGION = "127.0.0.1", "us-east-1"
WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Ends a server with the process that started it, however that ends."""
STARTS_SECONDS = 60
PIPELINE = (
    "catch_errors gatekeeper healthcheck cache witness content_md5 listing_formats s3api tempauth copy slo dlo "
    "versioned_writes proxy-server"
)
SERVER = """[DEFAULT]
bind_ip = {host}
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
user = {user}
workers = 0
log_level = WARNING

[pipeline:main]
pipeline = {pipeline}

[app:{role}-server]
use = egg:swift#{role}
"""
PROXY = """
allow_account_management = true
account_autocreate = true

[filter:witness]
paste.filter_factory = cluster.swift_process:witness
file = {folder}/written

[filter:content_md5]
paste.filter_factory = cluster.swift_process:content_md5

[filter:cache]
use = egg:swift#memcache
memcache_servers = {host}:{cache}

[filter:s3api]
use = egg:swift#s3api
location = {region}

[filter:tempauth]
use = egg:swift#tempauth
user_topknot_engineer = {secret} .admin
"""


class Swift:
    """A server that speaks S3, and what a client needs to know of it."""

    access_key = "topknot:engineer"

    def __init__(self, folder: Path, host: str = HOST) -> None:
        self.folder = folder
        self.secret_key = secrets.token_hex(16)
        names = (MEMCACHED, *ROLES)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._hosts = dict.fromkeys(names, HOST) | {"proxy": host}
        self.endpoint = f"http://{host}:{self.ports['proxy']}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "devices" / "disk").mkdir(parents=True)
        hashes = f"swift_hash_path_suffix = {secrets.token_hex(8)}\nswift_hash_path_prefix = {secrets.token_hex(8)}\n"
        (folder / "swift.conf").write_text(f"[swift-hash]\n{hashes}\n[storage-policy:0]\nname = one\ndefault = yes\n")
        for role in ROLES:
            self._configure(role)
        rings = [f"{role}={self.ports[role]}" for role in ROLES if role != "proxy"]
        subprocess.run(self._command("rings", *rings), env=self._environment(), check=True)

    def environment(self) -> dict[str, str]:
        """Returns the variables by which a client finds the server and is let in."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            # Swift knows none of the checksums that the SDK would send.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def filesystem(self) -> pyarrow.fs.S3FileSystem:
        """Returns pyarrow's view of it; the two variables of checksums must be set in this process before the first."""
        return pyarrow.fs.S3FileSystem(
            access_key=self.access_key,
            secret_key=self.secret_key,
            endpoint_override=self.endpoint,
            region=REGION,
            allow_bucket_creation=True,
        )

    def make_bucket(self, name: str) -> None:
        self.filesystem().create_dir(name)

    def objects(self, bucket: str) -> list[tuple[str, int]]:
        """Returns the names of all objects in a bucket, without the bucket's, and their bytes."""
        found = self.filesystem().get_file_info(pyarrow.fs.FileSelector(bucket, recursive=True))
        return sorted((info.path.removeprefix(f"{bucket}/"), info.size) for info in found if info.is_file)

    def written(self) -> list[tuple[float, str, str]]:
        """Returns what was written, in order: when, from which address, and the object with its bucket."""
        lines = (self.folder / "written").read_text(encoding="utf-8").splitlines()
        return [(float(at), host, name) for at, host, name in (line.split(" ", 2) for line in lines)]

    def start(self) -> None:
        """Starts what does not run, and waits until the whole answers."""
        log = self.folder / "log"
        for role in self.ports:
            if role not in self._processes:
                with log.open("ab") as file:
                    self._processes[role] = subprocess.Popen(
                        [*WITH_US, *self._command(role)],
                        env=self._environment(),
                        stdout=file,
                        stderr=file,
                        start_new_session=True,
                    )
        until = time.monotonic() + STARTS_SECONDS
        for role, port in self.ports.items():
            while not healthy(self._hosts[role], port):
                if self._processes[role].poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"Swift's {role} server does not start:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.1)

    def stop(self) -> None:
        """Ends all of its processes; what it holds stays in the folder, and `start` serves it again at the same port."""
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def _configure(self, role: str) -> None:
        user = pwd.getpwuid(os.getuid()).pw_name
        pipeline = PIPELINE if role == "proxy" else f"{role}-server"
        text = SERVER.format(
            host=self._hosts[role], port=self.ports[role], folder=self.folder, user=user, pipeline=pipeline, role=role
        )
        if role == "proxy":
            text += PROXY.format(
                folder=self.folder, region=REGION, secret=self.secret_key, host=HOST, cache=self.ports[MEMCACHED]
            )
            plain = [name for name in PIPELINE.split()[:-1] if f"[filter:{name}]" not in text]
            text += "".join(f"\n[filter:{name}]\nuse = egg:swift#{name}\n" for name in plain)
        path = self.folder / f"{role}.conf"
        path.write_text(text)
        path.chmod(0o600)

    def _command(self, role: str, *arguments: str) -> list[str]:
        if role == MEMCACHED:
            return [MEMCACHED, "-l", HOST, "-p", str(self.ports[role]), "-m", "64", "-u", pwd.getpwuid(os.getuid()).pw_name]
        # -P: this folder's swift.py must not pass for Debian's.
        return [PYTHON, "-P", "-m", "cluster.swift_process", role, str(self.folder), *arguments]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1])}


def healthy(host: str, port: int) -> bool:
    """Whether a server answers at all; only the proxy's answer has a body."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthcheck")
        connection.getresponse().read()
    except http.client.HTTPException:  # memcached speaks no HTTP
        return True
    except OSError:
        return False
    finally:
        connection.close()
    return True


def installed() -> bool:
    """Whether this machine has Debian's Swift."""
    if not (Path(PYTHON).exists() and shutil.which(MEMCACHED)):
        return False
    return subprocess.run([PYTHON, "-P", "-c", "import swift.proxy.server"], capture_output=True, check=False).returncode == 0


@contextmanager
def swift(folder: Path, host: str = HOST) -> Iterator[Swift]:
    """Runs an S3 server whose objects lie in a folder, which it makes; it listens at the one address."""
    if not installed():
        sys.exit(
            "There is no OpenStack Swift. Install it with: apt-get install --no-install-recommends python3-swift memcached"
        )
    server = Swift(folder.absolute(), host)
    try:
        server.start()
        yield server
    finally:
        server.stop()
