"""What a report says of the message that it is about: its header, and what somebody complained of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from undeliverable._text.dates import date_text
from undeliverable._text.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Self

__all__ = ["GROUPING", "Feedback", "Grouped", "Returned"]

# What groups messages: the mailing list (RFC 2919), and the campaign as feedback loops repeat it.
GROUPING: Final = ("list-id", "feedback-id")


class Grouped(Record):
    """Keeps the values of the headers that group messages, if the reader has found them; else the slot is None or not set."""

    __slots__ = ("_grouping",)
    _grouping: Sequence[str | None] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Returned(Grouped):
    """The message that came back, as far as the report holds it.

    :ivar block: its header block, folded as it stood, at most 64 KB.
    :ivar keep_headers: names of header fields that come into the record in addition to List-Id and Feedback-ID.
    """

    block: str
    message_id: str | None = None
    from_: str | None = None
    to: str | None = None
    subject: str | None = None
    date: datetime | None = None
    keep_headers: tuple[str, ...] = ()

    @classmethod
    def kept_only(cls, headers: Mapping[str, str], **known: Any) -> Self:  # noqa: ANN401 # the other attributes
        """Return a message of which only these headers are kept, as :meth:`kept` gives them."""
        decoded = _decoded()
        lines = (
            f"{name}: {value if decoded(value) == value else _encoded(value)}\n" for name, value in headers.items()
        )
        return cls("".join(lines), keep_headers=tuple(headers), **known)

    def header(self, name: str) -> str | None:
        """Return the first value of header `name` of the returned message, unfolded and decoded, or None."""
        return next(self.headers(name), None)

    def headers(self, name: str) -> Iterator[str]:
        """Return all values of header `name` of the returned message in order, unfolded and decoded."""
        return (value for _, value in _fields_named()(self.block, (name,)))

    def kept(self) -> dict[str, str]:
        """Return the headers that group messages, by lower-case name: the mailing list, the campaign, the caller's own.

        They are List-Id (RFC 2919), Feedback-ID, and those of ``keep_headers``; of each the first value, as far as present.
        """
        grouping = None if self.keep_headers else getattr(self, "_grouping", None)
        if grouping is not None:  # as of every message that comes back in a report
            decoded = _decoded()
            known = zip(GROUPING, grouping, strict=True)
            return {name: text for name, raw in known if raw and (text := decoded(raw))}
        names = (*GROUPING, *map(str.lower, self.keep_headers))
        first = dict(reversed(_fields_named()(self.block, names)))
        return {name: value for name in names if (value := first.get(name))}

    def to_dict(self) -> dict[str, object]:
        """Return what the public record says of the message."""
        return {
            "message_id": self.message_id,
            "from": self.from_,
            "to": self.to,
            "subject": self.subject,
            "date": date_text(self.date),
            "headers": self.kept(),
        }


@lru_cache(maxsize=1)
def _fields_named() -> Callable[[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Return what reads header fields: imported when first needed, for the statement takes time each time."""
    from undeliverable._mime.headers import fields_named

    return fields_named


@lru_cache(maxsize=1)
def _decoded() -> Callable[[str], str]:
    from undeliverable._mime.headers import decoded

    return decoded


def _encoded(value: str) -> str:
    """Return a value as an encoded word (RFC 2047): what begins with blanks or looks like one would be read otherwise."""
    from binascii import b2a_base64

    return f"=?utf-8?b?{b2a_base64(value.encode(errors='replace'), newline=False).decode()}?="


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Feedback(Record):
    """What a feedback report (RFC 5965) says of the message that somebody complained about.

    :ivar type: the type in lower case, words joined by hyphens (``abuse``, ``not-spam``); None if absent.
    :ivar source_ip: the address that the message came from, as it stood.
    :ivar original_mail_from: its envelope sender, without brackets.
    :ivar reported_domain: the domain that is accused.
    :ivar arrival_date: when the message arrived.
    :ivar user_agent: the software that wrote the report.
    :ivar feedback_id: the sender's own mark on the message, from the report or from the returned message.
    :ivar fields: every field in order: its lower-case name and its value, unfolded.
    """

    type: str | None = None
    source_ip: str | None = None
    original_mail_from: str | None = None
    reported_domain: str | None = None
    arrival_date: datetime | None = None
    user_agent: str | None = None
    feedback_id: str | None = None
    fields: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what the public record says; of each field all values."""
        fields: dict[str, list[str]] = {}
        for name, value in self.fields:
            fields.setdefault(name, []).append(value)
        return {
            "type": self.type,
            "source_ip": self.source_ip,
            "original_mail_from": self.original_mail_from,
            "reported_domain": self.reported_domain,
            "arrival_date": date_text(self.arrival_date),
            "user_agent": self.user_agent,
            "feedback_id": self.feedback_id,
            "fields": fields,
        }
