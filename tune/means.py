"""What a worker's process computes with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from model.hparams import Precision
from tune.memory import pool_memory, worker_memory

if TYPE_CHECKING:  # workers have no need of them
    from tune.settings import Settings
    from tune.workers import Workers


@dataclass(frozen=True, slots=True)
class Means:
    """What a worker computes with.

    Attributes:
        cpus: Threads.
        gpus: That Ray gives it.
        precision: What LSTM layers are computed in.
        memory: Bytes of its own above which the process is replaced before its next trial; None for its part of the node's.
        deadline: A time as `data.clock.now` gives it, when work is to be over.
    """

    cpus: int
    gpus: float
    precision: Precision
    memory: float | None
    deadline: float

    @classmethod
    def of(cls, settings: Settings, workers: Workers, deadline: float) -> Means:
        """Returns those of a search's workers."""
        return cls(settings.cpus_per_trial, settings.gpus_per_trial, settings.precision, workers.memory, deadline)

    def prepare(self) -> float:
        """Makes the process ready to train, once; brings TensorFlow, which the driver must not pay for.

        Returns:
            The bytes that it may hold.
        """
        return _prepare(self.cpus, self.gpus, self.memory)


@cache
def _prepare(cpus: int, gpus: float, memory: float | None) -> float:
    from model.device import use_device
    from model.pool import KEPT, POOL

    use_device(cpus, gpu=gpus > 0)
    if memory is None:
        from tune.nodes import own_room

        memory = worker_memory(None, own_room(cpus, gpus))
    POOL.kept = min(KEPT, pool_memory(memory))
    return memory
