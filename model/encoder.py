"""What encodes texts, once for all classifiers that answer together. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from data.numbered import number_texts
from data.subwords import NamedParts
from data.tokens import FIRST
from data.vocabulary import Vocabulary
from model.text_classifier import Encoded
from model.wide import Wide

if TYPE_CHECKING:
    from model.classifier import Classifier


class Encoder(NamedTuple):
    """What several classifiers of one search know of texts, or one alone.

    Attributes:
        vocabulary: The largest of theirs, of which the others are heads.
        composed: The first id that one of them reads as the mean of its parts; None where none reads parts of words.
        wide: Their wide branch; None where none has one.
    """

    vocabulary: Vocabulary
    composed: int | None
    wide: Wide | None

    @classmethod
    def of(cls, classifiers: Sequence[Classifier]) -> Encoder:
        """Returns the encoder that serves them all."""
        return cls(
            max(classifiers, key=lambda one: one.words).vocabulary,
            min((one.words for one in classifiers if one.hparams.subwords), default=None),
            next((one.wide for one in classifiers if one.wide), None),
        )

    def encode(self, texts: Sequence[str], limit: int) -> Encoded:
        """Encodes texts as all networks and the wide branch read them, at most `limit` tokens of each."""
        numbered = number_texts(texts, limit)
        parts = None
        if self.composed is not None:
            words = (*self.vocabulary.tokens[self.composed - FIRST :], *self.vocabulary.unseen(numbered))
            parts = NamedParts(words, self.composed)
        return Encoded(self.vocabulary.encode(numbered), self.wide.logits(numbered) if self.wide else None, parts)
