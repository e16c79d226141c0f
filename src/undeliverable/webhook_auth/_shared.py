"""Schemes with a shared secret: HMACs and digests, passwords, secrets in a URL or a header.

Every comparison takes constant time. A missing secret is never taken as one that matches anything, and a scheme that
does not cover the body says so in its proof.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from undeliverable import WebhookError
from undeliverable.webhook_auth._secrets import (
    BadSignature,
    Basic,
    HeaderSecret,
    Proof,
    Request,
    Secret,
    Unverifiable,
    UrlSecret,
)
from undeliverable.webhooks import Form, read_body

__all__ = [
    "basic",
    "decoded",
    "header_secret",
    "in_address",
    "key_of",
    "mailersend",
    "mailgun",
    "mandrill",
    "moment",
    "svix",
    "unisender",
]

_AUTH: Final = re.compile(rb'"auth"\s{0,8}:\s{0,8}"([0-9a-fA-F]{32})"')


def key_of(request: Request, secret: Secret) -> bytes:
    """Return the key as octets.

    :raises Unverifiable: if the secret is of another kind, or empty.
    """
    if isinstance(secret, str | bytes) and secret:
        return secret.encode() if isinstance(secret, str) else secret
    raise Unverifiable(request.service, f"expected a key, a non-empty str or bytes, not {type(secret).__name__}")


def same(one: str | bytes, other: str | bytes) -> bool:
    """Return whether both are equal, in a time that does not reveal where they differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one,
        other.encode("utf-8", "surrogatepass") if isinstance(other, str) else other,
    )


def decoded(request: Request) -> dict[str, object]:
    """Decode the signed body to an object.

    :raises BadSignature: if it is not an object, which the service cannot have signed.
    """
    try:
        value = read_body(request.service, request.body, request.headers.get("content-type"))
    except WebhookError as error:
        raise BadSignature(request.service, error.detail) from None
    if isinstance(value, Form):
        return dict(value.last())
    if not isinstance(value, dict):
        raise BadSignature(request.service, "the body is not an object")
    return cast("dict[str, object]", value)


def moment(request: Request, value: object) -> datetime:
    """Return the time of a signature: seconds since 1970, or ISO 8601.

    :raises BadSignature: if it is neither.
    """
    text = str(value)[:64]
    try:
        try:
            return datetime.fromtimestamp(float(text), UTC)
        except ValueError:
            date = datetime.fromisoformat(text)
            return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        raise BadSignature(request.service, "the time is neither seconds since 1970 nor ISO 8601") from None


# ----------------------------------------------------------------------------------------------------------------
# For any service


def basic(request: Request, secret: Basic) -> Proof:
    """Verify basic authentication (RFC 7617)."""
    scheme, _, value = request.header("authorization").partition(" ")
    try:
        given = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    wanted = f"{secret.username}:{secret.password}".encode()
    if not secret.password:
        raise Unverifiable(request.service, "an empty password proves nothing")
    if not same(given, wanted) or scheme.lower() != "basic":
        raise BadSignature(request.service, "wrong username or password")
    return Proof(request.service, "basic", covers_body=False)


def in_address(request: Request, secret: UrlSecret) -> Proof:
    """Verify that a segment of the path or the value of a parameter is the secret."""
    if not secret.secret or request.url is None:
        raise Unverifiable(request.service, "UrlSecret needs a non-empty secret and the argument url")
    try:
        parts = urlsplit(request.url)
        values = [value for _, value in parse_qsl(parts.query, max_num_fields=100)]
    except ValueError:
        raise BadSignature(request.service, "the url cannot be parsed") from None
    given = [*map(unquote, parts.path.split("/")), *values]
    if not any(same(one, secret.secret) for one in given):
        raise BadSignature(request.service, "the secret is not in the url")
    return Proof(request.service, "address", covers_body=False)


def header_secret(request: Request, secret: HeaderSecret) -> Proof:
    """Verify that a header holds the secret, with or without ``Bearer`` before it (RFC 6750)."""
    if not secret.secret:
        raise Unverifiable(request.service, "an empty secret proves nothing")
    given = request.header(secret.header.lower())
    bearer = given[7:] if given[:7].lower() == "bearer " else given
    if not (same(given, secret.secret) | same(bearer, secret.secret)):
        raise BadSignature(request.service, f"wrong secret in header {secret.header}")
    return Proof(request.service, "header", covers_body=False)


# ----------------------------------------------------------------------------------------------------------------
# The services' own


def mailgun(request: Request, secret: Secret) -> Proof:
    """Verify HMAC-SHA256 over timestamp and token; the event is not signed: accept a token once, and only over TLS."""
    key = key_of(request, secret)
    body = decoded(request)
    signed = body.get("signature", body) if "event-data" in body else body
    if not isinstance(signed, dict):
        raise BadSignature(request.service, "the body has no signature")
    fields = {name: str(value) for name, value in cast("dict[str, object]", signed).items()}
    token, timestamp = fields.get("token", ""), fields.get("timestamp", "")
    wanted = hmac.new(key, f"{timestamp}{token}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    if not token or not same(fields.get("signature", ""), wanted):
        raise BadSignature(request.service, "the signature in the body is wrong")
    return Proof(request.service, "hmac-sha256", token, moment(request, timestamp), covers_body=False)


def mailersend(request: Request, secret: Secret) -> Proof:
    """Verify HMAC-SHA256 over the body, in hexadecimal digits."""
    key = key_of(request, secret)
    given = request.header("signature")
    wanted = hmac.new(key, request.body, hashlib.sha256).hexdigest()
    if not same(given.strip().lower(), wanted):
        raise BadSignature(request.service, "the header Signature is wrong")
    return Proof(request.service, "hmac-sha256", wanted, moment(request, decoded(request).get("created_at")))


def svix(request: Request, secret: Secret) -> Proof:
    """Verify Standard Webhooks: HMAC-SHA256 over id, timestamp and body; one of the header's signatures must match."""
    key = key_of(request, secret).removeprefix(b"whsec_")
    try:
        key = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise Unverifiable(request.service, "the secret is not base64; expected whsec_...") from None
    id_ = request.header("svix-id", "webhook-id")
    timestamp = request.header("svix-timestamp", "webhook-timestamp")
    signed = f"{id_}.{timestamp}.".encode("utf-8", "replace") + request.body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.partition(",") for one in request.header("svix-signature", "webhook-signature").split()]
    if not any(version == "v1" and same(value, wanted) for version, _, value in given):
        raise BadSignature(request.service, "no signature in the header matches")
    return Proof(request.service, "svix", id_, moment(request, timestamp))


def mandrill(request: Request, secret: Secret) -> Proof:
    """Verify HMAC-SHA1 over the form's sorted fields and the URL as registered with Mandrill, userinfo included."""
    key = key_of(request, secret)
    if request.url is None:
        raise Unverifiable(request.service, "Mandrill signs the URL of the endpoint; the argument url is missing")
    given = request.header("x-mandrill-signature")
    fields = decoded(request)
    text = request.url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    wanted = base64.b64encode(hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha1).digest()).decode()
    if not same(given.strip(), wanted):
        raise BadSignature(request.service, "X-Mandrill-Signature is wrong for this key, url and form")
    return Proof(request.service, "hmac-sha1", wanted, _newest(request, fields.get("mandrill_events")))


def _newest(request: Request, events: object) -> datetime | None:
    """Return the date of the newest signed event; None for a test request, which has no events."""
    try:
        found = json.loads(str(events))
    except (ValueError, RecursionError):
        raise BadSignature(request.service, "mandrill_events is not JSON") from None
    items = cast("list[object]", found if isinstance(found, list) else [])
    times = [cast("dict[str, object]", item).get("ts") for item in items if isinstance(item, dict)]
    return max((moment(request, time) for time in times), default=None)


def unisender(request: Request, secret: Secret) -> Proof:
    """Verify the MD5 of the body, computed with the API key in place of the digest."""
    key = key_of(request, secret)
    found = list(_AUTH.finditer(request.body))
    if len(found) != 1:
        raise BadSignature(request.service, f"expected exactly one auth in the body, found {len(found)}")
    start, end = found[0].span(1)
    wanted = hashlib.md5(request.body[:start] + key + request.body[end:], usedforsecurity=False).hexdigest()
    if not same(found[0][1].decode("ascii").lower(), wanted):
        raise BadSignature(request.service, "auth is wrong")
    times = re.findall(rb'"event_time"\s{0,8}:\s{0,8}"([0-9 T:.+-]{10,32}Z?)"', request.body)
    newest = max((moment(request, time.decode("ascii")) for time in times), default=None)
    return Proof(request.service, "md5", wanted, newest)
