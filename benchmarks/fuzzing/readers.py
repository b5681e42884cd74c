"""What is read from a user or a stranger: a function each that makes an input of a source of chance, and reads it.

A function returns where the input was accepted and what came of it was right, and raises `InputError` where it was refused.
Whatever else it raises is a crash.
"""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fuzzing import folders, tables, written

Case = Callable[[random.Random, Path], None]

READERS: dict[str, Case] = {
    **{f"{suffix} whole": partial(tables.read_whole, suffix=suffix) for suffix in tables.SUFFIXES},
    **{f"{suffix} damaged": partial(tables.read_damaged, suffix=suffix) for suffix in tables.SUFFIXES},
    "plain texts": tables.read_plain,
    "YAML settings": written.read_yaml,
    "spaces": written.read_space,
    "--set": written.read_assignments,
    "flags": written.read_flags,
    "command lines": written.read_command_line,
    "word vectors": written.read_word_vectors,
}


def folder_readers(made: Path) -> dict[str, Case]:
    """Returns the readers of folders; `made` holds whole ones (see `fuzzing.folders`)."""
    return {
        "classifiers": partial(folders.read_classifier, original=made / "single"),
        "ensembles": partial(folders.read_classifier, original=made / "ensemble"),
        "searches": partial(folders.read_search, original=made / "storage/words"),
    }


SHARES: dict[str, int] = {
    **{name: 4000 for name in READERS if name[0] == "."},
    "plain texts": 8000,
    "YAML settings": 4000,
    "spaces": 8000,
    "--set": 8000,
    "flags": 8000,
    "command lines": 4000,
    "word vectors": 8000,
    "classifiers": 2000,
    "ensembles": 1000,
    "searches": 4000,
}
"""Inputs of each reader; more of what is read faster."""
