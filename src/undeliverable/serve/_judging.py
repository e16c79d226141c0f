"""What a server judges by: the rules as they are when a message arrives, the time, and what is fixed for all messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Required, TypedDict

from undeliverable import Knowledge

__all__ = ["Arguments", "Judging"]


class Arguments(TypedDict, total=False):
    """Keyword arguments of the functions that judge."""

    knowledge: Required[Knowledge]
    context: Mapping[str, object]
    now: datetime


class Judging:
    """Gives the arguments for each message.

    :param knowledge: the rules and policies, or a function that returns those of the moment, such as ``current`` of
        :meth:`~undeliverable.knowledge.Knowledge.watch`; the built-in ones by default.
    :param context: what policies may ask for.
    """

    def __init__(
        self, knowledge: Knowledge | Callable[[], Knowledge] | None, context: Mapping[str, object] | None
    ) -> None:
        self._knowledge = Knowledge.builtin() if knowledge is None else knowledge
        self.context = context

    @property
    def knowledge(self) -> Knowledge:
        """The rules and policies of the moment."""
        return self._knowledge if isinstance(self._knowledge, Knowledge) else self._knowledge()

    @property
    def tenant(self) -> object:
        """The tenant of all messages, None if they have none in common."""
        return (self.context or {}).get("tenant")

    def arguments(self) -> Arguments:
        """Return the arguments for a message that is judged now."""
        known = self.knowledge
        found = Arguments(knowledge=known)
        if self.context:
            found["context"] = self.context
        if not known.is_plain:
            found["now"] = datetime.now(UTC)
        return found
