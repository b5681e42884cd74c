"""Compiled networks, kept to be used again by later trainings."""

from __future__ import annotations

from collections import OrderedDict

from model.compiled import CompiledNetwork
from model.shape import Shape

KEPT = 2**30
"""Bytes that compiled networks may hold while no training uses them."""


class Pool:
    """Compiled networks that no training uses at the moment; the least recently used are dropped.

    Args:
        kept: Bytes that they may hold together, at most, by `CompiledNetwork.size`.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.built = 0
        self._free: OrderedDict[Shape, CompiledNetwork] = OrderedDict()

    def take(self, shape: Shape) -> CompiledNetwork:
        """Hands a network of the shape out: a kept one, its weights as they were left, or a new one."""
        if shape in self._free:
            return self._free.pop(shape)
        self.built += 1
        return CompiledNetwork(shape)

    def give_back(self, network: CompiledNetwork) -> None:
        """Takes a network back, to be handed out again."""
        self._free[network.shape] = network
        self._free.move_to_end(network.shape)  # of two trainings of one shape at a time, both give theirs back
        while sum(kept.size for kept in self._free.values()) > self.kept:
            self._free.popitem(last=False)


POOL = Pool()
"""The pool of this process."""
