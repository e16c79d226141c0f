"""Comparisons of names by suffix or glob, of numbers with limits, and of times."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._rules.comparisons import asked
from undeliverable._text.identity import domain_identity
from undeliverable._text.lazy import lazy
from undeliverable.errors import EntryError
from undeliverable.errors._tables import as_list

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network
    from typing import Protocol

    from undeliverable._rules.failure import Failure

    class Comparison(Protocol):
        """What is asked of a failure under one key."""

        def fits(self, failure: Failure, /) -> bool:
            """Return whether it holds for `failure`."""
            ...

        def covers(self, other: object, /) -> bool:
            """Return whether it holds wherever `other` does."""
            ...


__all__ = ["bounds", "domains", "globs", "refuse_contradiction", "since", "sources", "until"]

_LONGEST: Final = 255  # RFC 1035 2.3.4: octets of a name
# Of the signs of a glob only the asterisk is known; what stands in brackets is an address (RFC 5321 4.1.3).
_NAME: Final = lazy(r"(?:\*\.?)?[^\s@/,;*?\[\]]+(?:\*[^\s@/,;*?\[\]]*)*|\[[\w.:]+\]")
_BOUND: Final = lazy(r"\s*(>=|<=|>|<|=)?\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", re.ASCII)
_ADDRESS: Final = lazy(r"\d+(?:\.\d+){3}|[\da-f]*:[\da-f]*:[\da-f:.]*", re.ASCII)  # maybe one that is mistyped
_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Names(NamedTuple):
    """A name is below one of some domains, or like a glob: ``example.org``, ``*.edu``."""

    of: str
    written: tuple[str, ...]

    def fits(self, failure: Failure) -> bool:
        """Return whether any name does."""
        return any(
            _is_like(name, pattern) if "*" in pattern else name == pattern or name.endswith(f".{pattern}")
            for name in getattr(failure, self.of)
            for pattern in self.written
        )

    def covers(self, other: object) -> bool:
        """Return whether `other` names none but the same."""
        return isinstance(other, Names) and set(other.written) <= set(self.written)


class Globs(NamedTuple):
    """A text is one of some, or like a glob: ``TSS*``."""

    of: str
    written: tuple[str, ...]

    def fits(self, failure: Failure) -> bool:
        """Return whether any text is."""
        return any(_is_like(text, pattern) for text in getattr(failure, self.of) for pattern in self.written)

    def covers(self, other: object) -> bool:
        """Return whether `other` names none but the same."""
        return isinstance(other, Globs) and set(other.written) <= set(self.written)


class Sources(NamedTuple):
    """The sending address is in one of some networks, or a name is like a glob."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    written: tuple[str, ...]

    def fits(self, failure: Failure) -> bool:
        """Return whether any of the names that the caller gave is."""
        return any(
            any(_is_like(name.casefold(), pattern) for pattern in self.written) or (self.networks and self._holds(name))
            for name in failure.source
        )

    def _holds(self, name: str) -> bool:
        from ipaddress import ip_address  # 4 ms; hardly anybody asks for networks

        try:
            address = ip_address(name.strip("[]"))
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def covers(self, other: object) -> bool:
        """Return whether `other` names none but the same."""
        return (
            isinstance(other, Sources)
            and set(other.written) <= set(self.written)
            and set(other.networks) <= set(self.networks)
        )


class Bounds(NamedTuple):
    """A number is within limits."""

    of: str
    limits: tuple[tuple[str, float], ...]

    def fits(self, failure: Failure) -> bool:
        """Return whether it is; where it is not known it is not."""
        value = getattr(failure, self.of)
        return value is not None and all(_OPERATORS[sign](value, limit) for sign, limit in self.limits)

    def covers(self, other: object) -> bool:
        """Return whether `other` has the same limits."""
        return self == other


class Since(NamedTuple):
    """The time is not before a moment."""

    moment: datetime

    def fits(self, failure: Failure) -> bool:
        """Return whether it is; where no time was given it is not."""
        return failure.now is not None and failure.now >= self.moment

    def covers(self, other: object) -> bool:
        """Return whether `other` begins later."""
        return isinstance(other, Since) and other.moment >= self.moment


class Until(NamedTuple):
    """The time is before a moment."""

    moment: datetime

    def fits(self, failure: Failure) -> bool:
        """Return whether it is; where no time was given it is not."""
        return failure.now is not None and failure.now < self.moment

    def covers(self, other: object) -> bool:
        """Return whether `other` ends earlier."""
        return isinstance(other, Until) and other.moment <= self.moment


def _is_like(text: str, pattern: str) -> bool:
    """Return whether `text` is like `pattern`, whose asterisks stand for any characters, in linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if len(text) > _LONGEST or len(text) < len(first) + len(last):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def domains(of: str) -> Callable[[Mapping[str, object], str], Comparison]:
    """Return the reader of domains that are compared with names of a failure."""

    def read(when: Mapping[str, object], key: str) -> Comparison:
        for text in asked(when, key):
            if not _NAME.fullmatch(text.strip()):
                raise EntryError(f'not a domain such as "example.org" or "*.edu": {text!r}', key=f"when.{key}")
        return Names(of, tuple(domain_identity(text.strip().lstrip(".")) for text in asked(when, key)))

    return read


def globs(of: str) -> Callable[[Mapping[str, object], str], Comparison]:
    """Return the reader of globs that are compared with texts of a failure."""
    return lambda when, key: Globs(of, tuple(text.strip().casefold() for text in asked(when, key)))


def sources(when: Mapping[str, object], key: str) -> Comparison:
    """Read IP addresses, networks (``192.0.2.0/24``) and names of pools."""
    networks: list[IPv4Network | IPv6Network] = []
    written: list[str] = []
    for text in asked(when, key):
        if "/" not in text and not _ADDRESS.fullmatch(text.strip().casefold()):
            written.append(text.strip().casefold())
            continue
        from ipaddress import ip_network  # 4 ms; hardly anybody asks for networks

        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise EntryError(
                f'not an address or a network such as "192.0.2.0/24": {text!r}', key=f"when.{key}"
            ) from None
    return Sources(tuple(networks), tuple(written))


def bounds(when: Mapping[str, object], key: str) -> Comparison:
    """Read limits: ``">= 3"``, ``["> 1h", "< 1d"]``, or a number for "at least"."""
    value = when[key]
    items = as_list(value)
    limits: list[tuple[str, float]] = []
    for item in (value,) if items is None else items:
        if isinstance(item, int | float) and not isinstance(item, bool) and 0 <= item < inf:
            limits.append((">=", float(item)))
            continue
        match = _BOUND.fullmatch(item) if isinstance(item, str) else None
        if match is None:
            raise EntryError(f'not a limit such as ">= 3" or "< 4h": {item!r}', key=f"when.{key}")
        limits.append((match[1] or ">=", float(match[2]) * _SECONDS[match[3]]))
    if not limits:
        raise EntryError("must be a limit or a list of limits", key=f"when.{key}")
    return Bounds(key, tuple(limits))


def since(when: Mapping[str, object], key: str) -> Comparison:
    """Read the moment from which on a condition holds."""
    return Since(_moment(when[key], key))


def until(when: Mapping[str, object], key: str) -> Comparison:
    """Read the moment before which a condition holds."""
    return Until(_moment(when[key], key))


def _moment(value: object, key: str) -> datetime:
    """Return a date as its beginning, and a time without a zone as UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise EntryError("must be a date or a time: 2026-11-30 or 2026-11-30T12:00:00Z", key=f"when.{key}")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def refuse_contradiction(comparisons: Mapping[str, Comparison]) -> None:
    """Refuse times and limits that nothing is between."""
    start, end = comparisons.get("since"), comparisons.get("until")
    if isinstance(start, Since) and isinstance(end, Until) and start.moment >= end.moment:
        raise EntryError("never holds: it ends before it begins", key="when.until")
    for key, comparison in comparisons.items():
        if isinstance(comparison, Bounds):
            low = max((limit for sign, limit in comparison.limits if sign in {">", ">=", "="}), default=0.0)
            high = min((limit for sign, limit in comparison.limits if sign in {"<", "<=", "="}), default=low)
            if low > high:
                raise EntryError("never holds: no number is within these limits", key=f"when.{key}")
