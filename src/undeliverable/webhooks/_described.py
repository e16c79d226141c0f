"""Services described as data: where the parts of an event are, and what its words mean.

A description is a TOML file. :data:`EVENT_KEYS` lists what its table ``event`` may hold; `_paths` explains the paths. The built-in ones are in
``data/services``, and anybody can write one for a service that the library does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from undeliverable.model import Action, MessageFacts
from undeliverable.webhooks._body import Form
from undeliverable.webhooks._fields import Fields, as_list, as_object
from undeliverable.webhooks._paths import Path, first_at, values_at
from undeliverable.webhooks._service import Notice, RecipientEvent, about, objects

__all__ = ["EVENT_KEYS", "RECIPIENT_KEYS", "Described"]

RECIPIENT_KEYS: Final = frozenset(
    (
        "recipient",
        "original_recipient",
        "reply",
        "words",
        "code",
        "status",
        "action",
        "remote_mta",
        "command",
        "retry_until",
    )
)
"""The parts of an event that are about one recipient."""
EVENT_KEYS: Final = RECIPIENT_KEYS | frozenset(
    (
        "type",
        "class",
        "subclass",
        "id",
        "date",
        "message_id",
        "queue_id",
        "from",
        "to",
        "subject",
        "reporting_mta",
        "tags",
        "metadata",
        "feedback",
        "recipients",
    )
)
"""All parts of an event."""
_ACTIONS: Final = {"failed": Action.FAILED, "delayed": Action.DELAYED, "delivered": Action.DELIVERED}


class _Whole(NamedTuple):
    """An object of a body, with the request's headers."""

    value: object
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The reader of a described service.

    :ivar expected: what a body is, for the error that refuses another one.
    :ivar marks: fields of which a body has at least one.
    :ivar events: the paths of the events in a body, of which the first counts whose first field is there; none if a body
        is one event or a list of them.
    :ivar parts: the paths of each part of an event; the first one with a value counts.
    :ivar default: the type of events that have none.
    """

    name: str
    expected: str
    marks: tuple[str, ...]
    events: tuple[Path, ...]
    parts: Mapping[str, tuple[Path, ...]]
    default: str | None

    def read(self, body: object, headers: Mapping[str, str]) -> Iterator[Notice]:
        """Yield the notices of a decoded body."""
        if isinstance(body, Form):
            body = body.first()
        for fields, remarks in objects(self.name, body, self.expected, self.marks):
            path = next((path for path in self.events if not path.steps or path.steps[0].name in fields.values), None)
            if path is None or not path.steps:
                yield self._notice(_Whole(fields.values, headers), remarks)
                continue
            found = list(values_at(fields.values, path, headers))
            if not found and fields.raw(path.steps[0].name) not in ([], {}):
                found = [fields.values]  # something else is where the events should be: nothing is lost in silence
            for value in found:
                own = list(remarks)
                if as_object(value) is None:
                    own.append("the event is no object")
                yield self._notice(_Whole(value, headers), own)

    def _notice(self, whole: _Whole, remarks: list[str]) -> Notice:
        fields = Fields(whole.value, remarks)
        return Notice(
            type=self._text(whole, "type", fields) or self.default,
            class_=self._text(whole, "class", fields),
            subclass=self._text(whole, "subclass", fields),
            id=self._text(whole, "id", fields),
            recipients=tuple(self._recipients(whole, fields)),
            message=self._message(whole, fields),
            tags=self._texts(whole, "tags"),
            metadata=self._metadata(whole),
            feedback=self._text(whole, "feedback", fields),
            remarks=remarks,
        )

    def _message(self, whole: _Whole, fields: Fields) -> MessageFacts:
        message_id = self._text(whole, "message_id", fields)
        return about(
            fields,
            date=self._date(whole, "date", fields),
            message_id=message_id,
            queue_id=self._text(whole, "queue_id", fields),
            from_=self._text(whole, "from", fields),
            to=", ".join(self._texts(whole, "to")) or None,
            subject=self._text(whole, "subject", fields),
            reporting_mta=self._text(whole, "reporting_mta", fields),
        )

    def _recipients(self, whole: _Whole, fields: Fields) -> Iterator[RecipientEvent]:
        paths = self.parts.get("recipients", ())
        if not paths:
            yield from self._named(whole, fields)
            return
        for path in paths:
            for value in values_at(whole.value, path, whole.headers):
                yield from self._named(_Whole(value, whole.headers), fields)

    def _named(self, whole: _Whole, fields: Fields) -> Iterator[RecipientEvent]:
        """Yield what an object says of the recipients that it names."""
        reply, words = self._text(whole, "reply", fields), self._text(whole, "words", fields)
        said = RecipientEvent(
            None,
            reply or words,
            prose=reply is None and words is not None,
            code=self._text(whole, "code", fields),
            status=self._text(whole, "status", fields),
            action=_ACTIONS.get((self._text(whole, "action", fields) or "").casefold()),
            remote_mta=(self._text(whole, "remote_mta", fields) or "").partition(" ")[0] or None,
            command=self._text(whole, "command", fields),
            original_recipient=self._text(whole, "original_recipient", fields),
            will_retry_until=self._date(whole, "retry_until", fields),
        )
        for name in self._texts(whole, "recipient") or (None,):
            yield said._replace(address=name)

    def _metadata(self, whole: _Whole) -> dict[str, object]:
        """Return the fields of an object, and other values by the last name of their paths."""
        found: dict[str, object] = {}
        for path in self.parts.get("metadata", ()):
            for value in values_at(whole.value, path, whole.headers):
                inner = as_object(value)
                if inner is None:
                    found[path.text.rpartition(".")[2]] = value
                else:
                    found |= inner
        return found

    def _found(self, whole: _Whole, part: str) -> tuple[str, object]:
        """Return the path and the value of the first value of a part that is not empty, else two empty texts."""
        for path in self.parts.get(part, ()):
            value = first_at(whole.value, path, whole.headers)
            if value is not None and value != "":
                return path.text, value
        return "", ""

    def _text(self, whole: _Whole, part: str, fields: Fields) -> str | None:
        name, value = self._found(whole, part)
        if isinstance(value, str):
            return value or None
        return fields.beside({name: value}).text(name)

    def _date(self, whole: _Whole, part: str, fields: Fields) -> datetime | None:
        name, value = self._found(whole, part)
        return None if value == "" else fields.beside({name: value}).moment(name)

    def _texts(self, whole: _Whole, part: str) -> tuple[str, ...]:
        """Return all texts of the first path that has any; a list counts as its items."""
        for path in self.parts.get(part, ()):
            found: list[str] = []
            for value in values_at(whole.value, path, whole.headers):
                items = as_list(value)
                found += [item for item in ([value] if items is None else items) if isinstance(item, str) and item]
            if found:
                return tuple(found)
        return ()
