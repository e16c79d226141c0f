"""Addresses before they are sent to: syntax, domain, mail exchangers, slips of the fingers, what is suppressed already.

Needs the extra ``check``. What DNS says is judged by a pure function of the records; the look-ups stand apart. That a
domain takes mail never shows that a mailbox exists: the best that is said of an address is that this is uncertain.
"""

from __future__ import annotations

from undeliverable.check._addresses import Against, Checked, check_addresses
from undeliverable.check._lookups import Lookups
from undeliverable.check._records import Answer, Cause, Finding, Next, Records, judge

__all__ = [
    "Against",
    "Answer",
    "Cause",
    "Checked",
    "Finding",
    "Lookups",
    "Next",
    "Records",
    "check_addresses",
    "judge",
]
