"""One message from its octets to its verdicts: read, then judged recipient by recipient.

The entry point for messages imports this module with the first one; it brings along all that reads and judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from undeliverable._mime.part import as_bytes
from undeliverable._reading.message import read
from undeliverable._rules.visible import BRACKETED
from undeliverable._verdicts.belief import believed
from undeliverable._verdicts.judge import Surroundings, judge
from undeliverable.model import MessageFacts, RecipientFacts
from undeliverable.reasons import Fault

if TYPE_CHECKING:
    from email.message import Message

    from undeliverable._rules.failure import Caller
    from undeliverable.knowledge import Knowledge
    from undeliverable.verdict import Kind, Verdict

__all__ = ["read_and_judge"]

_OWN_FAULTS: Final = (Fault.ADDRESS, Fault.MAILBOX)
_ROOM: Final = 998  # characters of a reply in which addresses are looked for, up to the next command of a transcript


def read_and_judge(
    message: bytes | bytearray | memoryview | Message,
    knowledge: Knowledge,
    remarks: list[str],
    *,
    trace: bool,
    caller: Caller | None = None,
) -> tuple[Kind, MessageFacts, list[Verdict]]:
    """Return what `message` is, what it says of itself, and the verdict on each recipient that it names.

    :param remarks: gets what had to be repaired or guessed.
    :raises TypeError: when `message` is neither octets nor a message object.
    """
    raw = as_bytes(message, remarks)
    kind, recipients, message_facts = read(raw, knowledge, remarks)  # pyright: ignore[reportArgumentType] # a cached property counts as none
    if not recipients:
        return kind, message_facts, []
    identity = _identity(message_facts, raw)
    around = Surroundings(trace, returned=message_facts.returned, caller=caller)
    verdicts = [judge(facts, knowledge, identity=identity, kind=kind, surroundings=around) for facts in recipients]
    if len(recipients) > 1:
        for number, other in _given_to_others(recipients, verdicts):
            facts = _without_reply(recipients[number], other)
            verdicts[number] = judge(facts, knowledge, identity=identity, kind=kind, surroundings=around)
    return (
        kind,
        message_facts,
        [believed(verdict) if verdict.conflicts or verdict.reply_code is None else verdict for verdict in verdicts],
    )


def _given_to_others(recipients: Sequence[RecipientFacts], verdicts: Sequence[Verdict]) -> Iterator[tuple[int, str]]:
    """Yield recipients condemned by a reply that names another recipient of the report, and the one it names.

    Some clients give the reply to one RCPT to all recipients of the message.
    """
    known = {facts.recipient.casefold() for facts in recipients if facts.recipient}
    for number, (facts, verdict) in enumerate(zip(recipients, verdicts, strict=True)):
        if verdict.reason is None or verdict.reason.fault not in _OWN_FAULTS or verdict.reply is None:
            continue
        own = {name.casefold() for name in (facts.recipient, facts.original_recipient) if name}
        named = [name[1:-1] for name in BRACKETED.findall(verdict.reply[:_ROOM].partition(">>>")[0])]
        folded = {name.casefold() for name in named}
        if folded & known and not folded & own:
            yield number, next(name for name in named if name.casefold() in known)


def _without_reply(facts: RecipientFacts, other: str) -> RecipientFacts:
    conflict = f"the reply names {other}, another recipient of the same report"
    return replace(facts, reply=None, status=None, diagnostic=None, conflicts=(*facts.conflicts, conflict))


def _identity(facts: MessageFacts, raw: bytes) -> str:
    """Return what every report of the same failure has in common: the original's Message-ID, or its envelope id.

    A report that holds neither is identified by its own bytes.
    """
    known = None if facts.returned is None else facts.returned.message_id
    if known or facts.original_envelope_id:
        return known or str(facts.original_envelope_id)
    from hashlib import sha256

    return sha256(raw).hexdigest()
