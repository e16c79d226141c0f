"""The data of the charts: one row for each bin of the axis, without gaps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from undeliverable import BounceType
from undeliverable.rates import By, Share
from undeliverable.report._axis import Axis, by_outcome
from undeliverable.report._collect import COMPLAINT, Summary

__all__ = ["Bins", "bins_of", "chart_data", "script_json"]


@dataclass(frozen=True, slots=True)
class Bins:
    """What happened in each bin of the axis: lists of the same length.

    :ivar failures: recipients that failed, by bounce type.
    :ivar sent: messages sent, None where unknown.
    :ivar rates: hard bounces per message sent, None where unknown.
    """

    labels: list[str]
    failures: Mapping[str, list[int]]
    complaints: list[int]
    sent: list[int | None]
    rates: list[Share | None]


def bins_of(summary: Summary, axis: Axis) -> Bins:
    """Return what happened in each bin."""
    found = by_outcome(summary)
    failures = {str(kind): axis.counts(found.get(str(kind), {})) for kind in BounceType}
    sent = [number or None for number in axis.counts(_sent_hours(summary, axis))]
    hard = failures[str(BounceType.HARD)]
    return Bins(
        [axis.label(number) for number in range(len(axis))],
        failures,
        axis.counts(found.get(COMPLAINT, {})),
        sent,
        # A bounce may come on a day after the last message was sent: then there is no rate of that day.
        [None if whole is None else Share.of(count, whole) for count, whole in zip(hard, sent, strict=True)],
    )


def _sent_hours(summary: Summary, axis: Axis) -> Mapping[int, int]:
    if summary.hours:
        return summary.hours
    days: Counter[int] = Counter()
    for row in summary.rates[By.DAY].groups if axis.unit != "hour" else ():
        try:
            midnight = datetime.fromisoformat(f"{row.group}T00:00+00:00")
        except ValueError:  # no date, or a table of the caller that calls its days anything
            continue
        days[int(midnight.timestamp()) // 3_600] += row.sent or 0
    return days


def chart_data(summary: Summary, axis: Axis | None) -> str:
    """Return the data of the charts as JSON that is safe inside a script element."""
    if axis is None:
        return script_json({"unit": None, "times": [], "rate": []})
    bins = bins_of(summary, axis)
    data: dict[str, object] = {
        "unit": axis.unit,
        "times": [hour * 3_600 for hour in axis.starts],
        "labels": bins.labels,
        **bins.failures,
        "complaints": bins.complaints,
        "levels": [level.rate for level in summary.levels.bounce],
    }
    for name in ("rate", "low", "high"):
        data[name] = [None if share is None else round(getattr(share, name), 6) for share in bins.rates]
    return script_json(data)


def script_json(data: object) -> str:
    """Return JSON for a script element: ``</`` would end the element, even inside a string."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
