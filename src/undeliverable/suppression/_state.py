"""The state of an address at one moment: a frozen value with a JSON form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, cast

from undeliverable.model import Shown

__all__ = ["POINT", "AddressState", "Cause", "Reactivation", "Standing"]

POINT: Final = 1000
"""Scores are kept in thousandths of a point, so that ten times a tenth is exactly one."""


class Standing(StrEnum):
    """The standing of an address.

    ``clear``; ``counting``: failures are being counted; ``held``: a failure that suppresses is held, since its provider
    seems to err; ``suppressed``.
    """

    CLEAR = "clear"
    COUNTING = "counting"
    HELD = "held"
    SUPPRESSED = "suppressed"


class Cause(StrEnum):
    """The cause of a suppression, the lightest first; a heavier one replaces a lighter one.

    ``streak``: failures added up; ``mailbox_full``: full too often for too long; ``hard_bounce``; ``manual``: decided by
    a person or a service; ``complaint``.
    """

    STREAK = "streak"
    MAILBOX_FULL = "mailbox_full"
    HARD_BOUNCE = "hard_bounce"
    MANUAL = "manual"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Reactivation:
    """The time, author and explanation of a reactivation."""

    time: datetime
    who: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AddressState(Shown):
    """The state of an address after its events so far.

    :ivar standing: the standing after the last event; a suppression may have run out since, so use
        :meth:`is_suppressed`.
    :ivar cause: the cause of the suppression, or of the one that is held; likewise ``since``, ``until`` and ``trigger``.
    :ivar since: the start of the suppression; while it is held, the time of its event.
    :ivar until: the end of the suppression; None if it does not end by itself.
    :ivar held_until: the time at which a held suppression takes effect by itself.
    :ivar trigger: the key of the event that suppressed the address.
    :ivar points: the points that count towards suppression: times and thousandths of a point.
    :ivar last_point: the time at which a failure was last counted.
    :ivar full_since: the time of the first report of a full mailbox in the current series.
    :ivar full_count: the number of such reports that counted.
    :ivar hard: the total number of hard failures; likewise ``soft``, ``complaints`` and ``deliveries``.
    :ivar last_bounce: the time of the last failure that was not ignored.
    :ivar reactivated: the last reactivation.
    :ivar token_day: the latest day on which a token of the events was made.
    :ivar tokens: the tokens of that day, each with the kind of its event; only a token of a later day is surely new.
    :ivar last: time and key of the last event.
    """

    standing: Standing = Standing.CLEAR
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None
    held_until: datetime | None = None
    trigger: str | None = None
    points: tuple[tuple[datetime, int], ...] = ()
    last_point: datetime | None = None
    full_since: datetime | None = None
    full_count: int = 0
    hard: int = 0
    soft: int = 0
    complaints: int = 0
    deliveries: int = 0
    last_bounce: datetime | None = None
    last_delivery: datetime | None = None
    reactivated: Reactivation | None = None
    token_day: date | None = None
    tokens: tuple[str, ...] = ()
    last: tuple[datetime, str] | None = None

    @property
    def score(self) -> float:
        """The points that count at the last event."""
        return sum(weight for _, weight in self.points) / POINT

    def is_suppressed(self, at: datetime) -> bool:
        """Return True if the address must not receive mail at time `at`, which needs a time zone.

        That is one span of time: of a suppression, until its end; of one that is held, from ``held_until`` on.
        """
        return self._has_begun(at) and (self.until is None or at < self.until)

    def _has_begun(self, at: datetime) -> bool:
        if self.standing is Standing.HELD:
            return self.held_until is not None and self.held_until <= at
        return self.standing is Standing.SUPPRESSED

    def to_dict(self) -> dict[str, object]:
        """Return the state as JSON values, without fields that have their initial value."""
        record: dict[str, object] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if value != _FIRST[name]:
                record[name] = _encoded(value)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> AddressState:
        """Return the state that :meth:`to_dict` wrote.

        :raises ValueError: when a field is unknown.
        """
        unknown = set(record) - set(cls.__slots__)
        if unknown:
            raise ValueError(f"not a state: unknown field {min(unknown)}; expected one of {', '.join(cls.__slots__)}")
        values: dict[str, Any] = {name: _decoded(name, value) for name, value in record.items()}
        return cls(**values)


_FIRST: Final = {name: getattr(AddressState(), name) for name in AddressState.__slots__}


def _encoded(value: object) -> object:
    if isinstance(value, date):  # or a time
        return value.isoformat()
    if isinstance(value, tuple):
        return [_encoded(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, Reactivation):
        return [value.time.isoformat(), value.who, value.why]
    return str(value) if isinstance(value, StrEnum) else value


def _decoded(name: str, value: Any) -> object:  # noqa: ANN401 # any JSON value
    read = _READERS.get(name)
    return value if read is None or value is None else read(value)


_time: Final = datetime.fromisoformat
_READERS: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "standing": Standing,
        "cause": Cause,
        "since": _time,
        "until": _time,
        "held_until": _time,
        "points": lambda value: tuple((_time(time), int(weight)) for time, weight in value),
        "last_point": _time,
        "full_since": _time,
        "last_bounce": _time,
        "last_delivery": _time,
        "reactivated": lambda value: Reactivation(_time(value[0]), value[1], value[2]),
        "token_day": date.fromisoformat,
        "tokens": tuple,
        "last": lambda value: (_time(value[0]), str(value[1])),
    }
)
