"""One message from its octets to its verdicts: read, then judged recipient by recipient.

The entry point for messages imports this module with the first one; it brings along all that reads and judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from undeliverable._mime.part import as_bytes
from undeliverable._reading.message import read
from undeliverable._reading.reading import Notice
from undeliverable._verdicts.judge import judge

if TYPE_CHECKING:
    from email.message import Message

    from undeliverable.knowledge import Knowledge
    from undeliverable.verdict import Verdict

__all__ = ["read_and_judge"]


def read_and_judge(
    message: bytes | bytearray | memoryview | Message, knowledge: Knowledge, remarks: list[str], *, trace: bool
) -> tuple[Notice, list[Verdict]]:
    """Return what `message` is and says, and the verdict on each recipient that it names.

    :param remarks: gets what had to be repaired or guessed.
    :raises TypeError: when `message` is neither octets nor a message object.
    """
    raw = as_bytes(message, remarks)
    notice = read(raw, knowledge, remarks)  # pyright: ignore[reportArgumentType] # a cached property counts as none
    recipients = notice.recipients
    if not recipients:
        return notice, []
    identity, kind = _identity(notice, raw), notice.kind
    return notice, [judge(facts, knowledge, identity=identity, kind=kind, trace=trace) for facts in recipients]


def _identity(notice: Notice, raw: bytes) -> str:
    """Return what every report of the same failure has in common: the original's Message-ID, or its envelope id.

    A report that holds neither is identified by its own bytes.
    """
    facts = notice.message
    known = None if facts.returned is None else facts.returned.message_id
    if known or facts.original_envelope_id:
        return known or str(facts.original_envelope_id)
    from hashlib import sha256

    return sha256(raw).hexdigest()
