"""The linear baselines, each fitted beside the trials in a process of its own that gives way to them."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pkgutil import resolve_name
from typing import Any

from data.corpus import Corpus
from data.dataset import Dataset

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Baseline:
    """A baseline's process. Not a worker of Ray's: those import TensorFlow, which it has no use for.

    Args:
        name: What people call it.
        function: What the process calls, as 'module:name'; it returns a `model.baseline.Fitted`.
        arguments: Of the function.
    """

    def __init__(self, name: str, function: str, *arguments: Any) -> None:
        self.name = name
        self._work = (function, arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._starting, self._closed, self._failure = threading.Lock(), False, ""
        self._output = (b"", b"")
        self._thread = threading.Thread(target=self._run, daemon=True)

    @classmethod
    def linear(cls, dataset: Dataset, seed: int) -> Baseline:
        """Returns that of words and logistic regression."""
        return cls("linear baseline", "model.baseline:evaluate_baseline", dataset, seed)

    @classmethod
    def strong(cls, corpus: Corpus, dataset: Dataset, seed: int) -> Baseline:
        """Returns that of words, pairs of words, runs of characters and a linear SVM."""
        return cls("strong baseline", "model.strong_baseline:evaluate_strong_baseline", corpus, dataset.split, seed)

    def start(self) -> None:
        """Starts it, if it was not started. Where the machine lets no process or thread be made, `result` says so."""
        with self._starting:  # a timer may ask for it, and the search's own thread
            if self._process is not None or self._failure or self._closed:
                return
            path = os.pathsep.join(sys.path)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tune.baseline"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": path},
                )
                self._thread.start()
            except (OSError, RuntimeError) as error:
                self._failure = f"its process cannot be started: {error}"

    def is_ready(self) -> bool:
        """Tells whether there is nothing to wait for: it is done, or has failed."""
        return bool(self._failure) or (self._process is not None and not self._thread.is_alive())

    def result(self, patience: float | None) -> dict[str, Any]:
        """Waits for the figures: loss (None of an SVM), accuracy, macro_f1 and rows of train, validation and test; and `kind`.

        Args:
            patience: Seconds to wait, or None.

        Raises:
            TimeoutError: If it is not done by then.
            RuntimeError: If it failed, with the last line that it had to say, or could not be started.
        """
        self.start()
        if self._failure:
            raise RuntimeError(self._failure)
        self._thread.join(patience)
        if self._thread.is_alive():
            raise TimeoutError
        output, errors = self._output
        if not output:
            raise RuntimeError((errors.decode(errors="replace").strip().splitlines() or ["its process was killed"])[-1])
        figures: dict[str, Any] = json.loads(output)
        return figures

    def close(self) -> None:
        """Ends the process, done or not."""
        with self._starting:
            self._closed = True
        if self._process is not None:
            self._process.kill()
            if not self._failure:
                self._thread.join()

    def _run(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has failed, and says why
            pickle.dump(self._work, self._process.stdin, protocol=5)
            self._process.stdin.close()
        self._process.stdin = None
        self._output = self._process.communicate()


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the search ends it
    os.nice(19)  # it has the whole search's time, and the trials have not
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    print(json.dumps(resolve_name(function)(*arguments).summary()))  # noqa: T201


if __name__ == "__main__":
    _main()
