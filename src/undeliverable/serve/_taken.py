"""One line in the log for each message that was taken: `undeliverable serve -v` prints them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final

from undeliverable import Report, Verdict
from undeliverable.model import printable

__all__ = ["log_taken"]

_LOG: Final = logging.getLogger("undeliverable.serve")
_SHOWN: Final = 3  # recipients, and verdicts, of a message
_LONGEST: Final = 80  # characters of an address


def log_taken(entry: str, report: Report, recipients: Sequence[str] = ()) -> None:
    """Log what came in, and what it says, if anybody wants to know.

    :param entry: the entry point: ``api``, ``mail``, ``webhook``.
    :param recipients: the envelope recipients.
    """
    if not _LOG.isEnabledFor(logging.INFO):
        return
    to = f" to {_listed([_short(one) for one in islice(recipients, _SHOWN)], len(recipients))}" if recipients else ""
    said = [_said(verdict) for verdict in islice(report.verdicts, _SHOWN)]
    what = _listed(said, len(report.verdicts)) if said else "no recipients"
    _LOG.info("%s%s: %s; %s", entry, to, report.kind, what)


def _said(verdict: Verdict) -> str:
    words = (verdict.recipient and _short(verdict.recipient), verdict.bounce_type, verdict.reason, verdict.advice)
    proof = None if verdict.proof is None else f"({verdict.proof})"
    return " ".join(str(word) for word in (*words, proof) if word)


def _short(address: str) -> str:
    text = printable(address)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _listed(shown: Sequence[str], number: int) -> str:
    more = f" and {number - len(shown):,} more" if number > len(shown) else ""
    return f"{', '.join(shown)}{more}"
