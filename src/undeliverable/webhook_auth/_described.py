"""Signatures of described services: an HMAC whose header, encoding and text the description names."""

from __future__ import annotations

import base64
import hmac
import re
from typing import Final

from undeliverable.webhook_auth._secrets import BadSignature, Proof, Request, Secret
from undeliverable.webhook_auth._shared import key_of, moment, same, svix
from undeliverable.webhooks import Scheme

__all__ = ["described"]

_PLACE: Final = re.compile(r"\{(body|timestamp|header:[^{}]{1,100})\}")
_BODY: Final = "{body}"
_STANDARD: Final = "standard-webhooks"


def described(request: Request, secret: Secret, scheme: Scheme) -> Proof:
    """Verify a signature as a service's description says."""
    if scheme.scheme == _STANDARD:
        return svix(request, secret)
    key = key_of(request, secret)
    given = request.header(scheme.header).strip()
    digest = hmac.new(key, _signed(request, scheme), scheme.scheme.removeprefix("hmac-"))
    if scheme.encoding == "hex":
        found, wanted = given.removeprefix(scheme.prefix).lower(), digest.hexdigest()
    else:
        found, wanted = given.removeprefix(scheme.prefix), base64.b64encode(digest.digest()).decode()
    if not given.startswith(scheme.prefix) or not same(found, wanted):
        raise BadSignature(request.service, f"the header {scheme.header} is wrong")
    signed_at = moment(request, request.header(scheme.timestamp)) if scheme.timestamp else None
    return Proof(request.service, scheme.scheme, wanted, signed_at, covers_body=_BODY in scheme.signed)


def _signed(request: Request, scheme: Scheme) -> bytes:
    """Return the octets that are signed: a text with the body, the time and headers put in."""
    parts: list[bytes] = []
    at = 0
    for match in _PLACE.finditer(scheme.signed):
        parts.append(scheme.signed[at : match.start()].encode())
        name = match[1]
        if name == "body":
            parts.append(request.body)
        else:
            header = scheme.timestamp if name == "timestamp" else name.removeprefix("header:").strip().lower()
            parts.append(request.header(header).encode("utf-8", "replace"))
        at = match.end()
    parts.append(scheme.signed[at:].encode())
    return b"".join(parts)
