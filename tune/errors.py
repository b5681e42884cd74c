"""How a search can end other than well. Bad input is `data.errors.InputError`."""


class SearchFailedError(Exception):
    """A search, or what was to be made of its classifier, came to nothing."""


class SearchInterruptedError(Exception):
    """The user stopped the search; the message says how to go on."""
