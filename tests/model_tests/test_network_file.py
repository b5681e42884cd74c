"""A network's file from a stranger: its weights stand in it, as large as they say."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from model.hparams import HParams
from model.network import build
from model.network_file import WEIGHTS, _check, read_network

SHAPE, WITHIN = (4, 3), "layers/dense/vars"


def other_file(folder: Path, values: np.ndarray | None = None) -> Path:
    with h5py.File(folder / "other.h5", "w") as file:
        file["0"] = np.ones(SHAPE, np.float32) if values is None else values
    return folder / "other.h5"


def honest(group: h5py.Group, _folder: Path) -> None:
    group["0"] = np.ones(SHAPE, np.float32)


def linked(group: h5py.Group, folder: Path) -> None:
    group["0"] = h5py.ExternalLink(other_file(folder), "0")


def stored_elsewhere(group: h5py.Group, folder: Path) -> None:
    values = np.ones(SHAPE, np.float32)
    (folder / "values").write_bytes(values.tobytes())
    group.create_dataset("0", SHAPE, np.float32, external=[(folder / "values", 0, values.nbytes)])


def virtual(group: h5py.Group, folder: Path) -> None:
    layout = h5py.VirtualLayout(SHAPE, np.float32)
    layout[:] = h5py.VirtualSource(other_file(folder), "0", SHAPE)
    group.create_virtual_dataset("0", layout)


def of_3_gib(group: h5py.Group, _folder: Path) -> None:
    group.create_dataset("0", 3 * 2**28, np.float32, chunks=(2**10,))


def together_too_large(group: h5py.Group, _folder: Path) -> None:
    for name in range(32):
        group.create_dataset(str(name), 2**10, np.float32, chunks=(2**10,))


def checked(plant: Callable[[h5py.Group, Path], None], folder: Path) -> None:
    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        plant(file.create_group(WITHIN), folder)
    with h5py.File(path) as file:
        assert file[f"{WITHIN}/0"].dtype == np.float32, "HDF5 itself finds nothing wrong with it"
        _check(file, path.stat().st_size)


def test_weights_that_stand_in_their_file_are_taken(tmp_path: Path) -> None:
    checked(honest, tmp_path)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        pytest.param(linked, "stand in another place", id="a link to another file"),
        pytest.param(stored_elsewhere, "stand in another file", id="stored in another file"),
        pytest.param(virtual, "stand in another file", id="virtual"),
        pytest.param(of_3_gib, "larger than the file", id="3 GiB"),
        pytest.param(together_too_large, "larger than the file", id="together too large"),
    ],
)
def test_weights_that_stand_elsewhere_or_nowhere_are_refused(
    plant: Callable[[h5py.Group, Path], None], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        checked(plant, tmp_path)


def test_a_network_is_not_read_before_its_weights_were_looked_at(tmp_path: Path) -> None:
    path, hparams = tmp_path / "network.keras", HParams(lstm_size=3, embedding_size=4)
    network = build(hparams, vocabulary_size=9, classes=2)
    network.save(path)
    read = read_network(path, hparams, vocabulary_size=9, classes=2, ngrams=0)
    weights = [weight for layer in network.layers for weight in layer.get_weights()]
    for ours, theirs in zip(read.weights, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO(members[WEIGHTS])
    with h5py.File(content, "r+") as file:
        values = file[f"{WITHIN}/0"][()]
        del file[f"{WITHIN}/0"]
        file[f"{WITHIN}/0"] = h5py.ExternalLink(other_file(tmp_path, values), "0")
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (members | {WEIGHTS: content.getvalue()}).items():
            archive.writestr(name, member)
    with pytest.raises(ValueError, match="stand in another place"):
        read_network(path, hparams, vocabulary_size=9, classes=2, ngrams=0)
