"""Formats of lists, for import and export: one data file per system describes the meaning of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from undeliverable import Advice, BounceType, Fault, Proof, bare_address, classify
from undeliverable.data import names, read
from undeliverable.store._domains import is_pattern
from undeliverable.store._errors import AddressError, StoreError
from undeliverable.store._identity import shortened
from undeliverable.store._records import Entry
from undeliverable.store._scopes import IMPORTED
from undeliverable.store._times import time_in
from undeliverable.suppression import Cause, EventKind, ListEvent

__all__ = ["FORMATS", "Format", "Shape", "format_named", "formats"]

FORMATS: Final = tuple(name.removesuffix(".toml") for name in names("imports"))
"""The names of the formats that lists come in; JSON Lines of our own need none."""

_EVENTS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "hard": {
            "kind": EventKind.BOUNCE,
            "bounce_type": BounceType.HARD,
            "fault": Fault.ADDRESS,
            "advice": Advice.SUPPRESS,
        },
        "complaint": {"kind": EventKind.COMPLAINT},
        "unsubscribed": {"kind": EventKind.SUPPRESSION},
        "manual": {"kind": EventKind.SUPPRESSION},
    }
)
_WORDS: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        Cause.HARD_BOUNCE: "hard",
        Cause.STREAK: "hard",
        Cause.MAILBOX_FULL: "hard",
        Cause.COMPLAINT: "complaint",
        Cause.MANUAL: "manual",
    }
)
_DIGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One table of a format, with its columns and their meaning.

    :ivar columns: the required columns; a file may have others as well.
    :ivar event: the event of every row; None if the column `kind` names it, in the words of `events`.
    :ivar headless: True if files may lack a header; their columns are then in this order.
    """

    format: str
    columns: tuple[str, ...]
    address: str
    time: str | None = None
    until: str | None = None
    reply: str | None = None
    code: str | None = None
    status: str | None = None
    who: str | None = None
    why: str | None = None
    kind: str | None = None
    event: str | None = None
    events: Mapping[str, str] = field(default_factory=dict[str, str])
    headless: bool = False
    time_format: str | None = None

    def fits(self, names: Iterable[str]) -> bool:
        """Return True if a table with these columns has this shape."""
        return {column.casefold() for column in self.columns} <= {name.strip().casefold() for name in names}

    def fits_values(self, values: Sequence[str]) -> bool:
        """Return True if a first line can be a row of this shape, without a header before it."""
        row = dict(zip(self.columns, values, strict=False))
        said = row.get(self.kind or "", "").strip()
        return (
            self.headless
            and len(values) == len(self.columns)
            and "@" in values[0]
            and (self.kind is None or said in self.events)
        )

    def read(self, row: Mapping[str, str], default: datetime, *, judge: bool) -> tuple[str, ListEvent] | None:
        """Return the address and the event of a row, or None if it holds none.

        :param row: the cells by column name in lower case.
        :param default: the time of rows without one.
        :param judge: True to judge the reply instead of trusting the other system's verdict.
        :raises AddressError: when what stands in place of the address looks like one, but is none.
        """
        given = self._cell(row, self.address)
        word = self.event or self.events.get(self._cell(row, self.kind) or "")
        if given is None or "@" not in given or word is None:
            return None
        address = given if is_pattern(given) else bare_address(given)
        if address is None:
            raise AddressError(f"{shortened(given)} is no address")
        time = time_in(self._cell(row, self.time))
        reply = self._reply(row)
        key = f"{self.format}\n{address.casefold()}\n{word}\n{'' if time is None else time.isoformat()}"
        event = ListEvent(
            **_EVENTS[word],
            time=time or default,
            key=IMPORTED + sha256(key.encode(errors="backslashreplace")).hexdigest()[:_DIGEST],
            reply=reply,
            status=self._cell(row, self.status),
            who=self._cell(row, self.who) or self.format,
            why=self._cell(row, self.why) or ("unsubscribed" if word == "unsubscribed" else None),
            until=time_in(self._cell(row, self.until)),
            vendor=self._cell(row, self.kind),
            proof=Proof.OWN,  # whoever imports a list vouches for it
        )
        return address, _judged(event, address) if judge and reply and word == "hard" else event

    def _reply(self, row: Mapping[str, str]) -> str | None:
        reply, code = self._cell(row, self.reply), self._cell(row, self.code)
        return f"{code} {reply or ''}".strip() if code and not (reply or "").startswith(code) else reply

    @staticmethod
    def _cell(row: Mapping[str, str], column: str | None) -> str | None:
        return None if column is None else (row.get(column.casefold()) or "").strip() or None

    def takes(self, cause: Cause) -> bool:
        """Return True if the shape can express that an address is suppressed for `cause`."""
        said = {self.event} if self.event else set(self.events.values())
        # A format that only lists suppressed addresses can hold any cause.
        return _WORDS[cause] in said or said == {"manual"} or (cause is Cause.MANUAL and "unsubscribed" in said)

    def write(self, entry: Entry) -> tuple[str, ...]:
        """Return the cells of a suppressed entry, in the order of the columns."""
        state, trigger = entry.state, entry.trigger
        assert state.cause is not None
        word = _WORDS[state.cause]
        exact = {term: str(state.cause) for term in self.events if term == state.cause}
        terms = exact or {term: said for term, said in self.events.items() if said == word}
        # A column "reason" may mean something else in this format: later keys replace earlier ones.
        cells: dict[str | None, object] = {
            "reason": trigger and trigger.reason,
            self.address: entry.shown,
            self.time: None if state.since is None else self._written(state.since),
            self.until: state.until and self._written(state.until),
            self.reply: trigger and trigger.reply,
            self.code: _code(trigger),
            self.status: trigger and trigger.status,
            self.who: trigger and trigger.who,
            self.why: trigger and trigger.why,
            self.kind: next(iter(terms), ""),
        }
        return tuple("" if cells.get(column) is None else str(cells[column]) for column in self.columns)

    def _written(self, time: datetime) -> str:
        return format_datetime(time) if self.time_format == "rfc5322" else time.isoformat()


@dataclass(frozen=True, slots=True)
class Format:
    """A system's lists.

    :ivar list: the key that holds the rows in its JSON documents.
    """

    name: str
    title: str
    source: str
    shapes: tuple[Shape, ...]
    list: str | None = None


@cache
def formats() -> tuple[Format, ...]:
    """All formats, the plain one last."""
    import tomllib

    found: list[Format] = []
    for name in sorted(FORMATS, key=lambda name: (name == "plain", name)):
        document = tomllib.loads(read(f"imports/{name}.toml"))
        shapes = tuple(
            Shape(format=name, **(table | {"columns": tuple(table["columns"])})) for table in document["shape"]
        )
        about = document["format"]
        found.append(Format(name, about["title"], about["source"], shapes, about.get("list")))
    return tuple(found)


def format_named(name: str) -> Format:
    """Return the format of a name.

    :raises StoreError: when the name is unknown.
    """
    for format_ in formats():
        if format_.name == name:
            return format_
    raise StoreError(f"unknown format {name!r}; expected one of {', '.join(FORMATS)}")


def _judged(event: ListEvent, address: str) -> ListEvent:
    """Return the event with the library's own verdict on the reply."""
    reply = event.reply or ""
    if event.status and event.status not in reply:
        reply = f"{event.status} {reply}"
    verdict = classify(reply, recipient=address)
    return replace(
        ListEvent.of(verdict, event.time, key=event.key),
        reply=event.reply, who=event.who, why=event.why, vendor=event.vendor,
    )  # fmt: skip


def _code(trigger: ListEvent | None) -> str | None:
    code = (trigger.reply or "")[:3] if trigger is not None else ""
    return code if code.isdigit() else None
