"""A report together with the envelope that it came in."""

from __future__ import annotations

import json
from dataclasses import dataclass

from undeliverable import Report

__all__ = ["Delivery"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that was taken.

    :ivar report: what it says.
    :ivar sender: its envelope sender, ``""`` for the null sender of RFC 5321 4.5.5; None where that is not known.
    :ivar recipients: its envelope recipients: the return paths of what came back.
    """

    report: Report
    sender: str | None = None
    recipients: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The public record of the report, with the key ``envelope``: ``sender`` and ``recipients``."""
        return self.report.to_dict() | {"envelope": {"sender": self.sender, "recipients": list(self.recipients)}}

    def line(self) -> bytes:
        """The record as one line of JSON with its line end: ASCII only, whatever the mail held."""
        return json.dumps(self.to_dict(), separators=(",", ":")).encode("ascii") + b"\n"
