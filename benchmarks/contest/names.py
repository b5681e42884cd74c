"""The names on a benchmark's command line: those that there are, and of these the ones that can run here."""

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence


def among(known: Collection[str], noun: str) -> Callable[[str], list[str]]:
    """Returns what reads names, separated by commas, and refuses those that are not known."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {noun} {name!r}; there are {', '.join(known)}")
        return names

    return read


def installed(names: Sequence[str], missing: Mapping[str, Sequence[str]]) -> list[str]:
    """Leaves out, with a word, those for which packages are missing."""
    for name in names:
        if missing.get(name):
            print(f"{name} is skipped; to include it: uv pip install {' '.join(missing[name])}", file=sys.stderr)
    return [name for name in names if not missing.get(name)]
