"""A report together with the envelope of its message."""

from __future__ import annotations

from dataclasses import dataclass

from undeliverable import Report

__all__ = ["Delivery"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that was accepted.

    :ivar report: the parsed report.
    :ivar sender: the envelope sender, ``""`` for the null sender of RFC 5321 4.5.5; None if unknown.
    :ivar recipients: the envelope recipients: the return paths of the original messages.
    """

    report: Report
    sender: str | None = None
    recipients: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the public record of the report plus the key ``envelope`` with ``sender`` and ``recipients``."""
        return self.report.to_dict() | self._envelope()

    def line(self) -> bytes:
        """Return the record as one line of JSON with its line ending, in ASCII whatever the mail contains."""
        return self.report.to_json(compact=True, more=self._envelope()).encode("ascii") + b"\n"

    def _envelope(self) -> dict[str, object]:
        return {"envelope": {"sender": self.sender, "recipients": list(self.recipients)}}
