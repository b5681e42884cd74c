"""Files of a search that are not as they were written: one clear error, whichever of them it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import InputError

DAMAGE = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    MemoryError,
    OSError,
)
"""What may come of values of other types, or of none, where others are expected; of Optuna's journal, too."""


@contextmanager
def intact(place: object) -> Iterator[None]:
    """Turns what reading a damaged file, or showing what it holds, ends in into an error that names it.

    Args:
        place: The file, or the search's folder.

    Raises:
        InputError: Instead of any of `DAMAGE`, which it has for its cause.
    """
    try:
        yield
    except (InputError, BrokenPipeError):
        raise
    except DAMAGE as error:
        reason = next(iter(str(error).splitlines()), "")[:200]
        raise InputError(
            f"{place} is damaged: {type(error).__name__} ({reason}). Put it back as it was, from a copy."
        ) from error
