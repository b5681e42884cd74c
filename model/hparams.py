"""The hyperparameters of one training. Needs no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

Pooling = Literal["last", "max", "mean", "attention"]
LearningRateSchedule = Literal["constant", "linear", "cosine"]
TopKSchedule = Literal["constant", "warmup", "anneal"]
ClassWeight = Literal["none", "balanced", "effective"]
DenseActivation = Literal["relu", "sigmoid"]
DenseInit = Literal["glorot_uniform", "he_uniform", "normal"]
Precision = Literal["float32", "float16", "bfloat16"]

LOWEST_RATE = 0.05
"""Part of the learning rate that a schedule ends at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HParams:
    """Everything that a search may vary about one training, checked once, here."""

    lstm_layers: int = 1
    """LSTM layers above each other, 1 or more."""
    lstm_size: int = 64
    """Units of each LSTM layer, in each direction."""
    bidirectional: bool = False
    """Whether each LSTM layer reads the text backwards too."""
    pooling: Pooling = "last"
    """What the last LSTM layer hands on: its state at the last real token, or the maximum or mean over real tokens, or their
    mean weighted by a softmax of learned scores."""
    layer_norm: bool = False
    """Whether each LSTM layer's outputs are normalised (Ba et al., 2016)."""
    dense_layers: int = 0
    """Dense layers between the LSTM and the logits, 0 or more."""
    dense_size: int = 64
    """Units of each dense layer; without effect where there are none."""
    dense_taper: bool = False
    """Whether each dense layer has half the units of the one before it, one at least."""
    dense_activation: DenseActivation = "relu"
    """What dense layers apply to their sums."""
    dense_init: DenseInit = "glorot_uniform"
    """How dense layers' kernels are drawn; `normal` has the deviations of the original question (`model.network`)."""
    batch_norm: bool = False
    """Whether each dense layer's outputs are normalised over the batch, and by moving statistics to infer (Ioffe & Szegedy,
    2015)."""
    embedding_size: int = 64
    """Length of a token's vector."""
    subwords: bool = False
    """Whether a token's vector is the mean of its own and of those of its parts, hashed runs of 3 to 6 characters (Bojanowski
    et al., 2017), and that of a token outside the vocabulary the mean of its parts'; else all those share one vector."""
    train_embedding: bool = True
    """Whether tokens' vectors are trained, or stay as they begin."""
    vocabulary_size: int = 20_000
    """Ids that have a vector of their own, padding and unknown included; the corpus may have fewer."""
    max_length: int = 400
    """Tokens of a text that the LSTM reads, from its start."""
    wide: bool = False
    """Whether a linear model of words, pairs of words and runs of characters stands beside the LSTM, their logits mixed."""

    embedding_dropout: float = 0.0
    """Fraction of a text's tokens whose vectors are dropped while training, in [0, 1)."""
    lstm_dropout: float = 0.2
    """Fraction of each LSTM layer's inputs dropped while training, the same at each step of a text, in [0, 1)."""
    output_dropout: float = 0.0
    """Fraction of the last LSTM layer's outputs dropped while training, the same at each step of a text, in [0, 1)."""
    recurrent_dropout: float = 0.0
    """Fraction of what each LSTM layer's gates see of the step before dropped while training, the same at each step of a text,
    in [0, 1) (Gal & Ghahramani, 2016). Slow: no fused kernel knows it; `weight_dropout` is its fast counterpart."""
    weight_dropout: float = 0.0
    """Fraction of the entries of each recurrent kernel dropped in a training step, in [0, 1) (DropConnect, as Merity et al.,
    ICLR 2018, regularise LSTMs): what recurrent dropout is for, at the speed of fused kernels."""
    dense_dropout: float = 0.3
    """Fraction of the inputs of each dense layer and of the logits dropped while training, in [0, 1)."""

    learning_rate: float = 2e-3
    """Adam's step size, above 0."""
    learning_rate_schedule: LearningRateSchedule = "constant"
    """Whether the step size stays, or falls over `learning_rate_epochs` to a twentieth of it, evenly or as a cosine."""
    learning_rate_epochs: int = 10
    """Epochs over which a schedule other than constant lowers the step size, 1 or more."""
    batch_size: int = 128
    """Texts a training step ranks."""
    weight_decay: float = 0.0
    """Fraction of each kernel, times the learning rate, taken off at each step (AdamW); 0 or more."""
    clip_norm: float = 1.0
    """Gradients longer than this are scaled down to it, all together; above 0."""
    ema_momentum: float = 0.0
    """How much of the weights' moving average each step keeps, in [0, 1); what is evaluated and kept is that average (Polyak &
    Juditsky, 1992). 0 is off."""

    top_k: float = 0.5
    """Fraction of a batch that is trained on, its hardest texts, in (0, 1]; 1 is the full cross-entropy."""
    top_k_schedule: TopKSchedule = "constant"
    """How training comes to `top_k`: at once, after `top_k_epochs` on the full loss, or falling evenly over them."""
    top_k_epochs: int = 3
    """Epochs until a schedule other than constant has come to `top_k`, 1 or more."""

    class_weight: ClassWeight = "none"
    """What an example's loss is multiplied by: 1, or more the rarer its class is, by its rows or by their effective number."""
    class_weight_beta: float = 0.999
    """How little a class's next row adds to those before it, in [0, 1); at 0 all classes weigh the same, towards 1 as balanced.
    For `effective` only."""
    focal_gamma: float = 0.0
    """Exponent of the focal loss, which makes little of examples that are right already; 0 or more, 0 is off."""
    logit_adjustment: float = 0.0
    """What the logarithm of a class's frequency, added to its logit while training, is multiplied by; 0 or more, 0 is off."""
    label_smoothing: float = 0.0
    """Fraction of each label that is shared out among all classes while training, in [0, 1)."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if get_origin(kind) is Literal:
                if value not in get_args(kind):
                    raise ValueError(f"`{name}` must be one of {', '.join(get_args(kind))}, got {value!r}.")
            elif kind is float and type(value) is int:
                object.__setattr__(self, name, _as_float(name, value))
            elif type(value) is not kind:
                raise ValueError(f"`{name}` must be of type {kind.__name__}, got {value!r}.")
        for name, (inside, words) in _RANGES.items():
            if not inside(getattr(self, name)):
                raise ValueError(f"`{name}` must {words}, got {getattr(self, name)}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HParams:
        """Makes hyperparameters of a mapping, its missing ones at their defaults.

        Raises:
            ValueError: Naming an unknown or out-of-range hyperparameter.
        """
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise ValueError(f"There is no hyperparameter `{name}`; there are {', '.join(names)}.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Returns all hyperparameters by name, as JSON knows them."""
        return asdict(self)

    @property
    def dense_sizes(self) -> tuple[int, ...]:
        """Units of each dense layer, from the LSTM to the logits."""
        halvings = range(self.dense_layers) if self.dense_taper else [0] * self.dense_layers
        return tuple(max(1, self.dense_size >> halving) for halving in halvings)

    @property
    def plain_loss(self) -> bool:
        """Whether examples are trained on by their cross-entropy as it is reported, all of them or the hardest."""
        return self.class_weight == "none" and not (self.focal_gamma or self.logit_adjustment or self.label_smoothing)

    def learning_rate_after(self, epochs: float) -> float:
        """Returns the step size after so many epochs, parts of one included."""
        if self.learning_rate_schedule == "constant":
            return self.learning_rate
        left = 1 - min(1.0, epochs / self.learning_rate_epochs)
        if self.learning_rate_schedule == "cosine":
            left = (1 - math.cos(math.pi * left)) / 2
        return self.learning_rate * (LOWEST_RATE + (1 - LOWEST_RATE) * left)

    def top_k_fraction(self, epoch: int) -> float:
        """Returns the fraction of a batch trained on in an epoch, counted from 1."""
        done = min(1.0, (epoch - 1) / self.top_k_epochs)
        if self.top_k_schedule == "anneal":
            return 1 + (self.top_k - 1) * done
        if self.top_k_schedule == "warmup":
            return self.top_k if done == 1 else 1.0
        return self.top_k


def _as_float(name: str, value: int) -> float:
    if abs(value) > LARGEST or float(value) != value:
        raise ValueError(f"`{name}` must be a number that a float holds as it is, got a whole one above 2^53.")
    return float(value)


SMALLEST, LARGEST = 1.2e-38, 3.4e38
"""Knobs are float32 where a network is trained."""


def _whole(low: int) -> tuple[Callable[[float], bool], str]:
    return lambda value: low <= value < 2**31, f"be {low} or more, below 2^31"


def _at_least(low: int) -> tuple[Callable[[float], bool], str]:
    return lambda value: low <= value <= LARGEST, f"be {low} or more, {LARGEST:g} at most"


# Written so that NaN lies outside every range.
_RATE: tuple[Callable[[float], bool], str] = (lambda value: 0 <= value < 1, "lie in [0, 1)")
_POSITIVE: tuple[Callable[[float], bool], str] = (
    lambda value: SMALLEST <= value <= LARGEST,
    f"be above 0 (from {SMALLEST:g} to {LARGEST:g})",
)
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "lstm_layers": _whole(1),
    "lstm_size": _whole(1),
    "dense_layers": _whole(0),
    "dense_size": _whole(1),
    "embedding_size": _whole(1),
    "vocabulary_size": _whole(3),
    "max_length": _whole(1),
    "embedding_dropout": _RATE,
    "lstm_dropout": _RATE,
    "output_dropout": _RATE,
    "recurrent_dropout": _RATE,
    "weight_dropout": _RATE,
    "dense_dropout": _RATE,
    "learning_rate": _POSITIVE,
    "batch_size": _whole(1),
    "learning_rate_epochs": _whole(1),
    "weight_decay": _at_least(0),
    "clip_norm": _POSITIVE,
    "ema_momentum": _RATE,
    "top_k": (lambda value: 0 < value <= 1, "lie in (0, 1]"),
    "top_k_epochs": _whole(1),
    "class_weight_beta": _RATE,
    "focal_gamma": _at_least(0),
    "logit_adjustment": _at_least(0),
    "label_smoothing": _RATE,
}
