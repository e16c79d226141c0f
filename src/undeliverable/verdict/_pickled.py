"""Pickle verdicts and reports as plain values: between processes a mail costs a quarter of what its objects would.

Pickle takes a microsecond and more for each object that is no string, number or tuple, on either side. So members of
enumerations travel as their texts, codes, dates and references as tuples and strings, and equal references become one object
again. What is no such value (an event's metadata, dates in zones by name) is left to pickle; so is a subclass.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from operator import attrgetter
from typing import Any

from undeliverable._text.dates import date_text
from undeliverable._text.record import Word, draft_of
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Returned, Witness
from undeliverable.model._made import make_evidence, make_message_facts, make_returned
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason
from undeliverable.verdict._refs import Details, PolicyRef, RuleRef
from undeliverable.verdict._words import TEXTS, Kind, Proof, ProviderFrom, StatusFrom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["report_state", "restored_report", "restored_verdict", "verdict_state"]

_ENUMS: Final[dict[str, type[Word]]] = {
    "action": Action,
    "bounce_type": BounceType,
    "reason": Reason,
    "fault": Fault,
    "advice": Advice,
    "status_from": StatusFrom,
    "command": Command,
    "proof": Proof,
    "provider_from": ProviderFrom,
    "message_advice": MessageAdvice,
    "applies_to": AppliesTo,
}
"""The attributes of a verdict that are members."""
_AS_THEY_ARE: Final = (
    "recipient", "original_recipient", "label", "reply", "remote_mta", "provider", "expired", "conflicts", "vendor_code", "key",
    "field_block", "sent_to", "confidence", "retry_after", "token",
)  # fmt: skip
_MADE: Final = (
    "status", "reported_status", "reply_code", "rule", "policy", "shadowed", "last_attempt_date", "will_retry_until", "evidence",
    "details", "set_by",
)  # fmt: skip
_DATES: Final = ("arrival_date", "date")
_TEXTS_OF_MESSAGE: Final = (
    "generator", "reporting_mta", "received_from_mta", "original_envelope_id", "queue_id", "message_id", "field_block", "feedback",
)  # fmt: skip


def _by_text(names: type[Word]) -> dict[str | None, Word | None]:
    found: dict[str | None, Word | None] = {member.value: member for member in names}
    found[None] = None
    return found


_words: Final = attrgetter(*_ENUMS)
_plain: Final = attrgetter(*_AS_THEY_ARE)
_made: Final = attrgetter(*_MADE)
_text_of: Final = TEXTS.__getitem__
_members: Final[list[Callable[[str | None], Word | None]]] = [_by_text(names).__getitem__ for names in _ENUMS.values()]
_rule_values: Final = attrgetter(*RuleRef.__slots__)
_policy_values: Final = attrgetter(*PolicyRef.__slots__)
_details_values: Final = attrgetter(*Details.__slots__)
_message_texts: Final = attrgetter(*_TEXTS_OF_MESSAGE)
_returned_values: Final = attrgetter(*Returned.__slots__)


# --- to plain values --------------------------------------------------------------------------------------------------


def verdict_state(verdict: Any) -> tuple[Any, ...]:  # noqa: ANN401 # a verdict, which is defined above this module
    """Return the attributes of a verdict as plain values.

    :raises KeyError: when an attribute has a value that its enumeration does not have.
    """
    status, reported, code, rule, policy, shadowed, last, until, evidence, details, set_by = _made(verdict)
    return (
        _plain(verdict),
        (*map(_text_of, _words(verdict)),),
        None if status is None else (status.class_, status.subject, status.detail),
        True
        if reported is status
        else None
        if reported is None
        else (reported.class_, reported.subject, reported.detail),
        None if code is None else int(code),
        None if rule is None else _rule_values(rule),
        None if policy is None else _policy_values(policy),
        None if shadowed is None else (*map(_rule_values, shadowed),),
        None if last is None else _stated(last),
        None if until is None else _stated(until),
        tuple([(one.witness.value, one.part, one.offset, one.text, one.pattern) for one in evidence]),
        _details_values(details),
        tuple([(key, _policy_values(ref)) for key, ref in set_by]) if set_by else (),
    )


def report_state(report: Any) -> tuple[Any, ...]:  # noqa: ANN401 # a report
    """Return the attributes of a report as plain values but for its event.

    :raises KeyError: as for a verdict.
    """
    message = report.message
    returned = message.returned
    return (
        TEXTS[report.kind],
        tuple([verdict_state(verdict) for verdict in report.verdicts]),
        (
            _message_texts(message),
            _stated(message.arrival_date),
            _stated(message.date),
            None
            if returned is None
            else (*_returned_values(returned)[:-2], _stated(returned.date), returned.keep_headers),
        ),
        report.event,
        report.remarks,
        report.source,
        _stated(report.received),
    )


def _stated(date: datetime | None) -> datetime | str | None:
    """Return a date as text where that says all of it: its zone is an offset."""
    return date_text(date) if date is not None and date.tzinfo.__class__ is timezone else date


# --- and back ---------------------------------------------------------------------------------------------------------


def restored_verdict(cls: type, state: tuple[Any, ...]) -> Any:  # noqa: ANN401 # a verdict
    """Return the verdict with these values."""
    plain, words, status, reported, code, rule, policy, shadowed, last, until, evidence, details, set_by = state
    stated = None if status is None else _status(status)
    verdict: Any = _draft_of(cls)()
    values = (
        *plain,
        *[member(word) for member, word in zip(_members, words, strict=True)],
        stated,
        stated if reported is True else None if reported is None else _status(reported),
        None if code is None else ReplyCode(code),
        None if rule is None else _rule(rule),
        None if policy is None else PolicyRef(*policy),
        None if shadowed is None else tuple(map(_rule, shadowed)),
        _date(last),
        _date(until),
        tuple([make_evidence(_witness(one[0]), *one[1:]) for one in evidence]),
        _details(details),
        tuple([(key, PolicyRef(*ref)) for key, ref in set_by]) if set_by else (),
    )
    for name, value in zip(_NAMES, values, strict=True):
        setattr(verdict, name, value)
    verdict.__class__ = cls
    return verdict


def restored_report(cls: type, of_verdicts: type, state: tuple[Any, ...]) -> Any:  # noqa: ANN401 # a report
    """Return the report with these values, its verdicts of the class `of_verdicts`."""
    kind, verdicts, (texts, arrival, date, returned), event, remarks, source, received = state
    if returned is not None:
        block, message_id, from_, to, subject, sent, keep_headers = returned
        returned = make_returned(block, message_id, from_, to, subject, _date(sent), None, keep_headers)
    message = make_message_facts(
        **dict(zip(_TEXTS_OF_MESSAGE, texts, strict=True)),
        arrival_date=_date(arrival),
        date=_date(date),
        returned=returned,
    )
    return cls(
        kind=_kind(kind),
        verdicts=tuple([restored_verdict(of_verdicts, one) for one in verdicts]),
        message=message,
        event=event,
        remarks=remarks,
        source=source,
        received=_date(received),
    )


_witness: Final = {member.value: member for member in Witness}.__getitem__
_kind: Final = {member.value: member for member in Kind}.__getitem__
_draft_of: Final = lru_cache(maxsize=8)(draft_of)
_NAMES: Final = (*_AS_THEY_ARE, *_ENUMS, *_MADE)


@lru_cache(maxsize=512)
def _read_date(text: str) -> datetime:
    """Return a date, remembered: a report holds the same one more than once."""
    return datetime.fromisoformat(text)


def _date(value: Any) -> datetime | None:  # noqa: ANN401 # as _stated returns it
    return _read_date(value) if value.__class__ is str else value


@lru_cache(maxsize=1024)
def _status(numbers: tuple[int, int, int]) -> StatusCode:
    return StatusCode(*numbers)


@lru_cache(maxsize=2048)
def _rule(values: tuple[Any, ...]) -> RuleRef:
    return RuleRef(*values)


@lru_cache(maxsize=256)
def _details(values: tuple[Any, ...]) -> Details:
    return Details(*values)
