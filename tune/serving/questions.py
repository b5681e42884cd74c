"""What may be asked over HTTP, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_TEXTS, LONGEST_TEXT, MOST_TOP = 1_000, 1_000_000, 1_000
"""Texts of a question, characters of each, and labels named for each."""
LONGEST_NAME = 40
"""Characters of a field's name that are told."""
MOST_EXPLAINED = 16
"""Texts of a question whose words are explained."""

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Question(BaseModel):
    """One text or several."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    text: Text | None = Field(None, description="A text")
    texts: Annotated[list[Text], Field(max_length=MOST_TEXTS)] | None = Field(None, description="Several, in place of one")
    top: int = Field(1, ge=1, le=MOST_TOP, description="How many of the likeliest labels to name")
    explain: bool = Field(False, description=f"Tell which words moved each answer; of {MOST_EXPLAINED} texts at most")

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, given: Any) -> Any:
        """Names the first field that there is none of; pydantic's own check would tell of each, of a million if it must."""
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                raise ValueError(f"there is no {name[:LONGEST_NAME]!r}; there are {', '.join(cls.model_fields)}")
        return given

    @model_validator(mode="after")
    def _check(self) -> Question:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either 'text' or 'texts'")
        if self.explain and len(self.asked()) > MOST_EXPLAINED:
            raise ValueError(f"'explain' is for {MOST_EXPLAINED} texts at most")
        return self

    def asked(self) -> list[str]:
        """Returns the texts, however they were given."""
        return self.texts if self.texts is not None else [self.text or ""]


class Label(BaseModel):
    """A label and its probability."""

    label: str
    probability: float = Field(ge=0, le=1)


class ExplainedWord(BaseModel):
    """A word where it stands in the text, in characters, and by how much the answer's log-odds fall without it."""

    word: str
    start: int
    end: int
    weight: float


class Answer(Label):
    """The likeliest label of a text, and the next ones."""

    top: list[Label]
    words: list[ExplainedWord] | None = None


class Answers(BaseModel):
    """An answer for each text, in their order."""

    answers: list[Answer]


class Health(BaseModel):
    """That a classifier is there and answers."""

    status: str = "ok"


class About(BaseModel):
    """What answers.

    `test` holds its figures on the test rows of its search, where it came with any; `topknot` is our version.
    """

    model: str
    classes: list[str]
    test: dict[str, float] | None = None
    topknot: str = ""
