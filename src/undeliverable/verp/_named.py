"""What a report names: addresses that may have been mailed, tokens, and the Message-ID of the original message.

All of it is written by strangers; nothing here is believed before a signature fits, and everything is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from undeliverable import Kind, Report, Verdict, address_identity
from undeliverable.verp._tokens import Token, Verifier

__all__ = ["message_id_of", "names_of", "tokens_in"]

_MOST: Final = 100  # tokens of a report; a server need not take more recipients (RFC 5321 4.5.3.1.8)
_VALUES: Final = 8  # values of a header field that are read
_LONGEST: Final = 4_096  # characters of a header field that are read
_XTEXT: Final = re.compile(r"(?:\+[0-9A-F]{2})+")  # RFC 3461 4
_FEEDBACK_ID: Final = "cfbl-feedback-id"


def names_of(verdict: Verdict) -> dict[str, str]:
    """Return the addresses of a verdict that may have been mailed, by their identity, the likeliest first."""
    original = verdict.original_recipient
    named = (original, _from_xtext(original), verdict.recipient)
    names: dict[str, str] = {}
    for name in named:
        if name is not None:
            names.setdefault(address_identity(name), name)
    return names


def message_id_of(report: Report) -> str | None:
    """Return the Message-ID of the original message, without angle brackets, or None."""
    returned = report.message.returned
    return ((returned and returned.message_id) or "").strip().strip("<>") or None


def tokens_in(report: Report, addresses: Iterable[str], signer: Verifier) -> list[Token]:
    """Return the tokens that came with a report, each once: in the addresses it was sent to, and what a complaint quotes."""
    texts = (*addresses, *(_quoted(report) if report.kind is Kind.COMPLAINT else ()))
    found = (signer.read(text) for text in texts)
    return list(islice(dict.fromkeys(token for token in found if token is not None), _MOST))


def _quoted(report: Report) -> Iterator[str]:
    """Yield where a complaint repeats the envelope sender or the feedback id of the original message.

    Feedback loops send their reports to an address that is registered with them, not to the return path.
    """
    feedback, returned = report.message.feedback, report.message.returned
    if feedback is not None:
        if feedback.original_mail_from is not None:
            yield feedback.original_mail_from
        yield from _feedback_ids(value for name, value in feedback.fields if name == _FEEDBACK_ID)
    if returned is not None:
        yield from islice(returned.headers("return-path"), _VALUES)
        yield from _feedback_ids(returned.headers(_FEEDBACK_ID))


def _feedback_ids(values: Iterable[str]) -> Iterator[str]:
    """Yield feedback ids, and their parts between colons.

    White space in them is to be ignored (RFC 9477 4.2), and senders join several ids with colons.
    """
    for value in islice(values, _VALUES):
        whole = "".join(value[:_LONGEST].split())
        yield whole
        if ":" in whole:
            yield from islice(whole.split(":"), _VALUES)


def _from_xtext(address: str | None) -> str | None:
    """Return an original recipient decoded from xtext: some servers repeat the parameter ORCPT as it was (RFC 3461 4.2)."""
    if address is None or "+" not in address:
        return address
    return _XTEXT.sub(lambda run: bytes.fromhex(run[0].replace("+", "")).decode(errors="replace"), address)
