"""How a search can end other than well. Bad input is `data.errors.InputError`."""


class SearchFailedError(Exception):
    """The search ran, and came to nothing."""


class SearchInterruptedError(Exception):
    """The user stopped the search; the message says how to go on."""
