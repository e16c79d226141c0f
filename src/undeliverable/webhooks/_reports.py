"""From a notice to a report: the answer is told from the service's words, judged, and the two are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Final, NamedTuple

from undeliverable._smtp.commands import named_command
from undeliverable._smtp.replies import is_expired, parse_reply
from undeliverable._verdicts.judge import ServiceClass, judge
from undeliverable.codes import REPLY_CODES, ReplyCode, StatusCode
from undeliverable.knowledge import Knowledge
from undeliverable.model import Action, Diagnostic, Event, Evidence, RecipientFacts, Reply, Witness, words_of
from undeliverable.reasons import BounceType, Fault, Reason
from undeliverable.verdict import Kind, Report, Verdict
from undeliverable.webhooks._fields import plain
from undeliverable.webhooks._service import Fate, Meaning, Notice, Service

__all__ = ["report"]

_ACTIONS: Final = {Kind.BOUNCE: Action.FAILED, Kind.DELAY: Action.DELAYED, Kind.DELIVERED: Action.DELIVERED}
# Kinds that are about a recipient; of all others there is nothing to judge.
_JUDGED: Final = frozenset(
    (*_ACTIONS, Kind.COMPLAINT, Kind.SUPPRESSED, Kind.UNSUBSCRIBED, Kind.AUTO_REPLY, Kind.CHALLENGE)
)
_LONGEST: Final = 65_536  # characters of an answer that are read


def report(service: Service, notice: Notice, knowledge: Knowledge) -> Report:
    """The report of one event."""
    remarks = list(notice.remarks)
    meaning = service.meaning(notice, remarks)
    kind = meaning.kind or Kind.OTHER
    if meaning.remark:
        remarks.append(meaning.remark)
    event = _event(service, notice)
    identity = _identity(notice, event)
    verdicts = tuple(
        _verdict(fate, meaning, kind, event, identity, knowledge, remarks) for fate in _fates(notice, kind, remarks)
    )
    return Report(
        kind=kind, verdicts=verdicts, message=notice.message, event=event, remarks=tuple(dict.fromkeys(remarks))
    )


def _fates(notice: Notice, kind: Kind, remarks: list[str]) -> tuple[Fate, ...]:
    if kind not in _JUDGED:
        return ()
    if not notice.fates or any(fate.recipient is None for fate in notice.fates):
        remarks.append("the event names no recipient")
    return notice.fates or (Fate(None),)


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
    """What names the message: its Message-ID, else the service's id of it or of the event, else the event itself."""
    message = notice.message
    known = None if message.returned is None else message.returned.message_id
    found = known or message.queue_id or notice.id
    if found:
        return found
    whole = [event.service, event.type, event.class_, event.subclass, event.metadata, str(message.date), notice.fates]
    return sha256(json.dumps(whole, default=str, sort_keys=True).encode()).hexdigest()


# ----------------------------------------------------------------------------------------------------------------
# The facts about one recipient


class _Answer(NamedTuple):
    """What was said of a recipient: a server's reply, or words; the status beside it, and the service's own code."""

    reply: Reply | None
    words: Diagnostic | None
    status: StatusCode | None
    vendor_code: str | None
    conflict: str | None = None


def _verdict(
    fate: Fate, meaning: Meaning, kind: Kind, event: Event, identity: str, knowledge: Knowledge, remarks: list[str]
) -> Verdict:
    answer = _answer(fate, kind)
    if fate.words is not None and len(fate.words) > _LONGEST:
        remarks.append(f"an answer longer than {_LONGEST} characters was cut")
    action = fate.action or _ACTIONS.get(kind)
    facts = RecipientFacts(
        witness=Witness.EVENT,
        recipient=_address(fate.recipient),
        original_recipient=_address(fate.original_recipient),
        action=action,
        status=answer.status,
        reply=answer.reply,
        diagnostic=answer.words,
        command=None if fate.command is None else named_command(fate.command),
        remote_mta=fate.remote_mta,
        expired=action is Action.FAILED and (meaning.expired or _gave_up(answer)),
        will_retry_until=fate.will_retry_until,
        vendor_code=answer.vendor_code,
        evidence=_evidence(fate, event),
        conflicts=() if answer.conflict is None else (answer.conflict,),
    )
    by_class = ServiceClass(meaning.reason, meaning.bounce_type, meaning.temporary, prose=fate.prose)
    verdict = judge(facts, knowledge, identity=identity, kind=kind, event=event, by_class=by_class)
    conflict = _contradiction(verdict, answer, meaning, event)
    return verdict if conflict is None else replace(verdict, conflicts=(*verdict.conflicts, conflict))


def _answer(fate: Fate, kind: Kind) -> _Answer:
    """Tells a server's reply from the service's own words; no server spoke where the service did not even try."""
    words, code = (fate.words or "")[:_LONGEST].strip(), (fate.code or "").strip()
    status, vendor_code = _status(fate.status), None
    number = REPLY_CODES.get(code)
    if code and (number is None or kind is Kind.SUPPRESSED or fate.prose):
        status, vendor_code = status or _status(code), code if _status(code) is None else None
        number = None
    if kind is Kind.SUPPRESSED or fate.prose:
        return _Answer(None, Diagnostic("", words) if words else None, status, vendor_code)
    reply = _reply(words, number)
    if reply is None or (reply.code is None and reply.status is None):
        return _Answer(None, Diagnostic("", words) if words else None, status, vendor_code)
    conflict = None
    if number is not None and reply.code is not None and number // 100 != reply.code // 100:
        conflict = f"the event's code is {code} but its reply says {int(reply.code)}"
    return _Answer(reply, None, status, vendor_code, conflict)


def _reply(words: str, number: ReplyCode | None) -> Reply | None:
    """The reply that stands in `words`, its code maybe beside them."""
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


def _evidence(fate: Fate, event: Event) -> tuple[Evidence, ...]:
    said = fate.words or " ".join(word for word in (event.type, event.class_, event.subclass, fate.code) if word)
    return (Evidence(Witness.EVENT, "", -1, words_of(said)),) if said else ()


# ----------------------------------------------------------------------------------------------------------------
# The service's class against the answer

_STATED: Final = frozenset((BounceType.HARD, BounceType.SOFT))


def _contradiction(verdict: Verdict, answer: _Answer, meaning: Meaning, event: Event) -> str | None:
    """Where the class says one thing and the answer another, in words."""
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
