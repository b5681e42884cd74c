"""The shape of a network: what its compiled steps depend on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.subwords import BUCKETS
from model.hparams import DenseActivation, HParams, Pooling, Precision


@dataclass(frozen=True, slots=True)
class Shape:
    """What a compiled step depends on; all else may change from training to training without compiling anew.

    The precision is that of the LSTM layers, which do most of the work; weights, dense layers and loss are float32.
    """

    lstm_layers: int
    lstm_size: int
    bidirectional: bool
    pooling: Pooling
    dense_sizes: tuple[int, ...]
    dense_activation: DenseActivation
    batch_norm: bool
    embedding_size: int
    train_embedding: bool
    vocabulary_size: int
    classes: int
    embedding_dropout: bool
    lstm_dropout: bool
    recurrent_dropout: bool
    dense_dropout: bool
    output_dropout: bool
    weight_dropout: bool
    layer_norm: bool
    ema: bool
    precision: Precision
    plain_loss: bool
    parts: int
    """Rows of the embedding behind those of the vocabulary: vectors of parts of words (`model.subwords`)."""
    composed: bool = False
    """Whether the vocabulary's rows are means already; then a batch brings the parts of other words."""

    @classmethod
    def of(cls, hparams: HParams, vocabulary_size: int, classes: int, precision: Precision = "float32") -> Shape:
        """Returns the shape of a network for a corpus of so many ids and classes, computed in so many bits."""
        return cls(
            lstm_layers=hparams.lstm_layers,
            lstm_size=hparams.lstm_size,
            bidirectional=hparams.bidirectional,
            pooling=hparams.pooling,
            dense_sizes=hparams.dense_sizes,
            dense_activation=hparams.dense_activation if hparams.dense_layers else "relu",
            batch_norm=hparams.batch_norm and hparams.dense_layers > 0,
            embedding_size=hparams.embedding_size,
            train_embedding=hparams.train_embedding,
            vocabulary_size=min(hparams.vocabulary_size, vocabulary_size),
            classes=classes,
            embedding_dropout=hparams.embedding_dropout > 0,
            lstm_dropout=hparams.lstm_dropout > 0,
            recurrent_dropout=hparams.recurrent_dropout > 0,
            dense_dropout=hparams.dense_dropout > 0,
            output_dropout=hparams.output_dropout > 0,
            weight_dropout=hparams.weight_dropout > 0,
            layer_norm=hparams.layer_norm,
            ema=hparams.ema_momentum > 0,
            precision=precision,
            plain_loss=hparams.plain_loss,
            parts=BUCKETS if hparams.subwords else 0,
        )

    def to_infer(self) -> Shape:
        """Returns the shape that answers as this one does, in single precision, once it has learned; it cannot be trained."""
        return replace(
            self,
            train_embedding=False,
            embedding_dropout=False,
            lstm_dropout=False,
            recurrent_dropout=False,
            dense_dropout=False,
            output_dropout=False,
            weight_dropout=False,
            ema=False,
            precision="float32",
            plain_loss=True,
            composed=self.parts > 0,
        )

    def weights(self) -> list[tuple[str, tuple[int, ...]]]:
        """Returns the kind and shape of each weight, in Keras's order (see `model.trained.Weights`)."""
        weights: list[tuple[str, tuple[int, ...]]] = [("embedding", (self.vocabulary_size + self.parts, self.embedding_size))]
        directions = 2 if self.bidirectional else 1
        inputs, units = self.embedding_size, self.lstm_size
        for _ in range(self.lstm_layers):
            one = [("kernel", (inputs, 4 * units)), ("recurrent", (units, 4 * units)), ("lstm_bias", (4 * units,))]
            weights += one * directions
            inputs = units * directions
            if self.layer_norm:
                weights += [("scale", (inputs,)), ("bias", (inputs,))]
        if self.pooling == "attention":
            weights.append(("kernel", (inputs, 1)))
        for size in self.dense_sizes:
            weights += [("dense_kernel", (inputs, size)), ("bias", (size,))]
            if self.batch_norm:
                weights += [(kind, (size,)) for kind in ("scale", "bias", "moving_mean", "moving_variance")]
            inputs = size
        return [*weights, ("kernel", (inputs, self.classes)), ("bias", (self.classes,))]
