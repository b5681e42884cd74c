"""How a search can end other than well. Bad input is `data.errors.InputError`."""

from collections.abc import Iterator


class SearchFailedError(Exception):
    """A search, or what was to be made of its classifier, came to nothing."""


class SearchInterruptedError(Exception):
    """The user stopped the search; the message says how to go on."""


def led_to(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and those that led to it, each once: Tune and databases' drivers make their own of others' errors."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, one.__context__]
