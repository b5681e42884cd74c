"""The workers of a search: how many there are, and what each is given."""

from __future__ import annotations

from dataclasses import dataclass

from tune.memory import worker_memory
from tune.room import Room
from tune.settings import Settings


@dataclass(frozen=True, slots=True)
class Workers:
    """Trials at a time, and what Ray and the machine give each.

    Attributes:
        count: So many trials run at a time; on a cluster that grows, as soon as there is room for them.
        cpus: What each takes of the CPUs that Ray counts.
        memory: Bytes above which a worker's process is replaced; None for its part of the memory of the node it runs on.
        on_nodes: Whether they stand on nodes of a cluster, each of which may be gone at any moment.
        room: Of the cluster whose nodes they fill, however many those become; None if their number is set.
    """

    count: int
    cpus: int
    memory: float | None
    on_nodes: bool = False
    room: Room | None = None

    @classmethod
    def local(cls, settings: Settings, count: int) -> Workers:
        """Returns those of this machine, where Ray is told of as many CPUs as there are workers."""
        return cls(count, 1, worker_memory(settings.worker_memory, count))

    @classmethod
    def on_cluster(cls, settings: Settings, count: int, room: Room | None = None) -> Workers:
        """Returns those of a cluster, whose CPUs are cores."""
        memory = worker_memory(settings.worker_memory, count) if settings.worker_memory else None
        return cls(count, settings.cpus_per_trial, memory, on_nodes=True, room=room)

    def __str__(self) -> str:
        return (
            f"as many workers as the cluster has room for, now {self.room.trials()},"
            if self.room
            else f"{self.count} worker{'s' * (self.count > 1)}"
        )

    def now(self) -> int:
        """Returns how many there are now; 1 where the first is yet to come."""
        return max(1, self.room.trials()) if self.room else self.count

    def mean(self) -> float:
        """Returns how many there were on average so far."""
        return self.room.mean() if self.room else self.count
