"""The logits of many texts, in batches."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from data.batches import pad, sorted_batches
from data.clock import now
from data.tokens import Ints, Tokens
from model.compiled import CompiledNetwork
from model.hparams import HParams


def infer(
    network: CompiledNetwork, tokens: Tokens, rows: Ints, hparams: HParams, deadline: float = math.inf
) -> npt.NDArray[np.float32]:
    """Computes the logits of rows in large batches of like length: float32 (len(rows), classes), in the rows' order.

    Raises:
        TimeoutError: If the deadline, a time as `data.clock.now` gives it, passes meanwhile.
    """
    logits = np.empty((len(rows), network.shape.classes), dtype=np.float32)
    size = network.shape.vocabulary_size
    for places in sorted_batches(tokens.lengths(rows), hparams.max_length):
        ids = pad(tokens, rows[places], max_length=hparams.max_length, vocabulary_size=size)
        logits[places] = network.infer(ids)
        if now() > deadline:
            raise TimeoutError
    return logits
