"""Unsubscribing by one click (RFC 8058): the request of a mailbox provider becomes a report, proved by its token.

The link in a message holds a token that the caller's signer made for the recipient. Only a POST that says so
unsubscribes; whatever fetches the link, such as a scanner, gets a page with a button.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from undeliverable import Advice, Kind, Proof, Report
from undeliverable.proof import Prover

__all__ = ["ASK", "DONE", "LATER", "UNKNOWN", "is_one_click", "page", "unsubscribed"]

_FIELD: Final = "List-Unsubscribe"
_VALUE: Final = "One-Click"
_MOST: Final = 100  # fields of a form
_HEADER: Final = 1000  # octets of the header of one

DONE: Final = "You are unsubscribed."
LATER: Final = "This does not work just now. Please try again later."
UNKNOWN: Final = "This link is not valid."
ASK: Final = (
    "Do you want to unsubscribe?"
    f'<form method="post"><button name="{_FIELD}" value="{_VALUE}">Unsubscribe</button></form>'
)


def page(content: str) -> str:
    """Return a page without anything that has to be fetched; it says nothing about the recipient."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"></head>'
        f"<body><p>{content}</p></body></html>\n"
    )


def is_one_click(body: bytes, content_type: str) -> bool:
    """Return whether a body is ``List-Unsubscribe=One-Click``, as a form of either kind (RFC 8058 3.2)."""
    from urllib.parse import parse_qs

    kind = content_type.partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        found = parse_qs(body.decode("latin-1"), max_num_fields=100) if body.count(b"&") < 100 else {}
        return found.get(_FIELD) == [_VALUE]
    return [value for name, value in _fields(body, content_type) if name == _FIELD] == [_VALUE.encode()]


def _fields(body: bytes, content_type: str) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a form with several parts (RFC 7578), as far as their number and headers are those of a form.

    No parts within parts are looked for: strangers send thousands of them.
    """
    from email.parser import BytesHeaderParser

    read = BytesHeaderParser().parsebytes
    boundary = read(f"Content-Type: {content_type[:_HEADER]}\n\n".encode("latin-1", "replace")).get_boundary()
    if not boundary:
        return
    delimiter = b"\n--" + boundary.encode("latin-1", "replace")
    for part in (b"\n" + body).split(delimiter, _MOST)[1:_MOST]:
        header, _, value = part.replace(b"\r\n", b"\n").lstrip(b" \t").partition(b"\n\n")
        if len(header) <= _HEADER:
            name = read(header.lstrip(b"\n") + b"\n\n").get_param("name", header="content-disposition")
            yield str(name), value.strip()


def unsubscribed(token: str, prover: Prover, now: datetime) -> Report | None:
    """Return the report that a token unsubscribes its recipient, or None if it proves nothing.

    Tokens of links do not grow too old; one that is older than a reactivation of the address is ignored by the list.

    :param prover: knows the keys, and which address a token's id belongs to.
    """
    signer = prover.signer
    read = None if signer is None else signer.read(token)
    if signer is None or read is None:
        return None
    address = prover.address_of(read.id)
    if address is None or signer.refusal(read, address, today=now.date(), kind=Kind.UNSUBSCRIBED) is not None:
        return None
    verdict = {
        "recipient": address,
        "sent_to": address,
        "advice": str(Advice.SUPPRESS),
        "key": hashlib.sha256(f"unsubscribed {read.name} {address}".encode(errors="backslashreplace")).hexdigest(),
        "proof": str(Proof.TOKEN),
        "token": read.name,
    }
    return Report.from_dict(
        {"schema": 2, "kind": str(Kind.UNSUBSCRIBED), "verdicts": [verdict], "received": now.isoformat()}
    )
