"""Reports of notices: each recipient event becomes facts, and the facts become a verdict.

A service passes on what a server replied, or describes the failure in its own words, and often adds a class of its own.
The reply is separated from the description first. The judge then weighs the reply and the class together, and where
they contradict each other the verdict says so in a conflict.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._smtp.commands import named_command
from undeliverable._smtp.replies import is_expired, parse_reply
from undeliverable._verdicts.judge import ServiceClass, Surroundings, judge
from undeliverable.codes import REPLY_CODES, ReplyCode, StatusCode
from undeliverable.knowledge import Knowledge
from undeliverable.model import Action, Diagnostic, Event, Evidence, RecipientFacts, Reply, Witness, words_of
from undeliverable.model._made import make_facts
from undeliverable.reasons import BounceType, Fault, Reason
from undeliverable.verdict import Kind, Report, Verdict
from undeliverable.webhooks._fields import plain
from undeliverable.webhooks._service import Meaning, Notice, RecipientEvent, Service

if TYPE_CHECKING:
    from undeliverable._rules.failure import Caller

__all__ = ["report"]

_ACTIONS: Final = {Kind.BOUNCE: Action.FAILED, Kind.DELAY: Action.DELAYED, Kind.DELIVERED: Action.DELIVERED}
# Kinds that are about a recipient; for all others there is nothing to judge.
_JUDGED: Final = frozenset(
    (*_ACTIONS, Kind.COMPLAINT, Kind.SUPPRESSED, Kind.UNSUBSCRIBED, Kind.AUTO_REPLY, Kind.CHALLENGE)
)
_LONGEST: Final = 65_536  # characters of a reply or description that are read


def report(service: Service, notice: Notice, knowledge: Knowledge, caller: Caller | None = None) -> Report:
    """Return the report of one event."""
    remarks = list(notice.remarks)
    meaning = service.meaning(notice, remarks)
    kind = meaning.kind or Kind.OTHER
    if meaning.remark:
        remarks.append(meaning.remark)
    event = _event(service, notice)
    identity = _identity(notice, event)
    around = Surroundings(event=event, returned=notice.message.returned, caller=caller)
    verdicts = tuple(
        _verdict(recipient, meaning, kind, event, identity, knowledge, remarks, around)
        for recipient in _recipients(notice, kind, remarks)
    )
    return Report(
        kind=kind, verdicts=verdicts, message=notice.message, event=event, remarks=tuple(dict.fromkeys(remarks))
    )


def _recipients(notice: Notice, kind: Kind, remarks: list[str]) -> tuple[RecipientEvent, ...]:
    if kind not in _JUDGED:
        return ()
    if not notice.recipients or any(recipient.address is None for recipient in notice.recipients):
        remarks.append("the event names no recipient")
    return notice.recipients or (RecipientEvent(None),)


def _event(service: Service, notice: Notice) -> Event:
    return Event(
        id=notice.id,
        service=service.name,
        type=notice.type,
        class_=notice.class_,
        subclass=notice.subclass,
        tags=notice.tags,
        metadata={str(name): plain(value) for name, value in notice.metadata.items()},
    )


def _identity(notice: Notice, event: Event) -> str:
    """Return what identifies the message: its Message-ID, the service's id of it or of the event, or a digest."""
    message = notice.message
    known = None if message.returned is None else message.returned.message_id
    found = known or message.queue_id or notice.id
    if found:
        return found
    label = [event.service, event.type, event.class_, event.subclass]
    whole = [*label, event.metadata, str(message.date), notice.recipients]
    return sha256(json.dumps(whole, default=str, sort_keys=True).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------------------------
# The facts about one recipient


class _Answer(NamedTuple):
    """A server's reply or the service's own words, the status given with them, and the service's own code."""

    reply: Reply | None
    words: Diagnostic | None
    status: StatusCode | None
    vendor_code: str | None
    conflict: str | None = None


def _verdict(
    recipient: RecipientEvent,
    meaning: Meaning,
    kind: Kind,
    event: Event,
    identity: str,
    knowledge: Knowledge,
    remarks: list[str],
    around: Surroundings,
) -> Verdict:
    answer = _answer(recipient, kind)
    if recipient.words is not None and len(recipient.words) > _LONGEST:
        remarks.append(f"an answer longer than {_LONGEST} characters was cut")
    facts = _facts(recipient, meaning, kind, event, answer)
    by_class = ServiceClass(meaning.reason, meaning.bounce_type, meaning.temporary, prose=recipient.prose)
    around = around._replace(by_class=by_class)
    verdict = judge(facts, knowledge, identity=identity, kind=kind, surroundings=around)
    conflict = _contradiction(verdict, answer, meaning, event)
    return verdict if conflict is None else replace(verdict, conflicts=(*verdict.conflicts, conflict))


def _facts(recipient: RecipientEvent, meaning: Meaning, kind: Kind, event: Event, answer: _Answer) -> RecipientFacts:
    action = recipient.action or _ACTIONS.get(kind)
    command = recipient.command
    return make_facts(
        Witness.EVENT,
        recipient=_address(recipient.address),
        original_recipient=_address(recipient.original_recipient),
        action=action,
        status=answer.status,
        reply=answer.reply,
        diagnostic=answer.words,
        command=None if command is None else named_command(command),
        remote_mta=recipient.remote_mta,
        expired=action is Action.FAILED and (meaning.expired or _gave_up(answer)),
        will_retry_until=recipient.will_retry_until,
        vendor_code=answer.vendor_code,
        evidence=_evidence(recipient, event),
        conflicts=() if answer.conflict is None else (answer.conflict,),
    )


def _answer(recipient: RecipientEvent, kind: Kind) -> _Answer:
    """Separate a server's reply from the service's own words, which are all there is if nothing was sent."""
    words, code = (recipient.words or "")[:_LONGEST].strip(), (recipient.code or "").strip()
    status, vendor_code = _status(recipient.status), None
    number = REPLY_CODES.get(code)
    if code and (number is None or kind is Kind.SUPPRESSED or recipient.prose):
        status, vendor_code = status or _status(code), code if _status(code) is None else None
        number = None
    if kind is Kind.SUPPRESSED or recipient.prose:
        return _Answer(None, Diagnostic("", words) if words else None, status, vendor_code)
    reply = _reply(words, number)
    if reply is None or (reply.code is None and reply.status is None):
        return _Answer(None, Diagnostic("", words) if words else None, status, vendor_code)
    conflict = None
    if number is not None and reply.code is not None and number // 100 != reply.code // 100:
        conflict = f"the event's code is {code} but its reply says {int(reply.code)}"
    return _Answer(reply, None, status, vendor_code, conflict)


def _reply(words: str, number: ReplyCode | None) -> Reply | None:
    """Parse the reply in `words`, whose code may be given separately."""
    if not words and number is None:
        return None
    found = parse_reply(words)
    if found.code is not None or number is None:
        return found
    return parse_reply(f"{int(number)} {words}".strip())


def _status(text: str | None) -> StatusCode | None:
    if text is None or text.count(".") != 2:
        return None
    try:
        return StatusCode.parse(text)
    except ValueError:
        return None


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    text = text.strip()
    if text.endswith(">") and "<" in text:
        text = text[text.rindex("<") + 1 : -1]
    return text[:998] or None


def _gave_up(answer: _Answer) -> bool:
    text = answer.reply.text if answer.reply is not None else "" if answer.words is None else answer.words.text
    return bool(text) and is_expired(text)


def _evidence(recipient: RecipientEvent, event: Event) -> tuple[Evidence, ...]:
    label = (event.type, event.class_, event.subclass, recipient.code)
    said = recipient.words or " ".join(word for word in label if word)
    return (Evidence(Witness.EVENT, "", -1, words_of(said)),) if said else ()


# ----------------------------------------------------------------------------------------------------------------
# The service's class against the answer

_STATED: Final = frozenset((BounceType.HARD, BounceType.SOFT))


def _contradiction(verdict: Verdict, answer: _Answer, meaning: Meaning, event: Event) -> str | None:
    """Return a sentence that says how the service's class and the reply contradict each other, or None."""
    if verdict.reason is None or verdict.action not in {Action.FAILED, Action.DELAYED}:
        return None
    label = "/".join(word for word in (event.type, event.class_, event.subclass) if word)[:120]
    code, status = verdict.reply_code, verdict.status
    said = " ".join(str(part) for part in (None if code is None else int(code), status) if part is not None)
    digit = code // 100 if code is not None else 0 if status is None else status.class_
    if (
        meaning.temporary is not None
        and digit in {4, 5}
        and meaning.temporary is not (digit == 4)
        and not verdict.expired
    ):
        return f"{label} is {'temporary' if meaning.temporary else 'permanent'} but the answer says {said}"
    if answer.reply is None or verdict.reason is Reason.UNDEFINED or meaning.bounce_type not in _STATED:
        return None
    hard = verdict.reason.fault is Fault.ADDRESS and digit != 4
    if hard is not (meaning.bounce_type is BounceType.HARD):
        return f"{label} is {meaning.bounce_type} but the answer says {verdict.reason}" + (f" ({said})" if said else "")
    return None
