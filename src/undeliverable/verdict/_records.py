"""Read the public record: the values of a report and of its verdicts, from what :meth:`Report.to_dict` gave.

One table per object names its keys and what reads each value. Whatever is wrong is said with the key's whole path and,
where there is a choice, the valid values. Keys that are not known are ignored: later versions add some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn, cast

from undeliverable._text.record import Word
from undeliverable.codes import ReplyCode, StatusCode
from undeliverable.model import Action, Command, Event, Feedback, MessageFacts, Returned
from undeliverable.reasons import Advice, AppliesTo, BounceType, Fault, MessageAdvice, Reason
from undeliverable.verdict._refs import Details, PolicyRef, RuleRef
from undeliverable.verdict._words import Kind, Proof, ProviderFrom, StatusFrom

__all__ = ["report_values", "verdict_values"]

Reader = Callable[[object], Any]

_SCHEMAS: Final = (1, 2)


def report_values(record: object) -> dict[str, Any]:
    """Return the attributes of a report; of each verdict in it, those of the verdict.

    :raises ValueError: when it is no such record.
    """
    try:
        return _report(record)
    except _FieldError as fault:
        raise ValueError(f"not a record of a report: {fault}") from None


def verdict_values(record: object) -> dict[str, Any]:
    """Return the attributes of a verdict.

    :raises ValueError: when it is no such record.
    """
    try:
        return _verdict(record)
    except _FieldError as fault:
        raise ValueError(f"not a record of a verdict: {fault}") from None


class _FieldError(Exception):
    """What is wrong with a record.

    :ivar path: where, such as ``verdicts[0].reason``.
    """

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.why = why
        self.path = path

    def within(self, place: str) -> _FieldError:
        """Return the fault as one of what contains it."""
        return _FieldError(self.why, f"{place}{'.' if self.path and self.path[0] != '[' else ''}{self.path}")


# --- single values ----------------------------------------------------------------------------------------------------


def _expected(what: str, value: object) -> NoReturn:
    raise _FieldError(f"expected {what}, not {value!r:.100}")


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else _expected("a string or null", value)


def _string(value: object) -> str:
    return value if isinstance(value, str) else _expected("a string", value)


def _number(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return _expected("a whole number or null", value)


def _flag(value: object) -> bool:
    return bool(value) if value is None or isinstance(value, bool) else _expected("true or false", value)


def _read_as(parse: Callable[[str], object], what: str) -> Reader:
    """Return what reads a string, or null as None, by a function that raises ValueError."""

    def read(value: object) -> object:
        if value is None:
            return None
        try:
            return parse(_string(value))
        except ValueError:
            return _expected(f"{what} or null", value)

    return read


_date: Final = _read_as(datetime.fromisoformat, "a date in ISO 8601")
_status: Final = _read_as(StatusCode.parse, 'a status code such as "5.1.1"')


def _reply_code(value: object) -> ReplyCode | None:
    if value is None:
        return None
    if isinstance(value, int) and 200 <= value <= 599:  # some servers' codes are none of RFC 5321's, such as 571
        return ReplyCode(value)
    return _expected("a reply code such as 550 or null", value)


def _member(names: type[Word]) -> Reader:
    """Return what reads the value of a member, or null as None."""
    known: Mapping[object, Word] = {member.value: member for member in names}

    def read(value: object) -> Word | None:
        if value is None:
            return None
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            raise _FieldError(f"unknown value {value!r:.100}; expected null or one of {', '.join(map(str, known))}")
        return found

    return read


def _needed(read: Reader) -> Reader:
    """Return what reads a value that may not be null."""

    def reader(value: object) -> object:
        return _expected("a value", value) if value is None else read(value)

    return reader


def _anything(value: object) -> object:
    return value


# --- lists and objects ------------------------------------------------------------------------------------------------


def _each(read: Reader) -> Reader:
    """Return what reads a list, or null as an empty one, into a tuple."""

    def reader(value: object) -> tuple[object, ...]:
        if value is not None and not isinstance(value, list | tuple):
            _expected("a list", value)
        found: list[object] = []
        for place, item in enumerate(cast("Sequence[object]", value or ())):
            try:
                found.append(read(item))
            except _FieldError as fault:
                raise fault.within(f"[{place}]") from None
        return tuple(found)

    return reader


def _table(read: Reader) -> Reader:
    """Return what reads an object whose keys are the record's own, or null as an empty one."""

    def reader(value: object) -> dict[str, Any]:
        return {} if value is None else {key: _at(key, item, read) for key, item in _object(value).items()}

    return reader


def _maybe(read: Reader) -> Reader:
    """Return what reads a value, or null as None."""
    return lambda value: None if value is None else read(value)


def _object(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else _expected("an object", value)


def _at(key: str, value: object, read: Reader) -> Any:  # noqa: ANN401 # whatever the reader returns
    try:
        return read(value)
    except _FieldError as fault:
        raise fault.within(str(key)) from None


class _Table:
    """The keys of an object and what reads each value."""

    def __init__(self, readers: Mapping[str, Reader], *, needed: tuple[str, ...] = ()) -> None:
        """Note what a null becomes: most values are null, and an older version lacks some keys.

        :param needed: keys that have to be there; of these the value may be null only if their reader takes it.
        """
        self._readers = readers
        self._needed = needed
        self._nulls = {key: read(None) for key, read in readers.items() if key not in needed}

    def values(self, record: object) -> dict[str, Any]:
        """Return the values of an object, by its keys."""
        found, readers = _object(record), self._readers
        for key in self._needed:
            if key not in found:
                raise _FieldError("missing", key)
        values: dict[str, Any] = self._nulls.copy()
        for key, value in found.items():
            if key in readers and (value is not None or key in self._needed):
                try:
                    values[key] = readers[key](value)
                except _FieldError as fault:
                    raise fault.within(key) from None
        return values


# --- the verdict ------------------------------------------------------------------------------------------------------

_REF: Final = _Table({"id": _string, "layer": _string}, needed=("id", "layer"))


def _rule(value: object) -> RuleRef:
    return RuleRef(**_REF.values(value))


def _policy(value: object) -> PolicyRef:
    return PolicyRef(**_REF.values(value))


_VERDICT: Final = _Table(
    {
        **dict.fromkeys(("recipient", "original_recipient", "label", "reply", "remote_mta", "provider"), _text),
        "action": _member(Action),
        "bounce_type": _member(BounceType),
        "reason": _member(Reason),
        "fault": _member(Fault),
        "advice": _member(Advice),
        "status": _status,
        "status_from": _member(StatusFrom),
        "reported_status": _status,
        "reply_code": _reply_code,
        "command": _member(Command),
        "expired": _flag,
        "rule": _maybe(_rule),
        "policy": _maybe(_policy),
        "shadowed": _maybe(_each(_rule)),
        "conflicts": _each(_string),
        "last_attempt_date": _date,
        "will_retry_until": _date,
        "vendor_code": _text,
        "key": _string,
        "retry_after": _number,
        "sent_to": _text,
        "proof": _member(Proof),
        "confidence": _text,
        "provider_from": _member(ProviderFrom),
        "policies": _table(_policy),
        "message_advice": _member(MessageAdvice),
        "applies_to": _member(AppliesTo),
        "token": _text,
    },
    needed=("recipient", "key"),
)
_DETAILS: Final = _Table(
    {
        **dict.fromkeys(("blocklist", "help_url", "auth_mechanism"), _text),
        **dict.fromkeys(("retry_after", "size_limit"), _number),
    }
)


def _verdict(record: object) -> dict[str, Any]:
    values = _VERDICT.values(record)
    if "sent_to" not in _object(record):  # a record of the first version
        values["sent_to"] = values["original_recipient"] or values["recipient"]
    values["details"] = Details(**_DETAILS.values(record))
    values["set_by"] = tuple(values.pop("policies").items())
    return values


# --- the report -------------------------------------------------------------------------------------------------------

_RETURNED: Final = _Table(
    {
        **dict.fromkeys(("message_id", "from", "to", "subject"), _text),
        "date": _date,
        "headers": _table(_string),
    }
)


def _returned(record: object) -> Returned:
    values = _RETURNED.values(record)
    return Returned.kept_only(values.pop("headers"), from_=values.pop("from"), **values)


_FEEDBACK: Final = _Table(
    {
        **dict.fromkeys(
            ("type", "source_ip", "original_mail_from", "reported_domain", "user_agent", "feedback_id"), _text
        ),
        "arrival_date": _date,
        "fields": _table(_each(_string)),
    }
)


def _feedback(record: object) -> Feedback:
    values = _FEEDBACK.values(record)
    fields = tuple((name, value) for name, each in values.pop("fields").items() for value in each)
    return Feedback(fields=fields, **values)


_MESSAGE: Final = _Table(
    {
        **dict.fromkeys(("generator", "reporting_mta", "received_from_mta", "original_envelope_id"), _text),
        **dict.fromkeys(("queue_id", "message_id"), _text),
        **dict.fromkeys(("arrival_date", "date"), _date),
        "returned": _maybe(_returned),
        "feedback": _maybe(_feedback),
    }
)


def _message(value: object) -> MessageFacts:
    return MessageFacts(**_MESSAGE.values({} if value is None else value))


_EVENT: Final = _Table(
    {
        **dict.fromkeys(("id", "type", "class", "subclass"), _text),
        "service": _string,
        "tags": _each(_string),
        "metadata": _table(_anything),
    },
    needed=("service",),
)


def _event(record: object) -> Event:
    values = _EVENT.values(record)
    return Event(class_=values.pop("class"), **values)


def _schema(value: object) -> None:
    if isinstance(value, bool) or value not in _SCHEMAS:
        raise _FieldError(f"unknown value {value!r:.100}; expected one of {', '.join(map(str, _SCHEMAS))}")


_REPORT: Final = _Table(
    {
        "schema": _schema,
        "source": _text,
        "kind": _needed(_member(Kind)),
        "message": _message,
        "event": _maybe(_event),
        "verdicts": _needed(_each(_verdict)),
        "remarks": _each(_string),
        "received": _date,
    },
    needed=("schema", "kind", "verdicts"),
)


def _report(record: object) -> dict[str, Any]:
    values = _REPORT.values(record)
    del values["schema"]
    return values
