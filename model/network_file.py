"""Reads a network's file without trusting it: what it holds is measured first, and nothing that it describes is built."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import h5py

from model.hparams import HParams
from model.mixture import Mixture
from model.network import DEEP_SCALE, TEMPERATURE, WIDE, WIDE_SCALE, build
from model.size import count_parameters
from model.trained import Weights

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LARGEST_CONFIG = 16 * 2**20
SLACK = 4 * 2**20
"""Bytes of a weights file that are not weights, at most: HDF5's own."""
MOST_SQUEEZED = 200
"""A file may be so many times as large as it is in the archive; weights cannot be squeezed by half."""
FILTERS = Lock()
"""Of warnings: they are the process's, and two threads that change them and back leave those of the first."""


class ReadNetwork(NamedTuple):
    """What a network's file holds.

    Attributes:
        weights: Of all layers but that of the wide branch, in Keras's order.
        kernel: The wide branch's, float32 (n-grams, classes); None where there is none.
        mixture: Of the two branches.
        temperature: What logits are divided by.
    """

    weights: Weights
    kernel: Any
    mixture: Mixture
    temperature: float


def read_network(path: Path, hparams: HParams, *, vocabulary_size: int, classes: int, ngrams: int) -> ReadNetwork:
    """Reads the weights into a network that is built anew from hyperparameters; of the file's own description, three numbers.

    Args:
        path: What `keras.Model.save` wrote, a zip archive.
        hparams: Of the network.
        vocabulary_size, classes: As in `model.network.build`.
        ngrams: N-grams that the wide branch knows; 0 where there is none.

    Raises:
        ValueError, KeyError, OSError, zipfile.BadZipFile: If it is not the file of such a network, or holds far more.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        scales = dict(_scales(json.loads(_read(archive, CONFIG, LARGEST_CONFIG))))
        expected = 4 * (count_parameters(hparams, vocabulary_size, classes) + (ngrams + 1) * classes * bool(ngrams))
        content = _read(archive, WEIGHTS, 2 * expected + SLACK)
    if len(content) < expected:
        raise ValueError(f"{path.name} holds {len(content)} bytes of weights; its hyperparameters ask for {expected}")
    with h5py.File(io.BytesIO(content)) as weights:
        _check(weights, len(content))
    mixture = Mixture(scales[WIDE_SCALE], scales[DEEP_SCALE]) if ngrams else None
    network = build(hparams, vocabulary_size=vocabulary_size, classes=classes, ngrams=ngrams, mixture=mixture)
    with FILTERS, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # what Keras does not find it leaves at random, with no more than a warning
        try:
            network.load_weights(path)
        except UserWarning as warning:
            raise ValueError(f"{path.name} holds other layers than its hyperparameters ask for: {warning}") from None
    kernel = network.get_layer(WIDE).get_weights()[0][1:] if ngrams else None
    others = [weight for layer in network.layers if layer.name != WIDE for weight in layer.get_weights()]
    return ReadNetwork(others, kernel, mixture or Mixture(0.0, 1.0), 1 / scales[TEMPERATURE])


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    told = archive.getinfo(name)
    if told.file_size > min(most, SLACK + MOST_SQUEEZED * told.compress_size):
        raise ValueError(f"its {name} would be of {told.file_size} bytes")
    with archive.open(told) as file:
        content = file.read(told.file_size + 1)
    if len(content) != told.file_size:
        raise ValueError(f"its {name} is of another size than it says")
    return content


def _scales(config: Any) -> Iterator[tuple[str, float]]:
    """Yields the names and scales of the layers that multiply."""
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Rescaling":
            yield str(layer["config"]["name"]), float(layer["config"]["scale"])


def _check(weights: h5py.File, size: int) -> None:
    """Makes sure that a file's arrays stand in it, as large as they say, and nowhere else."""

    def visit(group: h5py.Group) -> int:
        total = 0
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its weights {name!r} stand in another place")  # noqa: TRY004
            one = group[name]
            if isinstance(one, h5py.Group):
                total += visit(one)
            elif one.external or one.is_virtual:
                raise ValueError(f"its weights {name!r} stand in another file")
            else:
                total += one.nbytes
        return total

    if visit(weights) > size:
        raise ValueError("its weights are larger than the file that holds them")
