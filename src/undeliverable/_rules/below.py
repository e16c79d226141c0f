"""What a table of rules stands on: rules and marks that are filed already, and the words of languages.

The built-in layer is one. These classes are never compiled, so that it can derive from them without being so itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from undeliverable._rules.concepts import Concepts
from undeliverable._rules.form import Form
from undeliverable._rules.index import Shelf
from undeliverable._rules.meaning import Meaning
from undeliverable._rules.normal import Plain
from undeliverable._rules.phrases import Written
from undeliverable._rules.rule import Rule
from undeliverable._rules.words import Words

__all__ = ["Below", "Language", "Languages"]


class Language(Words):
    """The words of languages, and the forms of the reply that was read last."""

    def __init__(self) -> None:
        self.form: Final = lru_cache(maxsize=1)(self._form)
        """Return the form of a reply as rules see it."""

    def _form(self, text: str) -> Form:
        return Form(text, self)


class Below(Language):
    """The rules and marks that a table is given ready filed, and the words of languages; here none.

    :ivar shelf: how they are filed.
    :ivar marks: phrases that identify a provider, with its name, the first one first.
    :ivar exact: the number of the first rule that sees only the causes that a reply states; those before it, and all
        rules above, know exact phrases and see the whole reply.
    """

    shelf: Shelf = Shelf(Written({}, {}), [], {}, {}, [], [])
    marks: Sequence[tuple[str, str]] = ()
    exact: int = 0

    def rule(self, number: int) -> Rule:
        """Return the rule of a number, from 0."""
        raise IndexError(number)

    def __len__(self) -> int:
        return 0


class Languages(Below):
    """The words of languages alone, without any rules.

    :param below: what has the words.
    """

    def __init__(self, below: Language) -> None:
        super().__init__()
        self._below = below

    @property
    def meaning(self) -> Meaning:  # type: ignore[override] # read when first used
        """Separates causes from advice."""
        return self._below.meaning

    @property
    def concepts(self) -> Concepts:  # type: ignore[override] # read when first used
        """Finds the concepts in a clause."""
        return self._below.concepts

    @property
    def plain(self) -> Plain:  # type: ignore[override] # read when first used
        """Makes replies plain."""
        return self._below.plain
