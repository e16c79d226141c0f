"""The numbers of a report that a later one is compared with.

They stand in every page as JSON, so that a page of last month is all that the next comparison needs. They hold counts by
reason, provider and campaign, and nobody's address.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from undeliverable.rates import By, Share
from undeliverable.report._collect import Summary

__all__ = ["NUMBERS", "Counts", "Snapshot"]

NUMBERS: Final = "numbers"
"""The id of the element that holds them in a page."""
_SCHEMA: Final = 1
_ELEMENT: Final = re.compile(rf'<script type="application/json" id="{NUMBERS}">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of a group, or of all groups together.

    :ivar sent: number of messages sent, None if unknown.
    """

    hard: int = 0
    soft: int = 0
    undetermined: int = 0
    complaints: int = 0
    sent: int | None = None

    @property
    def failed(self) -> int:
        """The number of recipients that failed, for whatever reason."""
        return self.hard + self.soft + self.undetermined

    @property
    def bounce(self) -> Share | None:
        """The rate of hard bounces, None where it is not known how much was sent."""
        return Share.of(self.hard, self.sent) if self.sent else None

    @property
    def complaint(self) -> Share | None:
        """The rate of complaints, None likewise."""
        return Share.of(self.complaints, self.sent) if self.sent else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The numbers of one report.

    :ivar title: the heading of the page.
    :ivar total: the numbers of all mail.
    :ivar providers: those of each mailbox provider.
    :ivar reasons: failed recipients by reason.
    """

    title: str
    total: Counts
    providers: Mapping[str, Counts]
    reasons: Mapping[str, int]

    @classmethod
    def of(cls, summary: Summary, title: str) -> Snapshot:
        """Return the numbers of a summary."""
        reasons: Counter[str] = Counter()
        for (reason, _), number in summary.reasons.items():
            reasons[str(reason)] += number
        rates = summary.rates
        providers = {row.group: _counts(row) for row in rates[By.PROVIDER].groups if row.group is not None}
        return cls(title=title, total=_counts(rates[By.DAY].total), providers=providers, reasons=dict(reasons))

    @classmethod
    def of_page(cls, page: str) -> Snapshot:
        """Return the numbers that stand in an earlier page.

        :raises ValueError: when it is no page of a report, or one of a version that held no numbers.
        """
        found = _ELEMENT.search(page)
        if found is None:
            raise ValueError("no report that `undeliverable report` wrote, or one without numbers")
        try:
            return cls.from_dict(json.loads(found[1]))
        except RecursionError:
            raise ValueError("the numbers are nested too deeply") from None

    @classmethod
    def from_dict(cls, record: object) -> Snapshot:
        """Return the numbers of a mapping that :meth:`to_dict` made; raise ValueError for any other."""
        given: Mapping[str, Any] = cast("Mapping[str, Any]", record) if isinstance(record, Mapping) else {}
        if given.get("schema") != _SCHEMA:
            raise ValueError(f"not the numbers of a report, or not of schema {_SCHEMA}")
        try:
            return cls(
                title=str(given["title"]),
                total=_read(given["total"]),
                providers={str(name): _read(counts) for name, counts in given["providers"].items()},
                reasons={str(name): _whole(number) for name, number in given["reasons"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the numbers of a report: {error}") from None

    def to_dict(self) -> dict[str, object]:
        """Return the numbers as JSON values."""
        return {
            "schema": _SCHEMA,
            "title": self.title,
            "total": _written(self.total),
            "providers": {name: _written(counts) for name, counts in self.providers.items()},
            "reasons": dict(self.reasons),
        }


def _counts(row: Any) -> Counts:  # noqa: ANN401 # a GroupRate has these attributes and more
    return Counts(**{name: getattr(row, name) for name in Counts.__slots__})


def _written(counts: Counts) -> dict[str, int | None]:
    return {name: getattr(counts, name) for name in Counts.__slots__}


def _read(counts: Mapping[str, object]) -> Counts:
    sent = counts.get("sent")
    numbers = {name: _whole(counts[name]) for name in Counts.__slots__ if name != "sent"}
    return Counts(**numbers, sent=None if sent is None else _whole(sent))


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise TypeError(f"{number!r} is no count")
    return number
