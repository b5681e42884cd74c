"""The one error that means: what the user gave cannot be used as it is."""


class InputError(ValueError):
    """Bad input from the user. Its message names what was wrong, where, and what would be right, in one line."""
