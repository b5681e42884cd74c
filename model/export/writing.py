"""Writes a classifier for other programs: the model, and a reader that makes its inputs of raw texts."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import InputError
from data.packages import install_command
from data.subwords import BUCKETS, LONGEST, LOOKED_AT, MOST, SHORTEST
from model.encoder import Encoder
from model.export import runtimes
from model.export.network import PROBABILITIES, TOKENS, exported_network, members_of
from model.network import PARTS, PLACES
from model.new_folder import new_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras

    from model.text_classifier import TextClassifier

PARTS_OF_WORDS = {"lengths": (SHORTEST, LONGEST), "looked_at": LOOKED_AT, "buckets": BUCKETS, "most": MOST}
FORMATS = {"keras": runtimes.KERAS, "savedmodel": runtimes.SAVEDMODEL, "onnx": runtimes.ONNX, "tflite": runtimes.TFLITE}


def write_export(classifier: TextClassifier, form: str, folder: Path) -> None:
    """Writes a folder with the model in a format of `FORMATS`, and `reader.py`, which needs nothing of Topknot.

    Raises:
        InputError: If what the format needs is not installed.
        FileExistsError: If the folder exists.
    """
    if form == "onnx" and (missing := [name for name in ("onnx", "tf2onnx", "onnxruntime") if not find_spec(name)]):
        raise InputError(f"--format onnx needs {', '.join(missing)}; install them with: {install_command(*missing)}")
    members = [member for _, member in members_of(classifier)]
    vocabulary, composed, wide = Encoder.of(members)
    time = min(classifier.limit, max(member.hparams.max_length for member in members))
    with new_folder(folder) as temporary:
        with _quiet():
            _WRITERS[form](exported_network(classifier), temporary, time)
        about = {
            "classes": classifier.classes,
            "limit": classifier.limit,
            "time": time,
            "wide": wide is not None,
            "parts": {"known": composed, **PARTS_OF_WORDS} if composed is not None else None,
            "format": form,
        }
        (temporary / "about.json").write_text(json.dumps(about, ensure_ascii=False, indent=2), encoding="utf-8")
        (temporary / "vocabulary.json").write_text(json.dumps(vocabulary.tokens, ensure_ascii=False), encoding="utf-8")
        if wide:
            np.savez(temporary / "ngrams.npz", codes=wide.ngrams.codes, idf=wide.ngrams.idf)
        (temporary / "runtime.py").write_text(FORMATS[form], encoding="utf-8")
        for package, name in (("model.export", "reader.py"), ("data", "tokenizer.py")):
            (temporary / name).write_text(files(package).joinpath(name).read_text(encoding="utf-8"), encoding="utf-8")


def _write_keras(network: keras.Model, folder: Path, _time: int) -> None:
    network.save(folder / "model.keras")


def _write_saved_model(network: keras.Model, folder: Path, _time: int) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.network = network
    module.serve = _function(network, None, None)
    tf.saved_model.save(module, str(folder / "model"), signatures={"serving_default": module.serve})


def _write_onnx(network: keras.Model, folder: Path, _time: int) -> None:
    # Keras exports what was called before.
    network([np.zeros([size or 1 for size in one.shape], one.dtype) for one in network.inputs])
    network.export(folder / "model.onnx", format="onnx", verbose=False)


def _write_tflite(network: keras.Model, folder: Path, time: int) -> None:
    """Texts one at a time and of one length: then TFLite's own operations are enough, and none of TensorFlow's are needed."""
    import tempfile

    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = _specs(network, 1, time)
    frozen = convert_variables_to_constants_v2(_function(network, 1, time).get_concrete_function())
    order = [one.name.split(":")[0] for one in frozen.inputs]

    @tf.function(input_signature=list(specs.values()))
    def serve(*arrays: Any) -> dict[str, Any]:
        by_name = dict(zip(specs, arrays, strict=True))
        return {PROBABILITIES: frozen(*(by_name[name] for name in order))[0]}

    module = tf.Module()
    module.serve = serve
    with tempfile.TemporaryDirectory(prefix="topknot-") as temporary:
        tf.saved_model.save(module, temporary, signatures={"serving_default": serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(temporary)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        (folder / "model.tflite").write_bytes(converter.convert())


_WRITERS: dict[str, Callable[[Any, Path, int], None]] = {
    "keras": _write_keras,
    "savedmodel": _write_saved_model,
    "onnx": _write_onnx,
    "tflite": _write_tflite,
}


def _specs(network: keras.Model, batch: int | None, time: int | None) -> dict[str, Any]:
    import tensorflow as tf

    shapes = {TOKENS: (batch, time), PLACES: (batch, time), PARTS: (None, MOST)}
    return {one.name: tf.TensorSpec(shapes.get(one.name, (batch, None)), one.dtype, one.name) for one in network.inputs}


def _function(network: keras.Model, batch: int | None, time: int | None) -> Any:
    import tensorflow as tf

    @tf.function(input_signature=list(_specs(network, batch, time).values()))
    def serve(*arrays: Any) -> dict[str, Any]:
        return {PROBABILITIES: network(list(arrays) if len(arrays) > 1 else arrays[0], training=False)}

    return serve


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps converters' talk from the user: no one can act on it."""
    names = ("absl", "tf2onnx", "tensorflow")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
