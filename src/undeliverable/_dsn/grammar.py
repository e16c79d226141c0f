"""The patterns that read delivery status fields (RFC 3464), each with its section.

All patterns here are linear: no quantifier stands inside another one over the same characters, and what may repeat is
bounded or ends at a literal. Addresses and dates are read by :mod:`undeliverable._text`, replies by
:mod:`undeliverable._smtp`.
"""

from __future__ import annotations

import re
from typing import Final

from undeliverable._text.lazy import lazy
from undeliverable.model import Action

__all__ = [
    "ACTIONS",
    "FIELD_BEGIN",
    "FIELD_LINE",
    "FOLDED_FIELD",
    "HOST",
    "MESSAGE_GROUP",
    "RECIPIENT_FIELD",
    "RECIPIENT_GROUP",
    "SUPPLEMENT",
    "SUPPLEMENT_REPLY",
    "TESTED",
    "message_group",
    "recipient_group",
]

# --- Delivery status fields, RFC 3464 ---------------------------------------------------------------------------------

# 2.1.2 (RFC 822 3.1.2): a field name is any printable ASCII but the colon; what reports use are letters, digits, "-".
FIELD_LINE: Final = lazy(r"([A-Za-z][A-Za-z0-9_-]{1,60})[ \t]{0,8}:")
# RFC 5965 3 and RFC 8098 3.1.1 write their fields as RFC 5322 2.2 has them: folded lines begin with white space.
FOLDED_FIELD: Final = lazy(r"^([A-Za-z][!-9;-~]{0,75})[ \t]{0,8}:(.*(?:\n[ \t].*)*)", re.MULTILINE)
# The same behind a line end, to split at: the whole, then the name.
FIELD_BEGIN: Final = lazy(r"(\n([A-Za-z][A-Za-z0-9_-]{1,60})[ \t]{0,8}:)")


# The end of a line, before which no blank stands; and a value that may be folded.
_END: Final = r"(?<![ \t])\n"
_FOLDED: Final = rf"[^\n]*+(?:{_END}[ \t][^\n]*+)*+"


def _single(name: str, group: int, value: str = r"[^\n]*+") -> str:
    """Return a field whose value is captured; it must not come twice: then `group` is set."""
    return rf"{name}:[ \t]*+(?({group})(?!))({value}){_END}"


# 2.2 and 2.3: the group of the message, and that of a recipient, in the spelling that nearly all servers use and in any
# order. Extension fields (2.4) may stand anywhere in it; one names the queue.
def message_group(first: int) -> str:
    """Return the group of the message; its captures are numbered from `first` on."""
    names = (
        "Reporting-MTA",
        "Received-From-MTA",
        "Arrival-Date",
        "Original-Envelope-I[Dd]",
        "X-(?:[A-Za-z]++-)?Queue-I[Dd]",
    )
    known = "|".join([_single(name, group) for group, name in enumerate(names, first)])
    return rf"(?:{known}|(?:X-(?![\w-]*-[Qq]ueue-[Ii][Dd]:)[\w-]++|DSN-Gateway):{_FOLDED}{_END}){{0,50}}\n*+"


def recipient_group(first: int) -> str:
    """Return the group of a recipient, without the blank line behind it; its captures are numbered from `first` on."""
    names = ("Final-Recipient", "Original-Recipient", "Action", "Status", "Remote-MTA")
    others = ("Last-Attempt-Date", "Will-Retry-Until", "X-Actual-Recipient")
    known = "|".join(
        [
            *(_single(name, group) for group, name in enumerate(names, first)),
            _single("Diagnostic-Code", first + 5, _FOLDED),
            *(_single(name, group) for group, name in enumerate(others, first + 6)),
        ]
    )
    return rf"(?!X-)(?:{known}|(?:X-(?!Actual-Recipient:)[\w-]++|Final-Log-I[Dd]):{_FOLDED}{_END}){{1,50}}"


MESSAGE_GROUP: Final = lazy(message_group(1), re.ASCII)
RECIPIENT_GROUP: Final = lazy(recipient_group(1) + r"(?:\n++|\Z)", re.ASCII)
# RFC 5321 4.1.2 Domain, as the plain case of an MTA's name.
HOST: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,253}[A-Za-z0-9_-]")
# Field names that prove that delivery status fields stand in plain text.
RECIPIENT_FIELD: Final = lazy(
    r"^([ \t>]{0,8})(?:final|original)-recipient[ \t]{0,2}:", re.ASCII | re.IGNORECASE | re.MULTILINE
)
# An extension field (2.4) of gateways: the host, the status, and the reply that it got.
SUPPLEMENT: Final = lazy(
    r"^x-supplementary-info[ \t]{0,8}:([^\n]*(?:\n[ \t][^\n]*)*)", re.ASCII | re.IGNORECASE | re.MULTILINE
)
SUPPLEMENT_REPLY: Final = lazy(r"(?:\A|[\s;<])([45]\d\d[ -])", re.ASCII)

# 2.3.3: the five actions, and other words that stand in their place.
ACTIONS: Final = {
    **{action.value: action for action in Action},
    "fail": Action.FAILED,
    "failure": Action.FAILED,
    "error": Action.FAILED,
    "expired": Action.FAILED,
    "delay": Action.DELAYED,
    "deferred": Action.DELAYED,
    "success": Action.DELIVERED,
    "relay": Action.RELAYED,
}
TESTED: Final = frozenset(("deliverable", "undeliverable"))
"""Actions of the report on a test, as sendmail -bv asks for: nothing was sent."""
