"""What happened to the mail of a day: totals, hours, domains, reasons with the reply seen most, and what changed.

:class:`SummaryCounter` counts reports one by one in bounded memory and makes a :class:`Summary`, a value that can be saved
as JSON. :func:`changes` compares two of them, and :func:`decide` says whether the rates are a reason to watch or to pause.
No address is kept. No clock, no network, no files.
"""

from __future__ import annotations

from undeliverable.summary._changes import Change, changes
from undeliverable.summary._count import SummaryCounter, time_of
from undeliverable.summary._decision import Decided, decide
from undeliverable.summary._masked import masked
from undeliverable.summary._numbers import Numbers, outcome_of
from undeliverable.summary._record import ListNews, ReasonCount, Span, Summary
from undeliverable.summary._stamps import stamp_of

__all__ = [
    "Change",
    "Decided",
    "ListNews",
    "Numbers",
    "ReasonCount",
    "Span",
    "Summary",
    "SummaryCounter",
    "changes",
    "decide",
    "masked",
    "outcome_of",
    "stamp_of",
    "time_of",
]
