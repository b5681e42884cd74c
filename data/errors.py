"""The one error that means: what the user gave cannot be used as it is."""


class InputError(ValueError):
    """Bad input from the user. Its message names what was wrong, where, and what would be right, in one line."""


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says, or its kind if it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def last_line(error: BaseException) -> str:
    """Returns the last line of what an error says, which of a traceback from elsewhere is the error; else as `first_line`."""
    return next(reversed(str(error).strip().splitlines()), type(error).__name__)
