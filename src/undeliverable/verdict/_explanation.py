"""What an explanation consists of: a sentence, then lines that each have a label and a text with marked words.

Screens and pages show them in their own way; as a string an explanation is plain text.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Explanation", "ExplanationLine"]

_WIDTH = 10  # of the column of labels; a longer one shifts its text


class ExplanationLine(NamedTuple):
    """One line of an explanation.

    :ivar topic: what it is about, the same in every language: ``reply``, ``server``, ``caution``, ``doubt``, ``fault``,
        ``forwarded``, ``next``, ``message``, ``page`` or ``remark``.
    :ivar label: the topic in the language of the explanation.
    :ivar pieces: the text in pieces, each with whether it is marked: the words of a reply that decided.
    """

    topic: str
    label: str
    pieces: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """Return the text, with guillemets around what is marked."""
        return "".join([f"«{text}»" if marked else text for text, marked in self.pieces])


class Explanation(NamedTuple):
    """Why a verdict is what it is, for people.

    :ivar headline: what happened, in one sentence.
    :ivar lines: the words that decided, whose fault it is, what to do next, and what is doubtful.
    """

    headline: str
    lines: tuple[ExplanationLine, ...]

    def of(self, topic: str) -> tuple[str, ...]:
        """Return the texts of the lines about a topic."""
        return tuple(line.text for line in self.lines if line.topic == topic)

    def __str__(self) -> str:
        """Return it as plain text, without a line ending at the end."""
        return "\n".join((self.headline, *(f"  {line.label:<{_WIDTH}} {line.text}" for line in self.lines)))
