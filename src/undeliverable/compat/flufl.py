"""The interface of flufl.bounce: ``scan_message`` and ``all_failures``, answered by :func:`undeliverable.parse`.

flufl.bounce returns sets of octets and knows two words: permanent (this delivery failed) and temporary (it is still tried).
Both are about the message, not about the address: a full mailbox that refused a message is permanent there, and so it is here.
Who counts failures, as mailing list managers do, goes on counting the same thing. What the address is worth is more than
two sets can hold: see :attr:`~undeliverable.verdict.Verdict.bounce_type`.
"""

from __future__ import annotations

from collections.abc import Iterator

from undeliverable import Action, Kind, Report, Verdict, parse
from undeliverable.verdict import INSIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import email.message
    from typing import Final

__all__ = ["all_failures", "scan_message"]

_FAILURES: Final = frozenset((Kind.BOUNCE, Kind.DELAY, Kind.SUPPRESSED))
"""The kinds of reports on a delivery that failed or waits; a complaint or an automatic reply is no failure."""


def scan_message(msg: bytes | email.message.Message) -> frozenset[bytes]:
    """Return the recipients whose delivery failed for good, as octets: a drop-in for ``flufl.bounce.scan_message``.

    :param msg: the message, parsed or as octets.
    :raises TypeError: when `msg` is of another type.
    """
    return all_failures(msg)[1]


def all_failures(msg: bytes | email.message.Message) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the recipients that are still tried, and those that failed: a drop-in for ``flufl.bounce.all_failures``.

    The addresses are those that were mailed, where the report says so. A recipient is in one set at most. Content never
    raises, whatever its octets.

    :param msg: the message, parsed or as octets.
    :raises TypeError: when `msg` is of another type.
    """
    report = parse(msg)
    permanent = frozenset(_addresses(report, Action.FAILED))
    return frozenset(_addresses(report, Action.DELAYED)) - permanent, permanent


def _addresses(report: Report, action: Action) -> Iterator[bytes]:
    if report.kind not in _FAILURES or report.is_own_look_up:
        return
    for verdict in report:
        address = verdict.sent_to or verdict.recipient
        if address is not None and _action(verdict) is action and INSIDE not in verdict.conflicts:
            yield address.encode("utf-8", "surrogateescape")


def _action(verdict: Verdict) -> Action | None:
    """Return what happened; a report in words alone may not say, and then its verdict does."""
    if verdict.action is None and verdict.bounce_type is not None:
        return Action.FAILED
    return verdict.action
