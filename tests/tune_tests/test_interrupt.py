"""Ctrl-C, whenever it comes."""

import io
import signal

import pytest

from tune.interrupt import interruptible


class Interrupted(io.RawIOBase):
    """A stream that the user's Ctrl-C meets in the midst of the first thing that is written to it."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        first, self.written = not self.written, self.written + bytes(data)
        if first:
            signal.raise_signal(signal.SIGINT)
        return len(data)


def test_it_may_come_while_something_is_being_said() -> None:
    raw = Interrupted()
    stream = io.BufferedWriter(raw, 1)

    def say(text: str) -> None:
        stream.write(f"{text}\n".encode())
        stream.flush()

    with interruptible(say) as interrupted:
        say("best so far")
        assert interrupted.is_set()
    assert raw.written == b"best so far\nStopping; what is finished is kept\n"


def test_the_second_is_what_it_is_by_default_and_so_is_one_afterwards() -> None:
    said: list[str] = []
    with interruptible(said.append) as interrupted:
        signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with interruptible(said.append) as interrupted:
        pass
    assert not interrupted.is_set()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert said == ["Stopping; what is finished is kept"]
