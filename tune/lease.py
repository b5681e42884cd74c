"""Who runs a search whose folder stands in an object store: those have no locks."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data.clock import boot_id
from data.errors import InputError
from tune.bucket import Bucket

LEASE = "driver.json"
SETTLE_SECONDS = 1.0
"""How long after one has taken the lease one looks whether another has taken it at the same instant."""
BEAT_SECONDS, LOST_SECONDS = 5.0, 40.0
"""How often the lease is renewed; and how long it must not have been for its owner to be taken for dead."""
LOOK_SECONDS = 2.0
SKEW_SECONDS = 900.0
"""By which two machines' clocks never differ: object stores refuse whoever's is as wrong as that."""


class LeaseLostError(Exception):
    """Another process has taken the search over."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A driver's claim to a search.

    Attributes:
        owner: A name that no other claim has.
        host, process: Where it runs.
        boot: What the host's name and the process's number are told apart by (`_boot`).
        beats: How often it was renewed: counted, so that nobody's clock matters.
        at: When it was last, as its owner's `time.time` gives it: for people.
        ended: Its owner has let go of it.
        after: The owner of the claim before; empty for the first.
    """

    owner: str
    host: str
    process: int
    beats: int = 0
    at: float = 0.0
    ended: bool = False
    after: str = ""
    boot: str = ""

    def is_dead(self) -> bool:
        """Tells whether its owner is known to run no more: it said so, or ran on this machine."""
        here = self.host == _host() and self.boot == _boot() != ""
        return self.ended or (here and not Path(f"/proc/{self.process}").exists())


def read_lease(bucket: Bucket) -> Lease | None:
    """Returns who runs, or ran, a search; None if nobody does.

    Raises:
        OSError: If the bucket cannot be read.
    """
    try:
        return Lease(**json.loads(bucket.read(LEASE)))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def take_lease(bucket: Bucket, name: str, announce: Callable[[Lease], None] | None = None) -> Lease:
    """Takes a search for this process.

    Args:
        bucket: Of the search.
        name: Of the search.
        announce: Is told the claim before the bucket is: whatever happens then, it is known here whose it was.

    Raises:
        InputError: If another process runs it.
        OSError: If the bucket cannot be used.
    """
    there = now = read_lease(bucket)
    until = time.monotonic() + LOST_SECONDS
    while now and not now.is_dead() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        now = read_lease(bucket)
        if now and not now.is_dead() and now != there:
            raise InputError(
                f"The search {name!r} is running already, on {now.host} (process {now.process}). "
                f"One that is no longer there is given up after {LOST_SECONDS:.0f} s."
            )
    mine = Lease(uuid.uuid4().hex, _host(), os.getpid(), at=time.time(), after=now.owner if now else "", boot=_boot())
    if announce:
        announce(mine)
    _write(bucket, mine)
    time.sleep(SETTLE_SECONDS)
    now = read_lease(bucket)
    if now is None or now.owner != mine.owner:
        raise InputError(f"The search {name!r} was begun by another process at the same instant.")
    return mine


def renew_lease(bucket: Bucket, lease: Lease, *, ended: bool = False) -> Lease:
    """Renews a lease, or lets go of it.

    Raises:
        LeaseLostError: If another process has taken the search over.
        OSError: If the bucket cannot be used.
    """
    now = read_lease(bucket)
    if now is None or now.owner != lease.owner:
        raise LeaseLostError(f"process {now.process} on {now.host}" if now else "another process, which removed its lease")
    renewed = replace(lease, beats=lease.beats + 1, at=time.time(), ended=ended)
    _write(bucket, renewed)
    return renewed


class Pulse:
    """Whether a lease is renewed, as the one who looks at it now and then finds: clocks of two machines may differ.

    Args:
        now: Returns seconds, as `time.monotonic` does.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._since = now, 0.0
        self._seen: Lease | None = None

    def beats(self, lease: Lease | None) -> bool:
        """Tells whether a lease has an owner who runs: it was renewed since the last look, or there has been no time for it."""
        if lease is None or lease.is_dead():
            return False
        if self._seen is None and time.time() - lease.at > SKEW_SECONDS:
            return False
        if lease != self._seen:
            self._seen, self._since = lease, self._now()
        return self._now() - self._since < LOST_SECONDS


class Heartbeat(threading.Thread):
    """Renews a lease until `end`. While the bucket cannot be reached it goes on trying.

    Args:
        bucket: Of the search.
        lease: This process's.
        on_loss: Called when another process has taken the search over.

    Attributes:
        lost: Who has taken it over; empty while nobody has.
    """

    def __init__(self, bucket: Bucket, lease: Lease, on_loss: Callable[[], None]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._bucket, self._lease, self._on_loss = bucket.at_once(), lease, on_loss
        self._ended = threading.Event()
        self.lost = ""

    def run(self) -> None:
        """Renews the lease every few seconds."""
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):
                if not self._renew():
                    self._on_loss()
                    return

    def end(self, *, begun: bool, patience: float) -> None:
        """Lets go of the search, unless another process has it; leaves no lease of one that has not begun.

        Raises:
            OSError: If the bucket could not be reached for so many seconds.
        """
        self._ended.set()
        self.join()
        if not self.lost:
            self._bucket = replace(self._bucket, patience=patience)
            if self._renew(ended=True) and not begun:
                self._bucket.remove(LEASE)

    def _renew(self, *, ended: bool = False) -> bool:
        try:
            self._lease = renew_lease(self._bucket, self._lease, ended=ended)
        except LeaseLostError as error:
            self.lost = str(error)
        return not self.lost


def _write(bucket: Bucket, lease: Lease) -> None:
    bucket.write(LEASE, json.dumps(asdict(lease)).encode())


def _host() -> str:
    return socket.gethostname()


def _boot() -> str:
    """Returns what no other machine has, nor a container beside this one, though they may share its name; empty if unknown."""
    boot = boot_id()
    try:
        return boot and boot + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
