"""The small values that a verdict holds: which rule, which policies, and what some replies give in addition."""

from __future__ import annotations

from dataclasses import dataclass

from undeliverable._text.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["NO_DETAILS", "Details", "PolicyRef", "RuleRef"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RuleRef(Record):
    """The rule that found a reason.

    :ivar id: the rule's id.
    :ivar layer: ``code``, ``file:NAME``, ``profile:NAME`` or ``builtin``.
    :ivar source: where the rule's knowledge comes from, or None.
    :ivar when: the rule's conditions, in the words of a rule file.
    :ivar words: the phrases, casefolded, that the rule looks for in the reply.
    :ivar pattern: the regular expression that the rule looks for, or None.
    :ivar means: the concepts that have to stand together in one clause.
    """

    id: str
    layer: str
    source: str | None = None
    when: str = ""
    words: tuple[str, ...] = ()
    pattern: str | None = None
    means: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the id and the layer, as the public record has them."""
        return {"id": self.id, "layer": self.layer}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PolicyRef(Record):
    """The policy that set a consequence; attributes as in :class:`RuleRef`."""

    id: str
    layer: str
    source: str | None = None
    when: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the id and the layer, as the public record has them."""
        return {"id": self.id, "layer": self.layer}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Details(Record):
    """What some replies give in addition to a reason; each None where this one does not.

    :ivar blocklist: the DNS blocklist that the reply names.
    :ivar retry_after: seconds after which the reply asks to try again.
    :ivar help_url: the page that the reply refers to.
    :ivar auth_mechanism: ``spf``, ``dkim``, ``dmarc``, ``arc``, ``ptr`` or ``tls``, which did not pass.
    :ivar size_limit: the octets that the reply allows in a message.
    """

    blocklist: str | None = None
    retry_after: int | None = None
    help_url: str | None = None
    auth_mechanism: str | None = None
    size_limit: int | None = None


NO_DETAILS: Final = Details()
"""The details of a reply that says no more than its reason: of most of them."""
