"""A page about bounces: rates over time, by reason, by provider and by campaign, and the replies behind them.

The page is one self-contained HTML file that loads nothing and holds no recipient's address. Reports are added to a
:class:`Collector` one by one; :func:`render` makes the page from its :class:`Summary`. No clock, no network; the charts
are drawn by uPlot, which is included with its licence.
"""

from __future__ import annotations

from undeliverable import Report
from undeliverable.report._collect import Advised, Collector, Moment, Refusal, Refused, ReplyCount, Sent, Summary
from undeliverable.report._page import decision_of, render
from undeliverable.report._requirements import Named, Requirement, requirement_of, requirements
from undeliverable.report._snapshot import Counts, Snapshot

__all__ = [
    "Advised", "Collector", "Counts", "Moment", "Named", "Refusal", "Refused", "ReplyCount", "Requirement", "Sent", "Snapshot", "Summary",
    "decision_of", "render", "report_of", "requirement_of", "requirements",
]  # fmt: skip

report_of = Report.from_dict
"""Return the report of a public record, as :meth:`Report.from_dict <undeliverable.verdict.Report.from_dict>` does."""
