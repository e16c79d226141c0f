"""Numbers for Prometheus, in its text format (version 0.0.4), of everything that one process receives.

Strangers choose what is counted: tenants, providers, reasons. So each family has a limit of series, and what is over it is
counted as ``other``: totals stay right, and the memory of the monitoring system stays bounded.
"""

from __future__ import annotations

import platform
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Final, NamedTuple, Protocol, TypeAlias

from undeliverable import Proof, Report, Verdict, __version__
from undeliverable.suppression import ListEvent

__all__ = ["FAMILIES", "MEDIA", "Counted", "Family", "Labels", "Metrics", "labels_of"]

MEDIA: Final = b"text/plain; version=0.0.4; charset=utf-8"
_OTHER: Final = "other"
_NONE: Final = "none"
_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_LONGEST: Final = 64  # characters of a label's value


class Family(NamedTuple):
    """A family of series.

    :ivar name: without the common prefix.
    :ivar type: ``counter``, ``gauge`` or ``histogram``.
    :ivar about: what is counted.
    :ivar labels: the names of its labels.
    :ivar open: the labels whose values strangers choose; over the limit these become ``other``.
    :ivar most: the limit of series.
    """

    name: str
    type: str
    about: str
    labels: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    most: int = 1


FAMILIES: Final = (
    Family("info", "gauge", "Version of the library and of Python.", ("version", "python")),
    Family("start_time_seconds", "gauge", "When the process started, in seconds since 1970."),
    Family(
        "reports_total", "counter", "Reports received, by the entry point and their kind.", ("source", "kind"), most=100
    ),
    Family(
        "verdicts_total",
        "counter",
        "Verdicts on recipients and replies.",
        ("source", "type", "reason", "provider", "tenant"),
        ("provider", "tenant"),
        2_000,
    ),
    Family(
        "unproved_total", "counter", "Verdicts that nothing proves though proof was asked for.", ("source",), most=20
    ),
    Family(
        "list_events_total",
        "counter",
        "Events given to the list: new, known, ignored for lack of proof, of forgotten addresses.",
        ("result",),
        most=10,
    ),
    Family(
        "list_changes_total",
        "counter",
        "Addresses that became suppressed, were released, or whose suppression is held.",
        ("change",),
        most=10,
    ),
    Family("list_addresses", "gauge", "Addresses in the list, by standing.", ("standing",), most=10),
    Family("requests_total", "counter", "Requests of the API, by route and status.", ("route", "status"), most=300),
    Family(
        "refused_total",
        "counter",
        "Requests of the API that were refused, by the code of the error.",
        ("code",),
        most=50,
    ),
    Family("request_seconds", "histogram", "Time from a request to its response.", ("route",), most=50),
)
"""What is measured; the names begin with ``undeliverable_``."""


Labels: TypeAlias = "tuple[str, str, str, str]"
"""The bounce type, reason, provider and tenant of a verdict."""


def labels_of(verdict: Verdict, tenant: object) -> Labels:
    """Return the labels of a verdict."""
    return (
        verdict.bounce_type or _NONE,
        verdict.reason or _NONE,
        verdict.provider or _NONE,
        _NONE if tenant is None else str(tenant)[:_LONGEST],
    )


class _Outcome(Protocol):
    """The part of an outcome of the store that is counted."""

    @property
    def new(self) -> int: ...
    @property
    def known(self) -> int: ...
    @property
    def ignored(self) -> int: ...
    @property
    def forgotten(self) -> int: ...
    @property
    def suppressed(self) -> Sequence[str]: ...
    @property
    def released(self) -> Sequence[str]: ...
    @property
    def held(self) -> Sequence[str]: ...


_RESULTS: Final = ("new", "known", "ignored", "forgotten")
_CHANGES: Final = ("suppressed", "released", "held")


class _Series:
    """The series of one family."""

    __slots__ = ("_family", "_most", "values")

    def __init__(self, family: Family) -> None:
        self._family = family
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, labels: tuple[str, ...], number: float = 1) -> None:
        """Count under `labels`, or where there are too many, under ``other``."""
        labels = self.bounded(labels)
        self.values[labels] = self.values.get(labels, 0) + number

    def bounded(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the labels, or those that they have over the limit."""
        if labels in self.values or len(self.values) < self._family.most:
            return labels
        family = self._family
        return tuple(
            _OTHER if name in family.open else value for name, value in zip(family.labels, labels, strict=True)
        )


class Metrics:
    """All numbers of a process; belongs to one event loop, but for :meth:`recorded`, which any thread may call."""

    def __init__(self) -> None:
        self._series = {family.name: _Series(family) for family in FAMILIES}
        self._times: dict[str, list[float]] = {}
        self._lock = Lock()
        self._series["info"].add((__version__, platform.python_version()))
        self._series["start_time_seconds"].add((), time.time())

    def seen(self, source: str, report: Report, tenant: object = None) -> None:
        """Count a report and its verdicts.

        :param source: the entry point: ``api``, ``mail``, ``webhook``.
        """
        self._series["reports_total"].add((source, str(report.kind)))
        self.tallied(source, Counter(labels_of(verdict, tenant) for verdict in report.verdicts))
        unproved = sum(verdict.proof is Proof.UNPROVED for verdict in report.verdicts)
        if unproved:
            self._series["unproved_total"].add((source,), unproved)

    def tallied(self, source: str, tally: Mapping[Labels, int]) -> None:
        """Count verdicts by their labels."""
        for labels, number in tally.items():
            self._series["verdicts_total"].add((source, *labels), number)

    def recorded(self, outcome: _Outcome) -> None:
        """Count what a list made of events."""
        with self._lock:
            for result in _RESULTS:
                self._series["list_events_total"].add((result,), getattr(outcome, result))
            for change in _CHANGES:
                self._series["list_changes_total"].add((change,), len(getattr(outcome, change)))

    def answered(self, route: str, status: int, seconds: float, code: str | None) -> None:
        """Count a request of the API.

        :param route: the path of its route, not that of the request.
        :param code: the code of the error, None if it was answered well.
        """
        self._series["requests_total"].add((route, str(status)))
        if code is not None:
            self._series["refused_total"].add((code,))
        times = self._times.setdefault(route, [0.0] * (len(_BOUNDS) + 2))
        times[bisect_left(_BOUNDS, seconds)] += 1
        times[-1] += seconds

    def text(self, standings: Mapping[str, int] | None = None) -> bytes:
        """Return all numbers in Prometheus's format.

        :param standings: the number of addresses in the list by standing, if there is one.
        """
        if standings is not None:
            self._series["list_addresses"].values = {(name,): number for name, number in standings.items()}
        return "".join(self._lines()).encode("utf-8")

    def _lines(self) -> Iterator[str]:
        for family in FAMILIES:
            name = f"undeliverable_{family.name}"
            yield f"# HELP {name} {family.about}\n# TYPE {name} {family.type}\n"
            if family.type == "histogram":
                for route, times in sorted(self._times.items()):
                    yield from _histogram(name, route, times)
            else:
                for labels, value in sorted(self._series[family.name].values.items()):
                    yield f"{name}{_labels(zip(family.labels, labels, strict=True))} {value:.17g}\n"


def _histogram(name: str, route: str, times: Sequence[float]) -> Iterator[str]:
    total = 0.0
    for bound, number in zip((*map(str, _BOUNDS), "+Inf"), times[:-1], strict=True):
        total += number
        yield f"{name}_bucket{_labels([('route', route), ('le', bound)])} {total:.17g}\n"
    yield f"{name}_sum{_labels([('route', route)])} {times[-1]:.17g}\n"
    yield f"{name}_count{_labels([('route', route)])} {total:.17g}\n"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    # Half a character of UTF-16 first: a lone backslash before it would be an escape that Prometheus's format does not have.
    value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class Counted:
    """A list whose outcomes are counted.

    :param into: takes the events: a :class:`~undeliverable.store.SuppressionList`, or what wraps one.
    """

    def __init__(self, into: Recording, metrics: Metrics) -> None:
        self._into = into
        self._metrics = metrics

    def record(self, events: Iterable[tuple[str, ListEvent]], /) -> _Outcome:
        """Record events, and count what came of them."""
        outcome = self._into.record(events)
        self._metrics.recorded(outcome)
        return outcome


class Recording(Protocol):
    """What records events and says what came of them."""

    def record(self, events: Iterable[tuple[str, ListEvent]], /) -> _Outcome: ...
