"""Policies as data: how much each failure counts, when an address is suppressed, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from undeliverable import Advice, BounceType, Fault, KnowledgeError, Reason
from undeliverable.data import names, read
from undeliverable.model import Shown
from undeliverable.suppression._events import EventKind, ListEvent
from undeliverable.suppression._state import POINT, Cause

__all__ = ["Full", "Policy", "Signal"]


class Signal(StrEnum):
    """The meaning of an event under a policy.

    ``held``: a hard failure that would suppress at once, were its provider not on hold; ``hearsay``: another system says
    that the address is on its own suppression list.
    """

    HARMLESS = "harmless"
    NOTED = "noted"
    COUNTED = "counted"
    FULL = "full"
    HARD = "hard"
    HELD = "held"
    COMPLAINT = "complaint"
    DELIVERY = "delivery"
    SUPPRESS = "suppress"
    HEARSAY = "hearsay"
    REACTIVATE = "reactivate"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Full:
    """The limit for full mailboxes: full on at least `count` days, with at least `time` between the first and the last."""

    count: int
    time: timedelta


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Policy(Shown):
    """The rules of suppression. Points are in thousandths (``POINT``).

    :ivar hard: the points of a hard failure; None suppresses at once.
    :ivar soft: the points of a soft failure; 0 ignores it.
    :ivar undetermined: the points of a failure whose bounce type is undetermined.
    :ivar ignored_faults: faults that add nothing unless the failure is hard.
    :ivar limit: the points at which the address is suppressed; None means never.
    :ivar limit_after_delivery: the limit for an address that has received mail before; None means `limit`.
    :ivar window: how long a point counts; None means for ever.
    :ivar gap: the time without failures after which counting starts again; None means never.
    :ivar once_a_day: True if only the first failure of a day (UTC) counts.
    :ivar delivery: the points that a delivery removes; None removes all.
    :ivar full: the limit for full mailboxes; None counts them as soft failures.
    :ivar complaint: True if a complaint suppresses.
    :ivar expiry: the duration of a suppression by cause; for ever for a cause that is not listed.
    """

    name: str
    title: str = ""
    source: str | None = None
    note: str = ""
    hard: int | None = None
    soft: int = POINT
    undetermined: int = 0
    ignored_faults: frozenset[Fault] = frozenset()
    limit: int | None = None
    limit_after_delivery: int | None = None
    window: timedelta | None = None
    gap: timedelta | None = None
    once_a_day: bool = False
    delivery: int | None = None
    full: Full | None = None
    complaint: bool = True
    expiry: Mapping[Cause, timedelta] = field(default_factory=lambda: MappingProxyType({}))

    def signal(self, event: ListEvent) -> Signal:
        """Return the meaning of `event`.

        A failure that is the fault of the sender or the message never counts against the address, whatever the policy.
        """
        if event.kind is not EventKind.BOUNCE:
            return self._stated(event)
        if event.bounce_type is None or event.advice in _NOT_THE_ADDRESS:
            return Signal.HARMLESS
        if event.bounce_type is BounceType.HARD:
            return self._hard(event)
        if event.fault in self.ignored_faults:
            return Signal.HARMLESS
        if event.reason is Reason.MAILBOX_FULL and self.full is not None:
            return Signal.FULL
        return self._counted(self.weight(event))

    def weight(self, event: ListEvent) -> int:
        """Return the points of a failure, in thousandths."""
        if event.bounce_type is BounceType.HARD:
            return self.hard or 0
        return self.soft if event.bounce_type is BounceType.SOFT else self.undetermined

    def _stated(self, event: ListEvent) -> Signal:
        if event.kind is EventKind.COMPLAINT and not self.complaint:
            return Signal.HARMLESS
        return Signal.HEARSAY if event.hearsay else _SIGNALS[event.kind]

    def _hard(self, event: ListEvent) -> Signal:
        if self.hard is not None:
            return self._counted(self.hard)
        return Signal.HELD if event.is_held else Signal.HARD

    def _counted(self, weight: int) -> Signal:
        return Signal.COUNTED if weight and self.limit is not None else Signal.NOTED

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the policies that the library comes with."""
        return tuple(name.removesuffix(".toml") for name in names("suppression"))

    @classmethod
    def builtin(cls, name: str = "default") -> Policy:
        """Return a policy that the library comes with.

        :raises KnowledgeError: when the name is unknown.
        """
        if name not in cls.names():
            raise KnowledgeError(name, f"unknown policy; expected one of {', '.join(cls.names())}")
        return cls._from_text(read(f"suppression/{name}.toml"), f"{name}.toml")

    @classmethod
    def from_file(cls, path: str | Path) -> Policy:
        """Return the policy in a TOML file.

        :raises KnowledgeError: when it cannot be read or has a key or value that no policy can have.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise KnowledgeError(str(path), error.strerror or str(error)) from None
        except UnicodeDecodeError as error:
            raise KnowledgeError(str(path), f"not TOML: {error}") from None
        return cls._from_text(text, str(path))

    @classmethod
    def _from_text(cls, text: str, file: str) -> Policy:
        import tomllib  # imported only when a file is read

        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise KnowledgeError(file, f"not TOML: {error}") from None
        table: object = document.get("policy")
        for extra in set(document) - {"policy", "vector"}:
            raise KnowledgeError(file, "unknown table; expected one of policy, vector", key=extra)
        if not isinstance(table, dict):
            raise KnowledgeError(file, "the table [policy] is missing", key="policy")
        return cls.from_dict(cast("dict[str, object]", table), file=file)

    @classmethod
    def from_dict(cls, table: Mapping[str, object], *, file: str = "code") -> Policy:
        """Return the policy that a table describes, as in a file or as written by :meth:`to_dict`.

        :param file: the file name to show in errors.
        :raises KnowledgeError: at the first key that is unknown or has an invalid value.
        """
        values: dict[str, Any] = {}
        for key, value in table.items():
            reader = _READERS.get(key)
            if reader is None:
                raise KnowledgeError(file, f"unknown key; expected one of {', '.join(sorted(_READERS))}", key=key)
            try:
                values[_ATTRIBUTES.get(key, key)] = reader(value)
            except (ValueError, TypeError, KeyError) as error:
                raise KnowledgeError(file, f"invalid value {value!r} ({error})", key=key) from None
        if not values.get("name"):
            raise KnowledgeError(file, "a policy needs a name", key="name")
        return cls(**values)

    def to_dict(self) -> dict[str, object]:
        """Return the policy as it would be written in a file."""
        record: dict[str, object] = {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "note": self.note,
            "hard": "suppress" if self.hard is None else self.hard / POINT,
            "soft": self.soft / POINT,
            "undetermined": self.undetermined / POINT,
            "ignored_faults": sorted(self.ignored_faults),
            "limit": None if self.limit is None else self.limit / POINT,
            "limit_after_delivery": None if self.limit_after_delivery is None else self.limit_after_delivery / POINT,
            "window_days": _days(self.window),
            "gap_days": _days(self.gap),
            "once_a_day": self.once_a_day,
            "delivery": "reset" if self.delivery is None else self.delivery / POINT,
            "full": None if self.full is None else {"count": self.full.count, "days": _days(self.full.time)},
            "complaint": "suppress" if self.complaint else "ignore",
            "expiry_days": {str(cause): _days(time) for cause, time in self.expiry.items()},
        }
        return {key: value for key, value in record.items() if value not in (None, "", [], {})}


_NOT_THE_ADDRESS: Final = frozenset({Advice.FIX_SENDER, Advice.FIX_MESSAGE})
_SIGNALS: Final[Mapping[EventKind, Signal]] = MappingProxyType(
    {
        EventKind.COMPLAINT: Signal.COMPLAINT,
        EventKind.DELIVERY: Signal.DELIVERY,
        EventKind.SUPPRESSION: Signal.SUPPRESS,
        EventKind.REACTIVATION: Signal.REACTIVATE,
        EventKind.EXPIRY: Signal.EXPIRE,
        EventKind.CONFIRMATION: Signal.CONFIRM,
        EventKind.RELEASE: Signal.RELEASE,
    }
)


def _days(time: timedelta | None) -> float | None:
    return None if time is None else time / timedelta(days=1)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise ValueError("expected a number from 0 to 999,999")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _points(value: object) -> int:
    return round(_number(value) * POINT)


def _limit(value: object) -> int:
    if not (points := _points(value)):
        raise ValueError("expected more than 0")
    return points


def _time(value: object) -> timedelta:
    return timedelta(days=_number(value))


def _or(word: str, result: object, reader: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: result if value == word else reader(value)


def _full(value: object) -> Full:
    table = dict(cast("Mapping[str, object]", value))
    if set(table) != {"count", "days"}:
        raise ValueError("expected the keys count and days")
    return Full(round(_number(table["count"])), _time(table["days"]))


def _faults(value: object) -> frozenset[Fault]:
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return frozenset(Fault(_text(item)) for item in cast("list[object]", value))


def _expiry(value: object) -> Mapping[Cause, timedelta]:
    return MappingProxyType({Cause(cause): _time(days) for cause, days in cast("Mapping[str, object]", value).items()})


def _complaint(value: object) -> bool:
    return {"suppress": True, "ignore": False}[_text(value)]


_READERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType(
    {
        "name": _text,
        "title": _text,
        "source": _text,
        "note": _text,
        "hard": _or("suppress", None, _points),
        "soft": _points,
        "undetermined": _points,
        "ignored_faults": _faults,
        "limit": _limit,
        "limit_after_delivery": _limit,
        "window_days": _time,
        "gap_days": _time,
        "once_a_day": _truth,
        "delivery": _or("reset", None, _or("keep", 0, _points)),
        "full": _full,
        "complaint": _complaint,
        "expiry_days": _expiry,
    }
)
_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {"window_days": "window", "gap_days": "gap", "expiry_days": "expiry"}
)
