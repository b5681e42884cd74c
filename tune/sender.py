"""Sends what changes in a driver's folder to the address that its search stands under."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tune.bucket import Bucket, brief
from tune.errors import SearchFailedError
from tune.folder import ABOUT, LOCK, RAY, REPEATS, RESULT, SETTINGS, SNAPSHOTS, WEIGHTS
from tune.lease import LEASE, Heartbeat
from tune.place import Stamp

APART = {RAY, WEIGHTS, SNAPSHOTS, LOCK, LEASE}
"""What is never fetched nor sent."""
LAST = (REPEATS, RESULT, ABOUT, SETTINGS)
"""What is sent after all else, in this order: each says that what stands before it is there."""
SEND_SECONDS = 5.0
"""How often it is looked for what has changed."""
LAST_PATIENCE = 600.0
"""Seconds for which what a search has come to is tried to be sent at its end."""
COST = 20.0
"""It is sent at most every so many times the seconds that sending took the last time."""


class Sender(threading.Thread):
    """Sends what changes in a driver's folder, every few seconds, for as long as the search is this process's.

    While the bucket cannot be reached it goes on trying.
    """

    def __init__(self, bucket: Bucket, path: Path, heartbeat: Heartbeat, say: Callable[[str], None]) -> None:
        super().__init__(name="sender", daemon=True)
        self._bucket, self._path, self._heartbeat, self._say = bucket, path, heartbeat, say
        self._sent: dict[str, Stamp] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        """Sends until `finish`."""
        hasty, wait, failing = self._bucket.at_once(), SEND_SECONDS, 0.0
        while not self._ended.wait(wait):
            started = time.monotonic()
            try:
                self._send(hasty)
            except OSError as error:
                if not failing:
                    failing = started
                    self._say(f"The storage cannot be reached; trying again ({brief(error)})")
                continue
            if failing:
                self._say(f"The storage can be reached again, after {time.monotonic() - failing:.0f} s")
                failing = 0.0
            wait = max(SEND_SECONDS, COST * (time.monotonic() - started))

    def finish(self) -> None:
        """Sends what is left, and lets go of the search.

        Raises:
            SearchFailedError: If that cannot be done.
        """
        self._ended.set()
        self.join()
        try:
            self._send(replace(self._bucket, patience=LAST_PATIENCE))
            self._heartbeat.end(begun=SETTINGS in self._sent, patience=LAST_PATIENCE)
        except OSError as error:
            raise SearchFailedError(
                f"{error}. What the search has come to stands on this machine, in {self._path}, and was not all sent; "
                "resume it here when the storage can be reached."
            ) from None
        if self._heartbeat.lost:
            raise SearchFailedError(f"The search was taken over by {self._heartbeat.lost}; this process has stopped.")

    def _send(self, bucket: Bucket) -> None:
        """Sends what has changed since it was sent; removes what is no longer there."""
        there = self._files()
        for name in self._sent.keys() - there.keys():
            if not self._heartbeat.lost:
                bucket.remove(name)
                del self._sent[name]
        for name, stamp in sorted(there.items(), key=lambda item: (_rank(item[0]), item[0])):
            if self._sent.get(name) != stamp and not self._heartbeat.lost:
                with suppress(FileNotFoundError):  # replaced at this instant; the next round sends it
                    content = (self._path / name).read_bytes()
                    bucket.write(name, content[: content.rfind(b"\n") + 1] if name.endswith(".journal") else content)
                    self._sent[name] = stamp

    def _files(self) -> dict[str, Stamp]:
        found = {}
        for folder, folders, names in os.walk(self._path):
            top = Path(folder) == self._path
            folders[:] = [name for name in folders if not name.startswith(".") and not (top and name in APART)]
            for name in names:
                path = Path(folder) / name
                if not (top and name in APART) and not name.startswith(".") and not name.endswith(".lock"):
                    with suppress(FileNotFoundError):
                        status = path.stat()
                        found[path.relative_to(self._path).as_posix()] = Stamp(status.st_size, status.st_mtime_ns)
        return found


def _rank(name: str) -> int:
    return LAST.index(name) + 1 if name in LAST else 0
