"""Make facts without the guard of their frozen classes, as drafts (see `draft_of`): each mail has all of them.

Functions also take less than classes where arguments have names.
"""

from __future__ import annotations

from undeliverable._text.record import draft_of
from undeliverable.model import Evidence, MessageFacts, RecipientFacts, Reply, Returned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any, Final

    from undeliverable.codes import ReplyCode, StatusCode
    from undeliverable.model import Action, Command, Diagnostic, Feedback, Protocol, Witness

__all__ = ["make_evidence", "make_facts", "make_message_facts", "make_reply", "make_returned"]

_ReplyDraft: Final = draft_of(Reply)
_EvidenceDraft: Final = draft_of(Evidence)
_ReturnedDraft: Final = draft_of(Returned)
_RecipientFactsDraft: Final = draft_of(RecipientFacts)
_MessageFactsDraft: Final = draft_of(MessageFacts)


def make_reply(code: ReplyCode | None, status: StatusCode | None, text: str, command: Command | None = None) -> Reply:
    """Return a reply."""
    draft: Any = _ReplyDraft()
    draft.code, draft.status, draft.text, draft.command = code, status, text, command
    draft.__class__ = Reply
    made: Reply = draft
    return made


def make_evidence(witness: Witness, part: str, offset: int, text: str, pattern: str | None = None) -> Evidence:
    """Return the words that a fact was read from."""
    draft: Any = _EvidenceDraft()
    draft.witness, draft.part, draft.offset, draft.text, draft.pattern = witness, part, offset, text, pattern
    draft.__class__ = Evidence
    made: Evidence = draft
    return made


def make_returned(
    block: str,
    message_id: str | None,
    from_: str | None,
    to: str | None,
    subject: str | None,
    date: datetime | None,
    grouping: Sequence[str | None] | None = None,
    keep_headers: tuple[str, ...] = (),
) -> Returned:
    """Return a returned message.

    :param grouping: the first values of the headers that group messages, as they stood; None where nobody has looked.
    """
    draft: Any = _ReturnedDraft()
    draft.block, draft.message_id, draft.from_, draft.to = block, message_id, from_, to
    draft.subject, draft.date, draft.keep_headers = subject, date, keep_headers
    draft._grouping = grouping  # noqa: SLF001 # of this very draft
    draft.__class__ = Returned
    made: Returned = draft
    return made


def make_facts(  # noqa: PLR0913 # one for each attribute
    witness: Witness,
    *,
    recipient: str | None = None,
    original_recipient: str | None = None,
    action: Action | None = None,
    status: StatusCode | None = None,
    reply: Reply | None = None,
    diagnostic: Diagnostic | None = None,
    command: Command | None = None,
    remote_mta: str | None = None,
    expired: bool = False,
    last_attempt_date: datetime | None = None,
    will_retry_until: datetime | None = None,
    vendor_code: str | None = None,
    evidence: tuple[Evidence, ...] = (),
    conflicts: tuple[str, ...] = (),
    field_block: str = "",
    protocol: Protocol | None = None,
) -> RecipientFacts:
    """Return the facts about a recipient."""
    draft: Any = _RecipientFactsDraft()
    draft.witness, draft.recipient, draft.original_recipient = witness, recipient, original_recipient
    draft.action, draft.status, draft.reply, draft.diagnostic = action, status, reply, diagnostic
    draft.command, draft.remote_mta, draft.expired = command, remote_mta, expired
    draft.last_attempt_date, draft.will_retry_until = last_attempt_date, will_retry_until
    draft.vendor_code, draft.evidence, draft.conflicts = vendor_code, evidence, conflicts
    draft.field_block, draft.protocol = field_block, protocol
    draft.__class__ = RecipientFacts
    made: RecipientFacts = draft
    return made


def make_message_facts(  # noqa: PLR0913 # one for each attribute
    *,
    generator: str | None = None,
    reporting_mta: str | None = None,
    received_from_mta: str | None = None,
    arrival_date: datetime | None = None,
    original_envelope_id: str | None = None,
    queue_id: str | None = None,
    date: datetime | None = None,
    message_id: str | None = None,
    returned: Returned | None = None,
    field_block: str = "",
    feedback: Feedback | None = None,
) -> MessageFacts:
    """Return the facts about the message."""
    draft: Any = _MessageFactsDraft()
    draft.generator, draft.reporting_mta, draft.received_from_mta = generator, reporting_mta, received_from_mta
    draft.arrival_date, draft.original_envelope_id, draft.queue_id = arrival_date, original_envelope_id, queue_id
    draft.date, draft.message_id, draft.returned = date, message_id, returned
    draft.field_block, draft.feedback = field_block, feedback
    draft.__class__ = MessageFacts
    made: MessageFacts = draft
    return made
