"""Check addresses before a send: syntax, domain, mail exchangers, typos, duplicates, and the suppression list.

Needs the extra ``check``. DNS records are judged by a pure function, separate from the look-ups. A domain that accepts
mail does not prove that a mailbox exists: the best result for an address is that its existence is uncertain.
"""

from __future__ import annotations

from undeliverable.errors import missing_extra

try:
    from undeliverable.check._addresses import Against, Checked, check_addresses
    from undeliverable.check._canaries import ResolverError, canary_domains
    from undeliverable.check._lookups import Lookups
    from undeliverable.check._marks import Mark, Marker
    from undeliverable.check._records import Answer, Cause, Finding, Next, Records, judge
except ModuleNotFoundError as error:
    raise missing_extra(error, __name__) from None

__all__ = [
    "Against",
    "Answer",
    "Cause",
    "Checked",
    "Finding",
    "Lookups",
    "Mark",
    "Marker",
    "Next",
    "Records",
    "ResolverError",
    "canary_domains",
    "check_addresses",
    "judge",
]
