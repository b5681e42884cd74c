"""How much memory there is for us."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def all_memory(root: Path = Path("/")) -> int:
    """Returns the machine's bytes, or those that a control group of ours may have, a container's or a job's, where fewer.

    Args:
        root: Where the system's files stand.
    """
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """Yields the limits of our control groups, of both versions of them, and of all that those stand in."""
    groups = "0::/\n"
    with suppress(OSError):
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        if not controllers:
            base, limit = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, limit = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        group = PurePosixPath(name)
        for one in (group, *group.parents):  # within a container, the outer ones are not to be seen
            with suppress(OSError, ValueError):  # no such file, or 'max'
                yield int((base / str(one).lstrip("/") / limit).read_text(encoding="ascii"))
