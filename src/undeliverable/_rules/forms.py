"""The forms in which rules see a reply: as it stands, and plain; each is read in clauses when that is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undeliverable._rules.meaning import has_words
from undeliverable._rules.phrases import words_of

if TYPE_CHECKING:
    from undeliverable._rules.meaning import Meaning, Reading

__all__ = ["Form"]


class Form:
    """One form of a reply.

    :ivar text: the whole of it.
    :ivar words: its words.
    :ivar plain: the plain form of the same reply, if it is another one: what rules out a rule may stand there alone.
    """

    __slots__ = ("_cause", "_meaning", "_reading", "plain", "text", "words")

    def __init__(self, text: str, meaning: Meaning) -> None:
        self.text: Final = text
        self.words: Final = words_of(text)
        self.plain: Form | None = None
        self._meaning: Final = meaning
        self._cause: str | None = None
        self._reading: Reading | None = None

    def cause(self) -> str:
        """Return the causes that it states."""
        if self._cause is None:
            self._reading = self._meaning.read(self.text, self.words)
            self._cause = self.text if self._reading is None else self._reading.cause()
        return self._cause

    def reading(self) -> Reading | None:
        """Return its clauses, or None if it is plainly one cause."""
        self.cause()
        return self._reading

    def is_advice(self) -> bool:
        """Return whether it states no cause, but something else."""
        cause = self.cause()
        return cause is not self.text and not has_words(cause)

    def plain_of(self, text: str) -> str | None:
        """Return the plain form of `text`, which is the whole or the cause, or None if that is plain."""
        if self.plain is None:
            return None
        return self.plain.text if text is self.text else self.plain.cause()
