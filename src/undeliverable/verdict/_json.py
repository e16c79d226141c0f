"""Records as JSON in ASCII: byte for byte what :func:`json.dumps` returns of them, without making them first.

The keys of a record are the same for every report, and so are the blanks between them: they stand in a layout, into which the
values are put, each as JSON already. Strings are written by the very function that :mod:`json` uses, members of enumerations
are looked up, and what only few records hold is left to :class:`json.JSONEncoder`. So is every record with a value of another
type than its attribute has, which only somebody else can have made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from json import JSONEncoder
from json.encoder import encode_basestring_ascii as _string
from typing import Any, NamedTuple

from undeliverable._text.dates import date_text
from undeliverable.model import MessageFacts, Returned
from undeliverable.verdict._facts import event_record, message_record
from undeliverable.verdict._words import REPORT_KEYS, SCHEMA, TEXTS, VERDICT_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Final

__all__ = ["json_of", "report_json", "verdict_json"]

_NULL: Final = "null"
_WORDS: Final = {member: _NULL if text is None else _string(text) for member, text in TEXTS.items()}


class _Layout(NamedTuple):
    """How records are written, with blanks behind commas and colons or without.

    :ivar comma: what stands between two values.
    :ivar colon: what stands between a key and its value.
    :ivar encode: writes a value of any kind.
    :ivar report: the keys of a report's record with places for the values; below, those of its parts.
    :ivar ref: those of a rule or a policy.
    """

    comma: str
    colon: str
    encode: Callable[[object], str]
    report: str
    message: str
    returned: str
    verdict: str
    ref: str


@lru_cache(maxsize=2)
def _layout(compact: bool) -> _Layout:  # noqa: FBT001 # the key of the cache
    comma, colon = (",", ":") if compact else (", ", ": ")

    def places(keys: Iterable[str]) -> str:
        return f"{{{comma.join(f'{_string(key)}{colon}%s' for key in keys)}}}"

    return _Layout(
        comma,
        colon,
        JSONEncoder(separators=(comma, colon)).encode,
        places(REPORT_KEYS),
        places(message_record(MessageFacts())),
        places(Returned("").to_dict()),
        places(VERDICT_KEYS),
        places(("id", "layer")),
    )


def json_of(record: Mapping[str, object], *, compact: bool = False) -> str:
    """Return any record as one line of JSON.

    :param compact: True for no blanks behind commas and colons.
    :raises TypeError: when it holds what JSON has no form for.
    """
    return _layout(compact).encode(record)


def report_json(report: Any, more: Mapping[str, object], *, compact: bool) -> str | None:  # noqa: ANN401 # defined above this module
    """Return the record of a report with `more` behind it; None where it holds values of other types than it should."""
    if more and not more.keys().isdisjoint(REPORT_KEYS):
        return None  # they take the places of others
    layout = _layout(compact)
    try:
        event = report.event
        text = layout.report % (
            SCHEMA,
            _text(report.source),
            _WORDS[report.kind],
            _message(report.message, layout),
            _NULL if event is None else layout.encode(event_record(event)),
            f"[{layout.comma.join([_verdict(verdict, layout) for verdict in report.verdicts])}]",
            _list(report.remarks, layout),
            _date(report.received),
        )
        return f"{text[:-1]}{layout.comma}{layout.encode(more)[1:]}" if more else text
    except (AttributeError, KeyError, TypeError):
        return None


def verdict_json(verdict: Any) -> str | None:  # noqa: ANN401 # the same
    """Return the record of a verdict; None as for a report."""
    try:
        return _verdict(verdict, _layout(compact=False))
    except (AttributeError, KeyError, TypeError):
        return None


def _message(facts: MessageFacts, layout: _Layout) -> str:
    """Return what :func:`message_record` makes of the facts."""
    returned, feedback = facts.returned, facts.feedback
    return layout.message % (
        _text(facts.generator),
        _text(facts.reporting_mta),
        _text(facts.received_from_mta),
        _date(facts.arrival_date),
        _text(facts.original_envelope_id),
        _text(facts.queue_id),
        _date(facts.date),
        _text(facts.message_id),
        _NULL if returned is None else _returned(returned, layout),
        _NULL if feedback is None else layout.encode(feedback.to_dict()),
    )


def _returned(returned: Returned, layout: _Layout) -> str:
    kept = [f"{_string(name)}{layout.colon}{_string(value)}" for name, value in returned.kept().items()]
    return layout.returned % (
        _text(returned.message_id),
        _text(returned.from_),
        _text(returned.to),
        _text(returned.subject),
        _date(returned.date),
        f"{{{layout.comma.join(kept)}}}",
    )


def _verdict(verdict: Any, layout: _Layout) -> str:  # noqa: ANN401 # a verdict
    """Return what :meth:`Verdict.to_dict` makes of a verdict, its values in the order of VERDICT_KEYS."""
    words, text = _WORDS, _text
    status, reported, code, shadowed = verdict.status, verdict.reported_status, verdict.reply_code, verdict.shadowed
    expired = verdict.expired
    stated = _NULL if status is None else _string(str(status))
    return layout.verdict % (
        text(verdict.recipient),
        text(verdict.original_recipient),
        words[verdict.action],
        words[verdict.bounce_type],
        words[verdict.reason],
        words[verdict.fault],
        words[verdict.advice],
        text(verdict.label),
        stated,
        words[verdict.status_from],
        stated if reported is status else _NULL if reported is None else _string(str(reported)),
        _NULL if code is None else int.__repr__(code),
        text(verdict.reply),
        words[verdict.command],
        text(verdict.remote_mta),
        text(verdict.provider),
        "true" if expired is True else "false" if expired is False else layout.encode(expired),
        _ref(verdict.rule, layout),
        _ref(verdict.policy, layout),
        _NULL if shadowed is None else f"[{layout.comma.join([_ref(rule, layout) for rule in shadowed])}]",
        _list(verdict.conflicts, layout),
        _date(verdict.last_attempt_date),
        _date(verdict.will_retry_until),
        *_consequences(verdict, layout),
    )


def _consequences(verdict: Any, layout: _Layout) -> tuple[str, ...]:  # noqa: ANN401 # a verdict
    """Return what is looked up when it is first asked for, and what follows from the verdict."""
    words, text, details = _WORDS, _text, verdict.details
    policies = [f"{_string(key)}{layout.colon}{_ref(policy, layout)}" for key, policy in verdict.set_by]
    return (
        text(verdict.vendor_code),
        text(verdict.key),
        text(details.blocklist),
        _number(verdict.retry_after, layout),
        text(details.help_url),
        text(details.auth_mechanism),
        _number(details.size_limit, layout),
        text(verdict.sent_to),
        words[verdict.proof],
        text(verdict.confidence),
        words[verdict.provider_from],
        f"{{{layout.comma.join(policies)}}}",
        words[verdict.message_advice],
        words[verdict.applies_to],
        text(verdict.token),
    )


def _text(value: str | None) -> str:
    return _NULL if value is None else _string(value)


def _date(value: datetime | None) -> str:
    return _NULL if value is None else f'"{date_text(value)}"'


def _number(value: int | None, layout: _Layout) -> str:
    return _NULL if value is None else repr(value) if value.__class__ is int else layout.encode(value)


def _list(values: Iterable[str], layout: _Layout) -> str:
    return f"[{layout.comma.join(map(_string, values))}]" if values else "[]"


def _ref(ref: Any, layout: _Layout) -> str:  # noqa: ANN401 # a rule or a policy
    return _NULL if ref is None else layout.ref % (_string(ref.id), _string(ref.layer))
