"""What a search was run on, and with: the corpus's fingerprint, versions, cores."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data.corpus import Corpus
from data.errors import InputError
from data.split import SIDES, Split
from model.hparams import HParams
from model.linear import Recipe, read_recipe, write_recipe
from tune.cluster import cores, gpus
from tune.corpus_record import CLASS_RECORDS, describe_classes, difference
from tune.damage import intact
from tune.first import FIRST, write_first
from tune.folder import ABOUT, SETTINGS, SearchFolder
from tune.inputs import Inputs, read_settings_corpus, settings_split
from tune.nodes import room_on_gpus
from tune.settings import Settings
from tune.study import study_objective

SPACE = "space"
"""Where search.json keeps the space that the search was started with."""
SPLIT = "split"
"""Where it keeps what the corpus is split by."""
SIDES_DIGEST, RECIPE = "sides", "wide_recipe"
"""Where it keeps a digest of which rows stand on which side, and how the wide branch was fitted; null if there is none."""
VECTORS = "vectors"
"""Where it keeps a digest of the word vectors that trials begin with; null if with none."""
PACKAGES = ("topknot", "ray", "optuna", "keras", "tensorflow", "numpy", "scikit-learn")
OLDER = "The search {!r} was started by an older version of Topknot, and can be gone on with by that alone."
MOST_PER_CORE = 4
"""Threads that a core is asked to run, at most."""


class Goal(NamedTuple):
    """When a search is over: at so many trials in all, or at so many wall seconds in all, its runs added up."""

    trials: int | None
    wall_seconds: float | None


def describe(settings: Settings, inputs: Inputs, first: list[HParams], workers: int) -> dict[str, Any]:
    """Returns what search.json holds when a search starts."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "fingerprint": inputs.corpus.fingerprint(),
        VECTORS: _digest(inputs.dataset.vectors),
        "rows": len(inputs.corpus),
        "classes": len(inputs.corpus.classes),
        CLASS_RECORDS: describe_classes(inputs.corpus),
        FIRST: write_first(first),
        SPACE: settings.written_space(),
        SPLIT: _split(settings),
        SIDES_DIGEST: _digest_sides(inputs.dataset.split),
        RECIPE: None if inputs.recipe is None else write_recipe(inputs.recipe),
        "goal": Goal(settings.trial_limit(), settings.time_limit)._asdict(),
        "workers": workers,
        "cores": cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "revision": git_revision(),
        "wall_seconds": 0.0,
        "finished": False,
    }


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


def count_workers(settings: Settings) -> int:
    """Returns how many trials run at a time on this machine.

    Raises:
        InputError: If they want far more cores, or more GPUs, than there are.
    """
    room = cores() // settings.cpus_per_trial
    if share := settings.gpus_per_trial:
        if not gpus():
            raise InputError(f"--gpus-per-trial: there is no GPU for {share:g}; 0 computes on cores.")
        most = room_on_gpus(gpus(), share)
        if not most or (settings.workers != "auto" and settings.workers > most):
            raise InputError(f"--gpus-per-trial: {gpus()} GPUs are too few for {settings.workers} workers of {share:g} each.")
        room = min(room, most)
    if settings.workers == "auto":
        return max(1, room)
    if settings.workers * settings.cpus_per_trial > MOST_PER_CORE * cores():
        wanted = f"{settings.workers} workers of {settings.cpus_per_trial} CPUs"
        raise InputError(f"--workers: {wanted} are too many for {cores()} cores; 'auto' fills them.")
    return settings.workers


def check_vectors(folder: SearchFolder, settings: Settings, inputs: Inputs) -> None:
    """Makes sure that word vectors are those that a search was started with.

    Raises:
        InputError: If they are others.
    """
    if _digest(inputs.dataset.vectors) != folder.read_json(ABOUT).get(VECTORS):
        raise InputError(f"{settings.vectors} has changed since the search {folder.name!r} was started; start a new one.")


def _digest(vectors: npt.NDArray[np.float32] | None) -> str | None:
    return None if vectors is None else hashlib.blake2b(vectors.tobytes(), digest_size=16).hexdigest()


def _digest_sides(split: Split) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for side in SIDES:
        rows = split.side(side).astype("<i8")
        digest.update(len(rows).to_bytes(8, "little") + rows.tobytes())
    return digest.hexdigest()


def check_sides(folder: SearchFolder, split: Split) -> None:
    """Makes sure that rows stand on the sides on which they stood when a search was started.

    Raises:
        InputError: If not: code that deals them out has changed since.
    """
    about = folder.read_json(ABOUT)
    if SIDES_DIGEST not in about:
        raise InputError(OLDER.format(folder.name))
    if _digest_sides(split) != about[SIDES_DIGEST]:
        now = {name: version(name) for name in PACKAGES} | {"Topknot's revision": git_revision()}
        then = about["versions"] | {"Topknot's revision": about["revision"]}
        others = [f"{name} {told} then, {now.get(name)} now" for name, told in then.items() if told != now.get(name)]
        why = "; ".join(others) or "by other code"
        raise InputError(
            f"Rows of the search {folder.name!r} would change sides since it was started ({why}). "
            "Go on with what it was started with, or start a new search."
        )


def read_wide_recipe(folder: SearchFolder) -> Recipe | None:
    """Returns how a search's wide branch was fitted; None if it has none, or does not say."""
    with intact(folder.path / ABOUT):
        written = folder.read_json(ABOUT).get(RECIPE)
        return None if written is None else read_recipe(written)


def _split(settings: Settings) -> dict[str, float]:
    return {name: getattr(settings, name) for name in ("seed", "validation", "test")}


def check_fingerprint(folder: SearchFolder, settings: Settings, corpus: Corpus) -> None:
    """Makes sure that a corpus is the one that a search was started on, and that it is split as it was then.

    Raises:
        InputError: If it is another.
    """
    about = folder.read_json(ABOUT)
    now = _split(settings)
    with intact(folder.path / ABOUT):
        then = {name: float(value) for name, value in about.get(SPLIT, now).items()}
        moved = [name for name in now if then[name] != now[name]]
        changed = corpus.fingerprint() != about["fingerprint"]
    if moved:
        raise InputError(
            f"{folder.path / SETTINGS}: {moved[0]} is {now[moved[0]]} now, and was {then[moved[0]]:g} when the search "
            f"{folder.name!r} was started; rows would change sides. Put it back, or start a new search."
        )
    if changed:
        with intact(folder.path / ABOUT):  # one that was started before they were kept has none
            records = about.get(CLASS_RECORDS)
            told = f" ({difference(records, describe_classes(corpus))})" if records else ""
        raise InputError(
            f"{settings.data or 'The embedded corpus'} has changed since the search {folder.name!r} was started: "
            f"then {about.get('rows')} rows of {about.get('classes')} classes, "
            f"now {len(corpus)} of {len(corpus.classes)}{told}. Start a new search on it."
        )


def own_split(folder: SearchFolder, settings: Settings, corpus: Corpus) -> Split:
    """Splits a corpus as the search did.

    Raises:
        InputError: If it is another than the search was started on, or rows would change sides.
    """
    check_fingerprint(folder, settings, corpus)
    split = settings_split(settings, corpus)
    check_sides(folder, split)
    return split


def read_own_corpus(folder: SearchFolder, settings: Settings) -> tuple[Corpus, Split]:
    """Reads the corpus that a search was started on again, and splits it as the search did.

    Raises:
        InputError: If the corpus is not there, or is another.
    """
    corpus = read_settings_corpus(settings)
    return corpus, own_split(folder, settings, corpus)


def check_metric(folder: SearchFolder, settings: Settings) -> None:
    """Makes sure that trials are ranked by what they were ranked by before: the scheduler and the study compare them.

    Raises:
        InputError: If not.
    """
    then, now = study_objective(folder.study()), settings.objective
    if then != now:
        raise InputError(
            f"{folder.path / SETTINGS}: metric is {settings.metric} now, and was {','.join(then.names)} when the search "
            f"{folder.name!r} was started. Put it back, or start a new search with --warm-start {folder.name}."
        )


def check_space(folder: SearchFolder, settings: Settings) -> None:
    """Makes sure that the space in a search's settings is the one that it was started with: its trials were drawn from that.

    Raises:
        InputError: Naming what is different.
    """
    then, now = folder.read_json(ABOUT).get(SPACE), settings.written_space()
    if then is None:
        raise InputError(OLDER.format(folder.name))
    if then == now:
        return
    changes = [
        f"{name}: then {then.get(name, 'absent')}, now {now.get(name, 'absent')}"
        for name in dict.fromkeys([*then, *now])
        if then.get(name, "absent") != now.get(name, "absent")
    ]
    raise InputError(
        f"The space in {folder.path / SETTINGS} has changed since the search was started ({'; '.join(changes)}). "
        "Put it back, or start a new search, whose --warm-start may name this one."
    )
