"""Ctrl-C, whenever it comes; and SIGTERM, which does the same."""

import io
import signal
from collections.abc import Iterator

import pytest

from tune.interrupt import interruptible


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def kind(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that raises KeyboardInterrupt by default, which SIGTERM elsewhere does not: it would end the tests."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


class Interrupted(io.RawIOBase):
    """A stream that a signal meets in the midst of the first thing that is written to it."""

    def __init__(self, kind: signal.Signals) -> None:
        self.kind, self.written = kind, b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        first, self.written = not self.written, self.written + bytes(data)
        if first:
            signal.raise_signal(self.kind)
        return len(data)


def test_it_may_come_while_something_is_being_said(kind: signal.Signals) -> None:
    raw = Interrupted(kind)
    stream = io.BufferedWriter(raw, 1)

    def say(text: str) -> None:
        stream.write(f"{text}\n".encode())
        stream.flush()

    with interruptible(say) as interrupted:
        say("best so far")
        assert interrupted.is_set()
    assert raw.written == b"best so far\nStopping; what is finished is kept\n"


def test_the_second_is_what_it_is_by_default_and_so_is_one_afterwards(kind: signal.Signals) -> None:
    said: list[str] = []
    with interruptible(said.append) as interrupted:
        signal.raise_signal(kind)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(kind)
    with interruptible(said.append) as interrupted:
        pass
    assert not interrupted.is_set()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(kind)
    assert said == ["Stopping; what is finished is kept"]
