"""Vocabulary of the services' modules: meanings of a service's words, and the notices that its reader yields.

A service is described by two tables and a reader. The table of events gives each event type a :class:`Meaning`; the
table of classes refines failures, because the class is the more specific word. The reader turns a decoded body into
:class:`Notice` objects, which `_reports` judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from undeliverable._dsn.feedback import NO_COMPLAINT
from undeliverable.errors import WebhookError
from undeliverable.model import Action, MessageFacts, Returned
from undeliverable.model._made import make_message_facts
from undeliverable.reasons import BounceType, Reason
from undeliverable.verdict import Kind
from undeliverable.webhooks._fields import Fields, as_list, as_object

__all__ = [
    "AUTO_REPLY",
    "BOUNCE",
    "CLASS_WORDS",
    "COMPLAINT",
    "DELAY",
    "DELIVERED",
    "EVENT_WORDS",
    "HARD",
    "HARD_CLASS",
    "OTHER",
    "PERMANENT",
    "PERMANENT_CLASS",
    "SOFT",
    "SOFT_CLASS",
    "SUPPRESSED",
    "TEMPORARY",
    "TEMPORARY_CLASS",
    "UNDETERMINED_CLASS",
    "UNSENT",
    "UNSUBSCRIBED",
    "Meaning",
    "Notice",
    "RecipientEvent",
    "Scheme",
    "Service",
    "about",
    "because",
    "objects",
    "one_by_one",
]


class Meaning(NamedTuple):
    """The meaning of a service's word: a row of its table of events or of classes.

    :ivar kind: the kind of such an event; None in a class that leaves the kind of its event.
    :ivar bounce_type: the bounce type that the word implies.
    :ivar temporary: whether it says that the delivery failed for now (True) or for good (False).
    :ivar reason: the cause that it names.
    :ivar expired: whether it says that the service gave up after its retry time.
    :ivar remark: a remark for the report.
    """

    kind: Kind | None = None
    bounce_type: BounceType | None = None
    temporary: bool | None = None
    reason: Reason | None = None
    expired: bool = False
    remark: str | None = None


# The common rows of the tables of events.
BOUNCE: Final = Meaning(Kind.BOUNCE)
HARD: Final = Meaning(Kind.BOUNCE, BounceType.HARD)
SOFT: Final = Meaning(Kind.BOUNCE, BounceType.SOFT)
PERMANENT: Final = Meaning(Kind.BOUNCE, BounceType.HARD, temporary=False)
TEMPORARY: Final = Meaning(Kind.BOUNCE, BounceType.SOFT, temporary=True)
DELAY: Final = Meaning(Kind.DELAY, BounceType.SOFT, temporary=True)
DELIVERED: Final = Meaning(Kind.DELIVERED)
COMPLAINT: Final = Meaning(Kind.COMPLAINT)
SUPPRESSED: Final = Meaning(Kind.SUPPRESSED)
UNSUBSCRIBED: Final = Meaning(Kind.UNSUBSCRIBED)
AUTO_REPLY: Final = Meaning(Kind.AUTO_REPLY)
OTHER: Final = Meaning(Kind.OTHER)
UNSENT: Final = Meaning(Kind.OTHER, remark="the service could not make the message, or was not allowed to send it")

# The common rows of the tables of classes, without a kind: the event keeps its own.
HARD_CLASS: Final = Meaning(None, BounceType.HARD)
SOFT_CLASS: Final = Meaning(None, BounceType.SOFT)
PERMANENT_CLASS: Final = Meaning(None, BounceType.HARD, temporary=False)
TEMPORARY_CLASS: Final = Meaning(None, BounceType.SOFT, temporary=True)
UNDETERMINED_CLASS: Final = Meaning(None, BounceType.UNDETERMINED)


EVENT_WORDS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "bounce": BOUNCE,
        "hard": HARD,
        "soft": SOFT,
        "permanent": PERMANENT,
        "temporary": TEMPORARY,
        "delay": DELAY,
        "delivered": DELIVERED,
        "complaint": COMPLAINT,
        "suppressed": SUPPRESSED,
        "unsubscribed": UNSUBSCRIBED,
        "auto_reply": AUTO_REPLY,
        "challenge": Meaning(Kind.CHALLENGE),
        "other": OTHER,
        "unsent": UNSENT,
    }
)
"""The words by which a description gives an event a meaning."""
CLASS_WORDS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        **EVENT_WORDS,
        "hard": HARD_CLASS,
        "soft": SOFT_CLASS,
        "permanent": PERMANENT_CLASS,
        "temporary": TEMPORARY_CLASS,
        "undetermined": UNDETERMINED_CLASS,
        "none": Meaning(),
    }
)
"""The words by which it gives a class a meaning; those about bounces leave the event's kind."""


def because(reason: Reason, meaning: Meaning = BOUNCE, *, expired: bool = False) -> Meaning:
    """Return `meaning` with the cause that the service's word names."""
    return meaning._replace(reason=reason, expired=expired)


class RecipientEvent(NamedTuple):
    """The statements of a notice about one recipient.

    :ivar address: the recipient's address.
    :ivar words: the reply of a server, or the service's own description.
    :ivar prose: whether the words are the service's own description.
    :ivar code: the code given with the words: a reply code, a status, or the service's own.
    :ivar status: the status given with the words.
    :ivar action: the recipient's own action, if it differs from the event's.
    """

    address: str | None
    words: str | None = None
    prose: bool = False
    code: str | None = None
    status: str | None = None
    action: Action | None = None
    remote_mta: str | None = None
    original_recipient: str | None = None
    command: str | None = None
    will_retry_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One event, read but not judged.

    :ivar type: the event's type in the service's own words, which ``class_`` and ``subclass`` refine.
    :ivar feedback: the type of a feedback report (RFC 5965), which is not always a complaint.
    :ivar meaning: the event's meaning, if it does not follow from the tables.
    """

    type: str | None
    class_: str | None = None
    subclass: str | None = None
    id: str | None = None
    recipients: tuple[RecipientEvent, ...] = ()
    message: MessageFacts = MessageFacts()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    feedback: str | None = None
    meaning: Meaning | None = None
    remarks: list[str] = field(default_factory=list[str])


class Scheme(NamedTuple):
    """How a described service signs its requests.

    :ivar scheme: ``hmac-sha1``, ``hmac-sha256``, ``hmac-sha512``, or ``standard-webhooks`` (Svix).
    :ivar header: the header of the signature, in lower case.
    :ivar encoding: how the signature is written, ``hex`` or ``base64``.
    :ivar prefix: what stands before it in the header.
    :ivar signed: what is signed, with ``{body}``, ``{timestamp}`` and ``{header:NAME}`` in it.
    :ivar timestamp: the header of the time, in lower case; empty if there is none.
    :ivar window: the maximum age of a signature.
    """

    scheme: str
    header: str
    encoding: str
    prefix: str
    signed: str
    timestamp: str
    window: timedelta


Reader = Callable[[object, Mapping[str, str]], Iterable[Notice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An e-mail service: the meanings of its words, and the reader of its bodies.

    :ivar name: the name in the URL of an endpoint and in ``Event.service``.
    :ivar events: the meanings of its event types in its own spelling, looked up without regard to case; ``type/class`` is
        the meaning of both together, which no class refines.
    :ivar classes: the meanings of its classes, ``class``, ``class/subclass`` or ``/subclass``; they refine failures.
    :ivar signature: the way in which its requests are authenticated, in words.
    :ivar scheme: how a described service signs its requests; None where that takes code, or where nothing is signed.
    :ivar method: how it sends its requests: ``POST``, or ``GET`` where the query of the URL is the body.
    :ivar source: the URL of the documentation of its events.
    :ivar seen: for a described service: what the description was made from, and what was not seen.
    :ivar examples: for a described service: bodies, with what they say.
    :ivar read: a function of a decoded body and the request's headers (by lower-case name) that yields the notices.
    """

    name: str
    title: str
    source: str
    signature: str
    events: Mapping[str, Meaning]
    classes: Mapping[str, Meaning]
    read: Reader
    scheme: Scheme | None = None
    method: str = "POST"
    seen: str = ""
    examples: tuple[Mapping[str, object], ...] = ()
    _events: dict[str, Meaning] = field(init=False, repr=False, compare=False)
    _classes: dict[str, Meaning] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_events", {name.casefold(): row for name, row in self.events.items()})
        object.__setattr__(self, "_classes", {name.casefold(): row for name, row in self.classes.items()})

    def meaning(self, notice: Notice, remarks: list[str]) -> Meaning:
        """Return the meaning of `notice`; a word that is not in the tables leaves a remark."""
        if notice.meaning is not None:
            return notice.meaning
        if notice.type is None:
            remarks.append("the event has no type")
            return OTHER
        type_, class_ = notice.type.casefold(), (notice.class_ or "").casefold()
        both = self._events.get(f"{type_}/{class_}")
        event = both or self._events.get(type_)
        if event is None:
            remarks.append(f"unknown event type {notice.type[:80]!r}")
            return OTHER
        if event.kind is Kind.COMPLAINT and (notice.feedback or "").casefold() in NO_COMPLAINT:
            return OTHER._replace(remark=f"feedback of the type {notice.feedback} is no complaint")
        if both is not None or event.kind not in _REFINED:
            return event
        return _refined(event, self._class_of(notice, remarks))

    def _class_of(self, notice: Notice, remarks: list[str]) -> Meaning | None:
        class_, subclass = (notice.class_ or "").casefold(), (notice.subclass or "").casefold()
        keys = (f"{class_}/{subclass}", f"/{subclass}", class_)
        found = next((self._classes[key] for key in keys if key in self._classes), None)
        if found is None and class_ and self._classes:
            remarks.append(f"unknown class {class_[:80]!r}")
        return found


_REFINED: Final = frozenset((Kind.BOUNCE, Kind.DELAY, Kind.SUPPRESSED))


def _refined(event: Meaning, class_: Meaning | None) -> Meaning:
    """Combine the meanings of an event and its class, which is the more specific word."""
    if class_ is None:
        return event
    return Meaning(
        class_.kind or event.kind,
        class_.bounce_type or event.bounce_type,
        event.temporary if class_.temporary is None else class_.temporary,
        class_.reason or event.reason,
        class_.expired or event.expired,
        class_.remark or event.remark,
    )


def about(
    fields: Fields,
    *,
    date: datetime | None = None,
    message_id: str | None = None,
    queue_id: str | None = None,
    from_: str | None = None,
    to: str | None = None,
    subject: str | None = None,
    reporting_mta: str | None = None,
) -> MessageFacts:
    """Return the facts about the message of an event.

    :param fields: the fields that receive remarks.
    :param queue_id: the service's own id of the message.
    :param message_id: its ``Message-ID``, with or without angle brackets.
    """
    if message_id is not None and len(message_id) > 998:  # RFC 5322 2.1.1
        fields.remark("a Message-ID longer than a line was left out")
        message_id = None
    known = message_id or from_ or to or subject
    return make_message_facts(
        reporting_mta=reporting_mta,
        queue_id=queue_id,
        date=date,
        returned=Returned("", message_id, from_, to, subject) if known else None,
    )


def objects(service: str, body: object, expected: str, marks: Iterable[str]) -> Iterator[tuple[Fields, list[str]]]:
    """Yield the events of a body that is one object or a list of them, each with a list for its remarks.

    :param marks: fields of which an event of this service has at least one.
    :raises WebhookError: if the body is anything else, or if no object in it has any of the `marks`.
    """
    listed = as_list(body)
    items = [body] if listed is None else listed
    found = [item for item in map(as_object, items) if item is not None]
    wanted = tuple(marks)
    if items and not any(mark in item for item in found for mark in wanted):
        raise WebhookError(service, f"expected {expected}, but found {_described(body)}")
    for item in items:
        remarks = [] if as_object(item) is not None else ["the event is no object"]
        yield Fields(item, remarks), remarks


def one_by_one(
    service: str, expected: str, marks: tuple[str, ...], notice: Callable[[Fields, list[str]], Notice]
) -> Reader:
    """Return a reader for bodies in which each object is one event.

    :param notice: makes a notice from an event's fields and its remarks. The other parameters are those of
        :func:`objects`.
    """

    def read(body: object, _headers: Mapping[str, str]) -> Iterator[Notice]:
        for fields, remarks in objects(service, body, expected, marks):
            yield notice(fields, remarks)

    return read


def _described(body: object) -> str:
    found = as_object(body)
    if found is not None:
        names = ", ".join(repr(str(name)[:30]) for name in list(found)[:4])
        return f"an object with {names}" if names else "an object without fields"
    if as_list(body) is not None:
        return "a list of something else"
    return f"{str(body)[:30]!r}" if isinstance(body, str) else f"a {type(body).__name__}"
