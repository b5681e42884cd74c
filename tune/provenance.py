"""What a search was run on, and with: the corpus's fingerprint, versions, cores."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.split import SIDES, Split
from data.vocabulary import Vocabulary
from model.hparams import HParams
from model.linear import Recipe, read_recipe, write_recipe
from tune.cluster import cores
from tune.corpus_record import CLASS_RECORDS, describe_classes
from tune.damage import intact
from tune.first import FIRST, write_first
from tune.folder import ABOUT, SearchFolder
from tune.goal import Goal
from tune.inputs import Inputs
from tune.settings import Settings

SPACE = "space"
"""Where search.json keeps the space that the search was started with."""
SPLIT = "split"
"""Where it keeps what the corpus is split by."""
SIDES_DIGEST, RECIPE = "sides", "wide_recipe"
"""Where it keeps a digest of which rows stand on which side, and how the wide branch was fitted; null if there is none."""
VOCABULARY, VECTORS = "vocabulary", "vectors"
"""Where it keeps digests of the words in their order, and of the word vectors that trials begin with; null if with none."""
PACKAGES = ("topknot", "ray", "optuna", "keras", "tensorflow", "numpy", "scipy", "scikit-learn", "cmaes", "hyperopt", "torch")
"""What figures and proposals hang on; some of it need not be installed."""


def describe(settings: Settings, inputs: Inputs, first: list[HParams], workers: int) -> dict[str, Any]:
    """Returns what search.json holds when a search starts."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "fingerprint": inputs.corpus.fingerprint(),
        VOCABULARY: digest_words(inputs.vocabulary, inputs.dataset.parts),
        VECTORS: digest_vectors(inputs.dataset.vectors),
        "rows": len(inputs.corpus),
        "classes": len(inputs.corpus.classes),
        CLASS_RECORDS: describe_classes(inputs.corpus),
        FIRST: write_first(first),
        SPACE: settings.written_space(),
        SPLIT: split_by(settings),
        SIDES_DIGEST: digest_sides(inputs.dataset.split),
        RECIPE: None if inputs.recipe is None else write_recipe(inputs.recipe),
        "goal": Goal(settings.trial_limit(), settings.time_limit)._asdict(),
        "workers": workers,
        "cores": cores(),
        "python": platform.python_version(),
        "versions": versions(),
        "revision": git_revision(),
        "wall_seconds": 0.0,
        "finished": False,
    }


def versions() -> dict[str, str]:
    """Returns the versions of what is installed of `PACKAGES`."""
    found = dict[str, str]()
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_revision() -> str | None:
    """Returns the revision of the checkout that this is run from, with '-dirty' if it was changed; None elsewhere."""
    checkout = Path(__file__).parents[1]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def digest_words(vocabulary: Vocabulary, parts: npt.NDArray[np.int32] | None) -> str:
    """Returns a digest of the words that a corpus has, in their order, and of their parts, if trials read them."""
    digest = hashlib.blake2b(vocabulary.to_json().encode("utf-8", "surrogatepass"), digest_size=16)
    if parts is not None:
        digest.update(parts.tobytes())
    return digest.hexdigest()


def digest_vectors(vectors: npt.NDArray[np.float32] | None) -> str | None:
    """Returns a digest of the word vectors that trials begin with; None if with none."""
    return None if vectors is None else hashlib.blake2b(vectors.tobytes(), digest_size=16).hexdigest()


def digest_sides(split: Split) -> str:
    """Returns a digest of which rows stand on which side."""
    digest = hashlib.blake2b(digest_size=16)
    for side in SIDES:
        rows = split.side(side).astype("<i8")
        digest.update(len(rows).to_bytes(8, "little") + rows.tobytes())
    return digest.hexdigest()


def read_wide_recipe(folder: SearchFolder) -> Recipe | None:
    """Returns how a search's wide branch was fitted; None if it has none, or does not say."""
    with intact(folder.path / ABOUT):
        written = folder.read_json(ABOUT).get(RECIPE)
        return None if written is None else read_recipe(written)


def split_by(settings: Settings) -> dict[str, float]:
    """Returns what a corpus is split by."""
    return {name: getattr(settings, name) for name in ("seed", "validation", "test")}
