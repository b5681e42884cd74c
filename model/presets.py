"""Named search spaces over the fields of `model.hparams.HParams`; docs/settings.md has their grammar."""

from __future__ import annotations

from typing import Any

from model.hparams import HParams

_ABOVE_NO_DENSE = {"dense_layers": "> 0"}

SPACES: dict[str, dict[str, Any]] = {
    # What paid on the corpora we measured; small, so that few trials find it.
    "default": {
        "embedding_size": {"choice": [64, 128]},
        "lstm_layers": 1,
        "lstm_size": {"choice": [32, 64, 96, 128]},
        "bidirectional": {"choice": [False, True]},
        "pooling": {"choice": ["last", "max", "mean"]},
        "dense_layers": {"int": [0, 1]},
        "dense_size": {"choice": [64, 128], "when": _ABOVE_NO_DENSE},
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
    },
    # Exactly the space of the original question; all else at the defaults of HParams.
    "question": {
        "lstm_layers": {"int": [1, 4]},
        "lstm_size": {"int": [8, 64]},
        "dense_layers": {"int": [0, 8]},
        "dense_size": {"int": [8, 64], "when": _ABOVE_NO_DENSE},
    },
    # Everything that can be varied, for clusters and long nights.
    "wide": {
        "embedding_size": {"int": [32, 256], "log": True},
        "lstm_layers": {"int": [1, 3]},
        "lstm_size": {"int": [16, 256], "log": True},
        "bidirectional": {"choice": [False, True]},
        "pooling": {"choice": ["last", "max", "mean"]},
        "dense_layers": {"int": [0, 3]},
        "dense_size": {"int": [32, 256], "log": True, "when": _ABOVE_NO_DENSE},
        "embedding_dropout": {"float": [0.0, 0.7]},
        "lstm_dropout": {"float": [0.0, 0.7]},
        "dense_dropout": {"float": [0.0, 0.7]},
        "learning_rate": {"float": [1e-4, 3e-2], "log": True},
        "batch_size": {"choice": [32, 64, 128, 256, 512]},
        "weight_decay": {"float": [1e-5, 1.0], "log": True},
        "clip_norm": {"float": [0.1, 10.0], "log": True},
        "top_k": {"float": [0.05, 1.0]},
        "top_k_schedule": {"choice": ["constant", "warmup", "anneal"], "when": {"top_k": "< 1"}},
        "top_k_epochs": {"int": [1, 8], "when": {"top_k_schedule": ["warmup", "anneal"]}},
        "max_length": {"int": [50, 3000], "log": True},
        "vocabulary_size": {"int": [2_000, 100_000], "log": True},
    },
}

PORTFOLIOS: dict[str, tuple[HParams, ...]] = {"default": ()}
"""Configurations that a search begins with, by preset."""
