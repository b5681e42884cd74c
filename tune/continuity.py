"""Whether a search can be gone on with: on the corpus, sides, word vectors, metric and space that it was started with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.corpus import Corpus
from data.errors import InputError
from data.split import Split
from data.vocabulary import Vocabulary
from tune.corpus_record import CLASS_RECORDS, describe_classes, difference
from tune.damage import intact
from tune.folder import ABOUT, HOME, SETTINGS, SearchFolder
from tune.inputs import Inputs, read_settings_corpus, settings_split
from tune.provenance import (
    SIDES_DIGEST,
    SPACE,
    SPLIT,
    VECTORS,
    VOCABULARY,
    digest_sides,
    digest_vectors,
    digest_words,
    git_revision,
    split_by,
    versions,
)
from tune.settings import Settings
from tune.study import explained, study_objective

OLDER = "The search {!r} was started by an older version of Topknot, and can be gone on with by that alone."


def check_fingerprint(folder: SearchFolder, settings: Settings, corpus: Corpus) -> None:
    """Makes sure that a corpus is the one that a search was started on, and that it is split as it was then.

    Raises:
        InputError: If it is another.
    """
    about = folder.read_json(ABOUT)
    now = split_by(settings)
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
    try:
        corpus = read_settings_corpus(settings)
    except InputError as error:
        if isinstance(settings.data, Path) and not settings.data.exists():
            raise InputError(f"{error} If it was moved, write its new place into {folder}/{SETTINGS} (data).") from None
        raise
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


def check_home(folder: SearchFolder) -> None:
    """Makes sure that the study is this folder's, and not that of another one, of which it is a copy.

    Raises:
        InputError: If the other one is still there: each would take the other's trials for its own.
    """
    if not folder.is_apart:
        return
    study, here = folder.study(), folder.path.absolute()
    home = Path(study.user_attrs.get(HOME, here))
    if home != here and _has_same_study(SearchFolder(home), folder):
        raise InputError(
            f"{here} is a copy of {home}, and both have one study, {folder.study_url()}, which stands in neither. Go on with "
            f"that one, or remove it; or start a new search, whose --warm-start names this one."
        )
    if study.user_attrs.get(HOME) != str(here):  # it was moved
        with explained(folder.read_json(ABOUT)["study"]):
            study.set_user_attr(HOME, str(here))


def _has_same_study(other: SearchFolder, ours: SearchFolder) -> bool:
    """Tells whether another folder, which need not be there or to be looked into, is of the same search."""
    try:
        if (other.path / ABOUT).samefile(ours.path / ABOUT):
            return False  # it is the same folder by another way
        one, two = other.read_json(ABOUT), ours.read_json(ABOUT)
    except (OSError, InputError):
        return False
    return all(one.get(name) == two.get(name) for name in ("created", "fingerprint", "study", "study_name"))


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


def check_sides(folder: SearchFolder, split: Split) -> None:
    """Makes sure that rows stand on the sides on which they stood when a search was started.

    Raises:
        InputError: If not: code that deals them out has changed since.
    """
    about = folder.read_json(ABOUT)
    if SIDES_DIGEST not in about:
        raise InputError(OLDER.format(folder.name))
    if digest_sides(split) != about[SIDES_DIGEST]:
        now = versions() | {"Topknot's revision": git_revision()}
        then = about["versions"] | {"Topknot's revision": about["revision"]}
        others = [f"{name} {told} then, {now.get(name)} now" for name, told in then.items() if told != now.get(name)]
        why = "; ".join(others) or "by other code"
        raise InputError(
            f"Rows of the search {folder.name!r} would change sides since it was started ({why}). "
            "Go on with what it was started with, or start a new search."
        )


def check_words(folder: SearchFolder, settings: Settings, inputs: Inputs) -> None:
    """Makes sure that the texts' words, and the vectors that they begin with, are those that a search was started with.

    Raises:
        InputError: If they are others.
    """
    check_vocabulary(folder, inputs.vocabulary, inputs.dataset.parts)
    if digest_vectors(inputs.dataset.vectors) != folder.read_json(ABOUT).get(VECTORS):
        raise InputError(f"{settings.vectors} has changed since the search {folder.name!r} was started; start a new one.")


def check_vocabulary(folder: SearchFolder, vocabulary: Vocabulary, parts: npt.NDArray[np.int32] | None) -> None:
    """Makes sure that the texts' words, and their parts, are those that a search was started with.

    Args:
        folder: Of the search.
        vocabulary: As its corpus gives it now.
        parts: Of the words (`data.subwords.word_parts`), if its space has them.

    Raises:
        InputError: If they are others: each would be read as another word.
    """
    if digest_words(vocabulary, parts) != folder.read_json(ABOUT).get(VOCABULARY):
        raise InputError(OLDER.format(folder.name))
