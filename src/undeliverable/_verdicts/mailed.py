"""Which address was mailed, and what the failure of another one says about it.

A forwarder or an alias passes mail on: the report is about the address that refused, but the sender only knows the one
that was mailed. ``team@`` is alive when its member ``alice@`` is dead.
"""

from __future__ import annotations

from typing import Any, Final

from undeliverable._text.identity import is_same_address
from undeliverable._text.lazy import lazy
from undeliverable.model import RecipientFacts
from undeliverable.reasons import Advice

__all__ = ["advice_for_mailed", "mailed", "spare_unnamed"]

# The address that a reply names directly behind its code (RFC 5321 4.2.1) or status (RFC 2034 4), with an old source route
# (RFC 5321 C) or none.
_NAMED: Final = lazy(
    r"(?<!\d)(?:[45]\d\d[ -]|[45]\.\d{1,3}\.\d{1,3}[ :]{1,2})"
    r"<(?:[^<>\s@]{1,64}:|@[^<>\s:]{1,255}:)?([^<>\s@]{1,64}@[^<>\s@]{1,255})>"
)


def mailed(facts: RecipientFacts) -> str | None:
    """Return the address that was mailed, of facts that name two.

    That is the original recipient, unless the reporting server's fields have none: then it was its final recipient, and
    the other address is where that one passed the mail on, as the session with the next server shows.
    """
    is_final = bool(facts.field_block) and facts.field("original-recipient") is None
    return facts.recipient if is_final and facts.recipient is not None else facts.original_recipient


def advice_for_mailed(facts: RecipientFacts, advice: Advice) -> Advice:
    """Return what follows for the address that was mailed, of facts that name two: nothing final if they differ."""
    if advice is not Advice.SUPPRESS or is_same_address(facts.recipient, facts.original_recipient):
        return advice
    return Advice.RETRY


def spare_unnamed(draft: Any) -> None:  # noqa: ANN401 # a draft
    """Let a verdict that would suppress an address say ``retry`` where the reply names another address, and none of its own.

    The mail was passed on to that one without a word in the report's fields, so the one that was mailed may be alive.
    """
    reply = draft.reply
    if not draft.recipient or reply is None or "<" not in reply:
        return
    named = _NAMED.findall(reply)
    own = draft.recipient, draft.original_recipient, draft.sent_to
    if named and not any(is_same_address(one, other) for one in named for other in own):
        draft.advice = Advice.RETRY
        draft.conflicts += (f"the reply names {named[0]}, not this recipient",)
