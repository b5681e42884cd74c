"""A trained classifier in one folder: raw text in, label names out."""

from __future__ import annotations

import json
import math
import platform
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tokenize import TokenError
from typing import Any

import keras
import numpy as np

from data.archive import check_archive
from data.errors import InputError
from data.measured import read_document
from data.ngrams import Ngrams
from data.tokens import Ints
from data.vocabulary import Vocabulary
from model.compiled import CompiledNetwork
from model.encoder import Encoder
from model.hparams import HParams
from model.inference import infer
from model.logits import Logits
from model.network import WIDE, build
from model.network_file import read_network
from model.new_folder import new_folder
from model.seal import check_seal
from model.shape import Shape
from model.text_classifier import Encoded, TextClassifier
from model.trained import Trained
from model.wide import Wide

FORMAT = 3
FORMAT_OF_PARTS = 4
"""Of a classifier whose embedding has rows for parts of words behind those of the vocabulary; others are as they were."""
DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    RuntimeError,
    SyntaxError,
    TokenError,
    MemoryError,
    ArithmeticError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged folder may end in; HDF5 says RuntimeError, and the heads of NumPy's arrays are parsed as Python."""
NETWORK, VOCABULARY, NGRAMS, CLASSIFIER = "network.keras", "vocabulary.json", "ngrams.npz", "classifier.json"


def versions() -> dict[str, str]:
    """Returns the versions of what computes a classifier's answers."""
    return {"python": platform.python_version()} | {name: version(name) for name in ("topknot", "keras", "tensorflow", "numpy")}


@dataclass(frozen=True)
class Classifier(TextClassifier):
    """A network with all that it takes to use it.

    Attributes:
        hparams: What it was trained with.
        trained: The LSTM's weights, and what they weigh beside the wide branch.
        vocabulary: The tokens that the network has vectors for.
        classes: Label names; the network's outputs in order.
        limit: Tokens of a text that are looked at, before `hparams.max_length` cuts.
        metrics: What was measured, by whoever trained it; kept as it came.
        versions: Of the packages that trained it.
        wide: The wide branch, where `hparams.wide` says that there is one.
        temperature: What logits are divided by (`model.calibration`).
    """

    hparams: HParams
    trained: Trained
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    limit: int
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=versions)
    wide: Wide | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        shape = Shape.of(self.hparams, self.vocabulary.size, len(self.classes)).to_infer()
        rows, wanted = len(self.trained.weights[0]), shape.vocabulary_size + shape.parts
        if rows != wanted:
            raise InputError(
                f"The network's embedding has {rows} rows where it is to have {wanted}: its weights are those of another "
                "corpus, or of another version of Topknot."
            )
        network = CompiledNetwork(shape)
        network.assign(self.trained.weights)
        object.__setattr__(self, "_network", network)
        object.__setattr__(self, "vocabulary", self.vocabulary.head(shape.vocabulary_size))

    @property
    def words(self) -> int:
        """Ids that have a row of their own in the embedding."""
        return min(self.hparams.vocabulary_size, self.vocabulary.size)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encodes texts as both branches read them."""
        return Encoder.of([self]).encode(texts, self.limit)

    def uncalibrated(self, encoded: Encoded, rows: Ints | None = None) -> Logits:
        """Returns logits as they are at a temperature of 1: float32 (rows, classes)."""
        network: CompiledNetwork = self._network  # type: ignore[attr-defined]
        chosen = np.arange(len(encoded.tokens)) if rows is None else rows
        deep = infer(network, encoded.tokens, chosen, self.hparams, parts=encoded.parts)
        return deep if self.wide is None or encoded.wide is None else self.trained.mixture.of(encoded.wide[chosen], deep)

    def save(self, folder: Path) -> None:
        """Writes the classifier's folder: whole, or not at all.

        Raises:
            FileExistsError: If the folder exists.
        """
        with new_folder(folder) as temporary:
            self.keras_network().save(temporary / NETWORK)
            (temporary / VOCABULARY).write_text(self.vocabulary.to_json(), encoding="utf-8")
            about = {
                "format": FORMAT_OF_PARTS if self.hparams.subwords else FORMAT,
                "classes": self.classes,
                "hparams": self.hparams.to_dict(),
                "limit": self.limit,
                "metrics": self.metrics,
                "versions": self.versions,
            }
            if self.wide:
                np.savez(temporary / NGRAMS, codes=self.wide.ngrams.codes, idf=self.wide.ngrams.idf)
            (temporary / CLASSIFIER).write_text(json.dumps(about, ensure_ascii=False, indent=2), encoding="utf-8")

    def keras_network(self) -> keras.Model:
        """Returns the network as Keras knows it."""
        weights, mixture = self.trained
        sizes: dict[str, Any] = {
            "vocabulary_size": self.words,
            "classes": len(self.classes),
            "temperature": self.temperature,
        }
        if self.wide is None:
            network = build(self.hparams, **sizes)
        else:
            kernel = self.wide.kernel
            network = build(self.hparams, **sizes, ngrams=len(kernel), mixture=mixture)
            network.get_layer(WIDE).set_weights([np.vstack([np.zeros_like(kernel[:1]), kernel])])
        rest = iter(weights)
        for layer in network.layers:
            if layer.name != WIDE:
                layer.set_weights([next(rest) for _ in layer.weights])
        return network

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Reads a classifier's folder. Nothing in it is executed: no file is a pickle, and none says what is built.

        Raises:
            InputError: If it is not a classifier's folder, of another format, or damaged.
        """
        about = read_about(folder)
        check_seal(folder)
        try:
            words = json.loads(read_document(folder / VOCABULARY))
            vocabulary = Vocabulary.of_json(words)
            hparams, classes = HParams.from_dict(about["hparams"]), tuple(map(str, about["classes"]))
            ngrams = read_ngrams(folder / NGRAMS) if hparams.wide else None
            network = read_network(
                folder / NETWORK,
                hparams,
                vocabulary_size=vocabulary.size,
                classes=len(classes),
                ngrams=len(ngrams.codes) if ngrams else 0,
            )
            if not 0 < network.temperature < math.inf:
                raise InputError(f"{folder} is damaged: its network's temperature is {network.temperature}.")
            if type(about["limit"]) is not int or about["limit"] < 1:
                raise InputError(f"{folder} is damaged: `limit` must be a number of tokens, got {about['limit']!r}.")
            return cls(
                hparams=hparams,
                trained=Trained(network.weights, network.mixture),
                vocabulary=vocabulary,
                classes=classes,
                limit=about["limit"],
                metrics=about["metrics"],
                versions=about["versions"],
                wide=Wide(ngrams, network.kernel) if ngrams else None,
                temperature=network.temperature,
            )
        except InputError:
            raise
        except DAMAGE as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{folder} is damaged, or not a classifier's folder: {reason}") from None


def read_ngrams(path: Path) -> Ngrams:
    """Reads the wide branch's n-grams.

    Raises:
        ValueError: If it holds far more than its size would let one think.
    """
    with path.open("rb") as file:
        check_archive(file)
        with np.load(file, allow_pickle=False) as arrays:
            return Ngrams(arrays["codes"], arrays["idf"])


def read_about(folder: Path) -> dict[str, Any]:
    """Reads what a classifier's folder says of itself.

    Raises:
        InputError: If it is not a classifier's folder, of another format, or damaged.
    """
    path = folder / CLASSIFIER
    try:
        if not path.is_file():
            raise InputError(f"{folder} is not a classifier's folder: it has no {CLASSIFIER}.")
        about = json.loads(read_document(path))
        needed = FORMAT_OF_PARTS if about.get("hparams", {}).get("subwords") else FORMAT
        if about["format"] != needed:
            raise InputError(
                f"{folder} is of format {about['format']}; this version of Topknot reads format {needed} of such a classifier. "
                "Use the version that wrote it, or search again."
            )
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{folder} is damaged: {path.name} cannot be read ({error}).") from None
    return dict(about)
