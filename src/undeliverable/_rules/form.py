"""The forms in which a reply is read: as it stands, and plain. Each is read in clauses when that is first needed.

Rules and the second opinion ask about the same reply, one after the other; so the last one is kept with all that was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undeliverable._rules.clauses import has_words
from undeliverable._rules.phrases import words_of
from undeliverable._rules.words import Words

if TYPE_CHECKING:
    from undeliverable._rules.meaning import Reading

__all__ = ["Form"]


class Form:
    """One form of a reply.

    :ivar text: the whole of it.
    :ivar words: its words.
    """

    def __init__(self, text: str, language: Words, *, is_plain: bool = False) -> None:
        self.text: Final = text
        self.words: Final = words_of(text)
        self._language: Final = language
        self._plain: Form | None = self if is_plain else None
        self._whole_plain: Form | None = self._plain
        self._cause: str | None = None
        self._reading: Reading | None = None
        self._said: str | None = None
        self._words_said: list[str] | None = None
        self._concepts: tuple[frozenset[str], ...] | None = None

    def cause(self) -> str:
        """Return the causes that it states."""
        if self._cause is None:
            self._reading = self._language.meaning.read(self.text, self.words)
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

    def concepts(self) -> tuple[frozenset[str], ...]:
        """Return the concepts in each clause of the causes that it states."""
        if self._concepts is None:
            self._concepts = self._language.concepts_in(self.said(), self.words_said())
        return self._concepts

    def said(self) -> str:
        """Return the causes that it states, without what introduces them."""
        if self._said is None:
            cause, reading = self.cause(), self._reading
            self._said = reading.said() if reading is not None and reading.is_framed else cause
        return self._said

    def words_said(self) -> list[str]:
        """Return the words of these."""
        if self._words_said is None:
            said = self.said()
            self._words_said = self.words if said is self.text else words_of(said)
        return self._words_said

    def plain(self) -> Form:
        """Return the plain form of the same reply, without what introduces its causes; this one if it is that."""
        if self._plain is None:
            reading = self.reading()
            unframed = self.text if reading is None else reading.unframed()
            self._plain = self.whole_plain() if unframed is self.text else self._plain_of(unframed)
        return self._plain

    def whole_plain(self) -> Form:
        """Return the plain form of all of the reply; this one if it is plain."""
        if self._whole_plain is None:
            self._whole_plain = self._plain_of(self.text)
        return self._whole_plain

    def _plain_of(self, text: str) -> Form:
        plain = self._language.plain.of(text, self.words)
        return self if plain is self.text else Form(plain, self._language, is_plain=True)

    def other(self, text: str) -> str | None:
        """Return the plain form of `text`, which is the whole or the cause, or None if it is plain."""
        if text is self.text:
            plain = self.whole_plain()
            return None if plain is self else plain.text
        plain = self.plain()
        return None if plain is self else plain.cause()
