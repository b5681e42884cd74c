"""Which words of a text moved its classifier's answer: each left out in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.tokenizer import looked_at, normalise, token_spans
from model.text_classifier import TextClassifier

MOST = 256
"""Texts that a classifier reads for one explanation, about; what has more words is first looked at stretch by stretch."""

CHARACTERS = 2**24
"""Characters of those texts that stand in memory together, about."""

SMALLEST = 1e-7
"""Nothing is surer than that in single precision."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands in a text.

    Attributes:
        text: As it was written.
        start, end: Where it stands, in characters.
        weight: By how much the label's log-odds fall when the word is left out, wherever it stands in the text: above 0 it
            speaks for the label, below 0 against it. At 1 the odds fall to 37%.
    """

    text: str
    start: int
    end: int
    weight: float

    def to_dict(self) -> dict[str, Any]:
        """Returns the word as JSON knows it."""
        return {"word": self.text, "start": self.start, "end": self.end, "weight": self.weight}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text was given a label.

    Attributes:
        label: The label that is explained.
        probability: Its probability, in [0, 1].
        words: All words of the text that the classifier looks at, in order.
    """

    label: str
    probability: float
    words: tuple[Word, ...]


def explain(classifier: TextClassifier, text: str, label: str | None = None) -> Explanation:
    """Explains an answer by occlusion (Zeiler & Fergus, ECCV 2014): equal words are left out together, and the text read again.

    It asks nothing of the classifier but its answers, so that it holds for the LSTM and the wide branch together, and for an
    ensemble. Of a text of more than 256 different words, only those are looked at that stand in the stretches which matter
    most; the others weigh 0.

    Args:
        classifier: Whose answer it is.
        text: Raw text.
        label: What to explain; None for the likeliest label.

    Raises:
        ValueError: If the classifier does not know the label.
    """
    if label is not None and label not in classifier.classes:
        raise ValueError(f"The classifier does not know the label {label!r}.")
    whole = classifier.probabilities([text])[0]
    column = int(whole.argmax()) if label is None else classifier.classes.index(label)
    text = text[: looked_at(text, classifier.limit)]
    spans = token_spans(text)
    places: dict[str, list[int]] = defaultdict(list)
    for place, (start, end) in enumerate(spans):
        places[normalise(text[start:end])].append(place)

    def weights(groups: Sequence[Iterable[int]]) -> npt.NDArray[np.float64]:
        together = max(1, CHARACTERS // (len(text) + 1))
        without = [
            classifier.probabilities([_without(text, (spans[place] for place in sorted(group))) for group in some])[:, column]
            for some in (groups[first : first + together] for first in range(0, len(groups), together))
        ]
        return _log_odds(whole[column]) - _log_odds(np.concatenate(without))

    chosen = list(places.values())
    if len(chosen) > MOST:
        stretches = [part.tolist() for part in np.array_split(np.arange(len(spans)), MOST // 4)]
        order = np.argsort(-np.abs(weights(stretches)), kind="stable")
        near: set[int] = set()
        for stretch in order:
            more = near | set(stretches[stretch])
            if near and sum(not more.isdisjoint(group) for group in chosen) > 3 * MOST // 4:
                break
            near = more
        chosen = [group for group in chosen if not near.isdisjoint(group)][: 3 * MOST // 4]
    told = np.zeros(len(spans))
    if chosen:
        for group, weight in zip(chosen, weights(chosen), strict=True):
            told[group] = weight
    words = (Word(text[start:end], start, end, float(weight)) for (start, end), weight in zip(spans, told, strict=True))
    return Explanation(classifier.classes[column], float(whole[column]), tuple(words))


def _log_odds(probabilities: Any) -> npt.NDArray[np.float64]:
    within: npt.NDArray[np.float64] = np.clip(np.asarray(probabilities, np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(within) - np.log1p(-within)


def _without(text: str, spans: Iterable[Span]) -> str:
    kept, last = [], 0
    for start, end in spans:
        kept.append(text[last:start])
        last = end
    return "".join([*kept, text[last:]])
