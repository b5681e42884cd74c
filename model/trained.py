"""What a training leaves behind. Needs no TensorFlow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.mixture import Mixture

Weights = list[npt.NDArray[np.float32]]
"""A network's weights in Keras's order: embedding; each LSTM layer's kernel, recurrent kernel and bias, forwards then
backwards, and its norm's scale and bias; the kernel of attention; each dense layer's kernel and bias, and its batch norm's
scale, bias, moving mean and moving variance; the logits' kernel and bias."""


class Trained(NamedTuple):
    """The LSTM's weights, and what it and the wide branch weigh beside each other."""

    weights: Weights
    mixture: Mixture = Mixture(0.0, 1.0)
