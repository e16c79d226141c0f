"""A reply in the two forms in which rules are asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undeliverable._rules.meaning import Meaning, Reading, has_words, sentences
from undeliverable._rules.phrases import words_of

__all__ = ["Form"]


class Form:
    """One form of a reply: as it stands, or plain.

    :ivar text: the whole of it.
    :ivar words: its words.
    :ivar reading: its clauses, read when they are first needed; None if it is plainly one cause.
    :ivar cause: the causes that it states.
    :ivar said: the same without what introduces them.
    """

    __slots__ = ("_meaning", "cause", "reading", "said", "text", "words")

    def __init__(self, text: str, meaning: Meaning) -> None:
        self.text = text
        self.words = words_of(text)
        self._meaning = meaning

    if TYPE_CHECKING:
        reading: Reading | None
        cause: str
        said: str
    else:

        def __getattr__(self, name: str) -> object:
            """Read the clauses, and return what was asked for."""
            self.reading = self._meaning.read(self.text, self.words)
            self.cause = self.text if self.reading is None else self.reading.cause()
            self.said = self.text if self.reading is None else self.reading.said()
            return getattr(self, name)

    @property
    def causes(self) -> list[str]:
        """The clauses that state a cause."""
        return sentences(self.text) if self.reading is None else self.reading.causes()

    @property
    def is_advice(self) -> bool:
        """Whether it states no cause, but something else."""
        return self.cause is not self.text and not has_words(self.cause)
