"""A classifier in a process of its own, which answers what several ask at once in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ray import serve

MOST_TOGETHER, WAIT_SECONDS = 64, 0.005
"""Questions that are answered together, at most, and how long the first of them waits for others."""


class Replica:
    """Answers in one thread: a network computes one thing at a time.

    Args:
        folder: The classifier's.
        name: As it was asked for.
        threads: Of TensorFlow.
    """

    def __init__(self, folder: str, name: str, threads: int) -> None:
        from model.device import use_device

        use_device(threads, gpu=False)
        from model.ensemble import load_classifier

        self._classifier, self._name = load_classifier(Path(folder)), name
        self._thread = ThreadPoolExecutor(1, "answers")
        self._classifier.probabilities(["a text, so that the first question need not wait"])

    async def answer(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Returns each text's probability of each class: float32 (texts, classes)."""
        probabilities: npt.NDArray[np.float32] = await self._together(list(texts))
        return probabilities

    @serve.batch(max_batch_size=MOST_TOGETHER, batch_wait_timeout_s=WAIT_SECONDS)
    async def _together(self, questions: list[list[str]]) -> list[npt.NDArray[np.float32]]:
        texts = [text for question in questions for text in question]
        probabilities = await self._compute(self._classifier.probabilities, texts)
        ends = np.cumsum([len(question) for question in questions])[:-1]
        return np.split(probabilities, ends)

    async def explain(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Returns each text's words as JSON knows them (`model.explanation.Word`)."""
        from model.explanation import explain

        found = [await self._compute(explain, self._classifier, text) for text in texts]
        return [[word.to_dict() for word in explanation.words] for explanation in found]

    async def about(self) -> dict[str, Any]:
        """Returns what it is (`tune.serving.questions.About`)."""
        test = self._classifier.metrics.get("test")
        numbers = (
            {name: value for name, value in test.items() if isinstance(value, int | float)} if isinstance(test, dict) else None
        )
        return {"model": self._name, "classes": list(self._classifier.classes), "test": numbers}

    async def _compute(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
