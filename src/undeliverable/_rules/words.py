"""The words of all languages that replies are read with: causes and advice, concepts, plain forms.

Apart from what reads a reply by them, which is compiled where the wheel is: these are subclassed by what is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from undeliverable._rules.clauses import sentences
from undeliverable._rules.concepts import Concepts
from undeliverable._rules.meaning import Meaning
from undeliverable._rules.normal import Plain
from undeliverable._rules.phrases import words_of

__all__ = ["Words"]


class Words:
    """What reads replies, with the words of all languages; here none.

    :ivar meaning: separates causes from advice.
    :ivar concepts: finds the concepts in a clause.
    :ivar plain: makes replies plain.
    """

    meaning: Meaning = Meaning()
    concepts: Concepts = Concepts()
    plain: Plain = Plain()

    def concepts_in(self, text: str, words: Sequence[str] | None = None) -> tuple[frozenset[str], ...]:
        """Return the concepts in each clause of `text`; `words` are its words, if they are known."""
        return self.concepts.in_clauses(text, words_of(text) if words is None else words, sentences(text))
