"""Tell the address that failed from the alias that the mail came for, where a report's fields name the alias alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from undeliverable.model import RecipientFacts

__all__ = ["behind_aliases"]


def behind_aliases(stated: Sequence[RecipientFacts], listed: Sequence[str]) -> list[RecipientFacts]:
    """Return facts from fields, with the addresses that failed as recipients and their aliases as original ones.

    A refusing server can write into the text of a report, but not into its header; so only the header shows it. It says
    which address belongs to which alias if there is one alias, or if each has one address, for they keep their order.

    :param listed: the addresses that failed, as the header has them.
    """
    fields = [facts.recipient.lower() for facts in stated if facts.recipient is not None]
    names = {name.lower() for name in listed}
    aliases = list(dict.fromkeys(name for name in fields if name not in names))
    failed = [name for name in listed if name.lower() not in fields]
    if not failed or (len(aliases) != 1 and len(aliases) != len(failed)):
        return list(stated)
    behind = dict(zip(aliases, failed, strict=False))
    return [_behind(facts, behind.get((facts.recipient or "").lower())) for facts in stated]


def _behind(facts: RecipientFacts, failed: str | None) -> RecipientFacts:
    if failed is None:
        return facts
    return replace(facts, recipient=failed, original_recipient=facts.original_recipient or facts.recipient)
