"""Which address was mailed, and what the failure of another one says about it.

A forwarder or an alias passes mail on: the report is about the address that refused, but the sender only knows the one
that was mailed. ``team@`` is alive when its member ``alice@`` is dead.
"""

from __future__ import annotations

from undeliverable._text.identity import is_same_address
from undeliverable.model import RecipientFacts
from undeliverable.reasons import Advice

__all__ = ["advice_for_mailed", "mailed"]


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
