"""Encoded texts: ragged arrays of integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PAD = 0
UNKNOWN = 1
FIRST = 2
"""The id of the vocabulary's most frequent token."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of n texts, one text behind the other; every text has at least one.

    Attributes:
        flat: int32, shape (total,): ids from `FIRST` up, or `UNKNOWN` for a text without any token; never `PAD`.
        offsets: int64, shape (n + 1,): text i is flat[offsets[i]:offsets[i + 1]].
    """

    flat: npt.NDArray[np.int32]
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> npt.NDArray[np.int32]:
        return self.flat[self.offsets[row] : self.offsets[row + 1]]

    def lengths(self, rows: Ints) -> Ints:
        """Returns the number of tokens of each of the rows: int64, shape (len(rows),)."""
        lengths: Ints = self.offsets[rows + 1] - self.offsets[rows]
        return lengths
