"""What a report says before anybody judges it: addresses, replies, and the facts about each recipient.

The nouns are those of RFC 3464 (delivery status notifications), RFC 3461 (DSN parameters) and RFC 5321 (SMTP).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from undeliverable._text.record import Record, Shown, Word
from undeliverable._text.shown import printable
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model._returned import Feedback, Returned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "Action",
    "Address",
    "Command",
    "Diagnostic",
    "Event",
    "Evidence",
    "Feedback",
    "FieldBlock",
    "MessageFacts",
    "MtaName",
    "Protocol",
    "RecipientFacts",
    "Reply",
    "Returned",
    "Shown",
    "Witness",
    "printable",
    "words_of",
]


class Action(Word):
    """What the reporting server did for a recipient, RFC 3464 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Command(Word):
    """The step of the SMTP session that a reply answered, RFC 5321 3 and 4.1."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end_of_data"


class Protocol(Word):
    """The protocol of a session: LMTP answers the end of DATA once for each recipient (RFC 2033 4.2), SMTP once for all."""

    SMTP = "smtp"
    LMTP = "lmtp"


class Witness(Word):
    """The kind of text that a fact was read from."""

    FIELD = "field"
    DIALOGUE = "dialogue"
    WORDS = "words"
    HEADER = "header"
    REPLY = "reply"
    LOG = "log"
    EVENT = "event"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Address(Record):
    """A recipient field's value, RFC 3464 2.3.1: ``rfc822; kim@example.org``.

    :ivar type: the address type in lower case: ``rfc822``, ``utf-8``, ``x400``, ...; ``rfc822`` where none was stated.
    :ivar address: the address itself, decoded.
    """

    type: str
    address: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MtaName(Record):
    """A mail server's name field, RFC 3464 2.2.2: ``dns; mx.example.org``."""

    type: str
    name: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Diagnostic(Record):
    """A ``Diagnostic-Code`` field, RFC 3464 2.3.6: ``smtp; 550 5.1.1 ...``; the type in lower case."""

    type: str
    text: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reply(Record):
    """One SMTP reply, RFC 5321 4.2, its lines joined by blanks.

    :ivar code: the basic code; where the lines differ, the last line's. None if the text is a server's own words.
    :ivar status: the enhanced status inside the reply (RFC 2034), or None.
    :ivar text: the whole reply with its codes, as it was given.
    :ivar command: what the reply answered, where that is known.
    """

    code: ReplyCode | None
    status: StatusCode | None
    text: str
    command: Command | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evidence(Record):
    """The very words that a fact was read from.

    :ivar witness: which kind of text it stood in.
    :ivar part: the path of the MIME part, such as ``"2"`` or ``"1.1"``; ``""`` for the message itself.
    :ivar offset: where it began, in characters of that part's decoded text; -1 where that is not known.
    :ivar text: the words, at most 998 octets (the line limit of RFC 5321 4.5.3.1.6).
    :ivar pattern: the id of the description that read it (``exim.2``), or None.
    """

    witness: Witness
    part: str
    offset: int
    text: str
    pattern: str | None = None


BLOCK_LIMIT: Final = 65_536
"""How much of a block of fields is kept as it stood, in characters."""
# RFC 5321 4.5.3.1.6: a text line has at most 998 octets and its line end.
_OCTETS: Final = 998


def words_of(text: str) -> str:
    """Return `text`, or as much of its beginning as fits into 998 octets of UTF-8: what evidence keeps."""
    if len(text) * 4 <= _OCTETS or (len(text) <= _OCTETS and text.isascii()):
        return text
    return text[:_OCTETS].encode("utf-8", "replace")[:_OCTETS].decode("utf-8", "ignore")


class FieldBlock(Record):
    """What keeps a group of delivery status fields (RFC 3464 2.2 and 2.3) as it stood, extension fields (2.4) included.

    :ivar field_block: the group, folded as it stood, at most 64 KB; "" where there was none.
    """

    __slots__ = ()
    field_block: str

    def field(self, name: str) -> str | None:
        """Return the first value of the field `name`, unfolded, or None: ``verdict.field("X-Display-Name")``."""
        wanted = name.lower()
        return next((value for found, value in self.fields() if found == wanted), None)

    def fields(self) -> Iterator[tuple[str, str]]:
        """Return all fields in order: the name in lower case, the value unfolded, with its type (``smtp; 550 ...``)."""
        from undeliverable._mime.headers import header_fields

        return header_fields(self.field_block)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RecipientFacts(FieldBlock):
    """What one kind of text, or after merging all of them, says about one recipient.

    Every attribute but ``witness`` may be absent. ``reply`` is what a remote server answered; ``diagnostic`` is
    a ``Diagnostic-Code`` field, or with an empty type the reporting server's own words. ``status`` is the ``Status``
    field as it stood, which servers often invent; the status inside the reply is ``reply.status``. ``protocol`` is that
    of the session in which the reply was given.
    """

    witness: Witness
    recipient: str | None = None
    original_recipient: str | None = None
    action: Action | None = None
    status: StatusCode | None = None
    reply: Reply | None = None
    diagnostic: Diagnostic | None = None
    command: Command | None = None
    remote_mta: str | None = None
    expired: bool = False
    last_attempt_date: datetime | None = None
    will_retry_until: datetime | None = None
    vendor_code: str | None = None
    evidence: tuple[Evidence, ...] = ()
    conflicts: tuple[str, ...] = ()
    field_block: str = ""
    protocol: Protocol | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class MessageFacts(FieldBlock):
    """What the report says of itself and of the message that it is about.

    :ivar generator: the software that wrote the report, by the name of its described format, or None.
    :ivar feedback: what a feedback report says (RFC 5965), or None; its fields are also found by :meth:`field`.
    """

    generator: str | None = None
    reporting_mta: str | None = None
    received_from_mta: str | None = None
    arrival_date: datetime | None = None
    original_envelope_id: str | None = None
    queue_id: str | None = None
    date: datetime | None = None
    message_id: str | None = None
    returned: Returned | None = None
    field_block: str = ""
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Event(Record):
    """A notification of an e-mail service, its own words untouched."""

    id: str | None
    service: str
    type: str | None = None
    class_: str | None = None
    subclass: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] = field(default_factory=dict[str, object])
