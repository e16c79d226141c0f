"""Rules above others, which stay as they are: a table of one's own costs what its own rules cost.

The rules below are found by their own index, which all tables above share, and so are the clauses made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from undeliverable._rules.index import GROUPS
from undeliverable._rules.phrases import Index, Places
from undeliverable._rules.rule import PARTS, Rule
from undeliverable._rules.table import RuleTable
from undeliverable._text.classes import ordinary

if TYPE_CHECKING:
    from undeliverable._rules.rule import Clause

__all__ = ["TableAbove"]


class TableAbove(RuleTable):
    """Rules above those of another table.

    :param rules: rules, the highest rank first.
    :param marks: phrases that identify a provider, with its name, the first one first.
    :param base: the table with the rules below.
    :param replaced: of `rules`, by number, which rule below each stands in the place of.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        marks: Sequence[tuple[str, str]],
        base: RuleTable,
        replaced: Mapping[int, int] | None = None,
    ) -> None:
        numbers = [(replaced or {}).get(number, number - len(rules)) for number in range(len(rules))]
        self._fill(dict(zip(numbers, rules, strict=True)), marks, base._below)  # noqa: SLF001 # of the same class
        self._base = base
        self._hidden = frozenset((replaced or {}).values())
        lower, own = base.shelf, self._filed().behind(len(base.shelf.groups))
        self._own = own
        self.shelf = lower._replace(
            groups=[*map(self._left_in, lower.groups), *own.groups] if own.groups or self._hidden else lower.groups,
            meant=[*own.meant, *self._left(lower.meant)],
        )
        self._index = _Both(base._index, Index(own.filed), self._left if self._hidden else None)  # noqa: SLF001
        self._clauses = _Clauses(self._clause, self._upper, base._clauses)  # noqa: SLF001
        self._clause_at = self._clauses.__getitem__

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in rank order."""
        numbered = {**dict(enumerate(self._base.rules)), **self._upper}
        return tuple(numbered[number] for number in sorted(numbered))

    def _meant(self) -> dict[str, list[tuple[int, frozenset[str]]]]:
        own = self._own.meant or self._hidden
        return self._by_concepts(self.shelf.meant) if own else self._base._meant()  # noqa: SLF001 # of the same class

    def _left(self, places: Sequence[int]) -> Sequence[int]:
        """Return the places without those of rules that are replaced."""
        return [place for place in places if place // PARTS not in self._hidden] if self._hidden else places

    def _left_in(self, group: dict[str, list[int]]) -> dict[str, list[int]]:
        return {provider: [*self._left(places)] for provider, places in group.items()} if self._hidden else group

    def _by_codes(self, code: int, status: int) -> list[int]:
        return [*self._of(self._own, code, status), *self._left(self._base._bare(code, status))]  # noqa: SLF001


class _Both:
    """Two indexes.

    :param left: what takes out of the lower one's places those that do not count, or None.
    """

    def __init__(self, lower: Places, upper: Places, left: Callable[[Sequence[int]], Sequence[int]] | None) -> None:
        self._lower = lower
        self._upper = upper
        self._left = left

    def places(self, words: Sequence[str]) -> list[int]:
        """Return the places that either finds."""
        found = self._lower.places(words)
        if self._left is not None:
            found = [*self._left(found)]
        found += self._upper.places(words)
        return found


@ordinary
class _Clauses(dict[int, "Clause"]):
    """The clauses of the rules above, each made when it is first asked for; those below are the lower table's.

    :param own: the rules above by their number.
    """

    def __init__(self, make: Callable[[int], Clause], own: Mapping[int, Rule], lower: Mapping[int, Clause]) -> None:
        super().__init__()
        self._make = make
        self._own = own
        self._lower = lower

    def __missing__(self, place: int) -> Clause:
        number = place // PARTS
        if (number >= 0 or place >= GROUPS) and number not in self._own:
            return self._lower[place]
        found = self[place] = self._make(place)
        return found
