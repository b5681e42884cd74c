"""Named search spaces over the fields of `model.hparams.HParams`; docs/settings.md has their grammar."""

from __future__ import annotations

from typing import Any

from model.hparams import HParams

_ABOVE_NO_DENSE = {"dense_layers": "> 0"}

SPACES: dict[str, dict[str, Any]] = {
    # What paid on the corpora we measured; small, so that few trials find it.
    "default": {
        "embedding_size": {"choice": [64, 128]},
        "subwords": {"choice": [False, True]},
        "lstm_layers": 1,
        "lstm_size": {"choice": [32, 64, 96]},
        "bidirectional": {"choice": [False, True]},
        "pooling": {"choice": ["max", "mean"]},
        "dense_layers": 0,
        "embedding_dropout": {"float": [0.1, 0.6]},
        "lstm_dropout": {"float": [0.0, 0.5]},
        "dense_dropout": {"float": [0.0, 0.6]},
        "learning_rate": {"float": [5e-4, 1e-2], "log": True},
        "batch_size": {"choice": [32, 64, 128]},
        "weight_decay": {"float": [1e-4, 0.3], "log": True},
        "top_k": {"choice": [0.25, 0.5, 0.75, 1.0]},
        "top_k_schedule": {"choice": ["constant", "warmup", "anneal"], "when": {"top_k": "< 1"}},
        "max_length": {"choice": [200, 400, 800]},
        "vocabulary_size": 30_000,
        "wide": True,
    },
    # Exactly the space of the original question; all else at the defaults of HParams.
    "question": {
        "lstm_layers": {"int": [1, 4]},
        "lstm_size": {"int": [8, 64]},
        "dense_layers": {"int": [0, 8]},
        "dense_size": {"int": [8, 64], "when": _ABOVE_NO_DENSE},
    },
    # All that may pay on one corpus or another, for clusters and long nights.
    "wide": {
        "embedding_size": {"int": [32, 256], "log": True},
        "subwords": {"choice": [False, True]},
        "lstm_layers": {"int": [1, 3]},
        "lstm_size": {"int": [16, 256], "log": True},
        "bidirectional": {"choice": [False, True]},
        "pooling": {"choice": ["last", "max", "mean", "attention"]},
        "layer_norm": {"choice": [False, True]},
        "dense_layers": {"int": [0, 3]},
        "dense_size": {"int": [32, 256], "log": True, "when": _ABOVE_NO_DENSE},
        "embedding_dropout": {"float": [0.0, 0.7]},
        "lstm_dropout": {"float": [0.0, 0.7]},
        "output_dropout": {"float": [0.0, 0.7]},
        "weight_dropout": {"float": [0.0, 0.7]},
        "dense_dropout": {"float": [0.0, 0.7]},
        "learning_rate": {"float": [1e-4, 3e-2], "log": True},
        "learning_rate_schedule": {"choice": ["constant", "linear", "cosine"]},
        "learning_rate_epochs": {"int": [3, 30], "log": True, "when": {"learning_rate_schedule": ["linear", "cosine"]}},
        "ema_momentum": {"choice": [0.0, 0.9, 0.99]},
        "batch_size": {"choice": [32, 64, 128, 256, 512]},
        "weight_decay": {"float": [1e-5, 1.0], "log": True},
        "clip_norm": {"float": [0.1, 10.0], "log": True},
        "top_k": {"choice": [0.0625, 0.125, 0.25, 0.5, 0.75, 1.0]},
        "top_k_schedule": {"choice": ["constant", "warmup", "anneal"], "when": {"top_k": "< 1"}},
        "top_k_epochs": {"int": [1, 8], "when": {"top_k_schedule": ["warmup", "anneal"]}},
        "class_weight": {"choice": ["none", "balanced", "effective"]},
        "class_weight_beta": {"choice": [0.9, 0.99, 0.999, 0.9999], "when": {"class_weight": ["effective"]}},
        "focal_gamma": {"choice": [0.0, 0.5, 1.0, 2.0]},
        "logit_adjustment": {"choice": [0.0, 0.5, 1.0]},
        "label_smoothing": {"choice": [0.0, 0.05, 0.1]},
        "max_length": {"int": [50, 3000], "log": True},
        "vocabulary_size": {"int": [2_000, 100_000], "log": True},
        "wide": {"choice": [True, False]},
    },
}

_PROVEN = (
    # The lowest validation losses within few CPU seconds on three corpora of 2,300 to 17,500 texts, median 5, 13 and 626
    # words (docs/measurements.md, "The portfolio"). The second is for long texts.
    {"pooling": "max", "batch_size": 64, "learning_rate": 7e-3, "top_k": 0.75, "weight_decay": 0.03},
    {
        "pooling": "mean",
        "batch_size": 32,
        "learning_rate": 7e-3,
        "top_k": 0.5,
        "top_k_schedule": "anneal",
        "embedding_dropout": 0.3,
        "lstm_dropout": 0.3,
        "dense_dropout": 0.3,
    },
    {"pooling": "max", "batch_size": 32, "learning_rate": 4e-3, "top_k": 0.5},
    # Chosen later, on two corpora more: the first with parts of words ("Eight of them again" there).
    {"pooling": "max", "batch_size": 64, "learning_rate": 7e-3, "top_k": 0.75, "weight_decay": 0.03, "subwords": True},
)
_COMMON: dict[str, Any] = {
    "bidirectional": True,
    "lstm_size": 64,
    "embedding_size": 128,
    "vocabulary_size": 30_000,
    "max_length": 400,
    "wide": True,
    "embedding_dropout": 0.4,
    "lstm_dropout": 0.4,
    "dense_dropout": 0.5,
    "weight_decay": 0.01,
    "top_k_schedule": "warmup",
}
_PORTFOLIO = tuple(HParams.from_dict(_COMMON | proven) for proven in _PROVEN)
PORTFOLIOS: dict[str, tuple[HParams, ...]] = {"default": _PORTFOLIO, "wide": _PORTFOLIO}
"""Configurations that a search begins with, by preset, each different from the others in kind. The idea is that of Feurer et
al. (Auto-sklearn 2.0, JMLR 2022); theirs come of hundreds of data sets, ours of a few."""
