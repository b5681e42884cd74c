"""Ray's own processes on this machine: where they do not start, or end, the search ends and says how to go on."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tune.errors import SearchFailedError
from tune.folder import SearchFolder

PROCESSES = {"gcs_server": "Ray's control process", "raylet": "Ray's node process"}
"""Without which nothing goes on, by the names that Ray has for them."""
LOOK_SECONDS = 0.5
GRACE_SECONDS = 3.0
"""How long the search has to come to its end. Within a call that waits for Ray's control process it cannot, and Ray itself
would end this process after a minute, with no word."""
FAILED = 1


class RayEndedError(BaseException):
    """One of Ray's processes has ended. Tune, which would try to end its trials first, must not catch it."""


@contextmanager
def ray_watched(folder: SearchFolder) -> Iterator[None]:
    """Ends what this thread does, at once, when a process of the Ray that it has started ends.

    Raises:
        SearchFailedError: Then, saying how to go on.
    """
    over, thread = threading.Event(), threading.get_ident()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if ended := ended_process():
                _raise_in(thread, RayEndedError)
                if not over.wait(GRACE_SECONDS):
                    kill_ray()
                    sys.stderr.write(f"\ntopknot: {told_of_end(ended, folder)}\n")
                    os._exit(FAILED)
                return

    watcher = threading.Thread(target=watch, name="watchdog", daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            over.set()
            watcher.join()
            _raise_in(thread, None)
    except (RayEndedError, Exception):
        ended = ended_process()  # what it ended with may come before the watch has seen it
        if ended is None:
            raise
        kill_ray()
        raise SearchFailedError(told_of_end(ended, folder)) from None


def wait_for_start(wait_for_ray: Callable[[], None], folder: SearchFolder | None = None) -> None:
    """Waits until Ray is ready, for a search or for something else.

    Raises:
        SearchFailedError: If it cannot be started, as where other processes keep the machine busy.
    """
    try:
        wait_for_ray()
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        then = f" {_go_on(folder)}" if folder else ""
        raise SearchFailedError(f"Ray could not be started: {reason.rstrip('.')}.{then}") from error


def told_of_end(ended: str, folder: SearchFolder | None = None) -> str:
    """Says that a process of Ray's has ended, and how to go on with the search, if it was one."""
    return f"{ended} has ended: killed, or out of memory. {_go_on(folder)}"


def _go_on(folder: SearchFolder | None) -> str:
    begun = folder is not None and folder.has_begun()
    return f"What was finished is kept; go on with: {folder.resume_command()}" if folder and begun else "Begin again"


def kill_ray() -> None:
    """Ends the others of Ray's processes, and with them the workers."""
    from ray._private import worker

    if node := worker._global_node:  # noqa: SLF001 - as above
        node.kill_all_processes(check_alive=False, allow_graceful=False)


def ended_process() -> str | None:
    """Returns which of the processes of the Ray that this process has started has ended; None if all are there, or none yet."""
    from ray._private import worker

    node = worker._global_node  # noqa: SLF001 - no public way
    if node is None:
        return None
    started = dict(node.all_processes)
    return next(
        (name for kind, name in PROCESSES.items() for one in started.get(kind, []) if one.process.poll() is not None), None
    )


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raises an error in a thread before the next step of Python that it takes; None takes back what is not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)
