"""Authentication of webhook requests: proof that a service sent a request; see :func:`verify`.

There is no network access and no state. The caller supplies certificates, and stores :attr:`Proof.id` to accept each
request only once. Each service has its own scheme; a password or a secret in the URL or a header works for all. Schemes
with public keys need the extra ``webhooks``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from undeliverable.errors import missing_extra
from undeliverable.webhook_auth import _described, _public, _shared
from undeliverable.webhook_auth._secrets import (
    BadSignature,
    Basic,
    CertificateNeeded,
    Expired,
    HeaderSecret,
    Proof,
    Replayed,
    Request,
    Secret,
    Sns,
    Unverifiable,
    UrlSecret,
    VerificationError,
)
from undeliverable.webhooks import SERVICES, Scheme, Service

__all__ = [
    "WINDOWS",
    "BadSignature",
    "Basic",
    "CertificateNeeded",
    "Expired",
    "HeaderSecret",
    "Proof",
    "Replayed",
    "Secret",
    "Sns",
    "Unverifiable",
    "UrlSecret",
    "VerificationError",
    "certificate_url",
    "verify",
]

_SCHEMES: Final[Mapping[str, Callable[[Request, Secret], Proof]]] = MappingProxyType(
    {
        "mailersend": _shared.mailersend,
        "mailgun": _shared.mailgun,
        "mandrill": _shared.mandrill,
        "postal": _public.postal,
        "resend": _shared.svix,
        "sendgrid": _public.sendgrid,
        "unisender_go": _shared.unisender,
    }
)
WINDOWS: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        # Services that sign each attempt anew can be held to minutes; the others repeat one signed request until it is
        # accepted.
        "amazon_ses": timedelta(hours=1),
        "mailersend": timedelta(hours=1),
        "mailgun": timedelta(hours=12),
        "mandrill": timedelta(days=1),
        "postal": timedelta(hours=12),
        "resend": timedelta(minutes=5),
        "sendgrid": timedelta(minutes=10),
        "unisender_go": timedelta(days=1),
    }
)
"""The maximum age of a signature, by service."""
_AHEAD: Final = timedelta(minutes=5)  # tolerance for wrong clocks


def verify(
    name: str | Service,
    body: bytes | str,
    headers: Mapping[str, str],
    secret: Secret | Sequence[Secret] | None,
    *,
    url: str | None = None,
    now: datetime | float | None = None,
    window: timedelta | None = None,
    seen: Container[str] = (),
) -> Proof:
    """Return the proof that the service sent `body`; raise if there is none.

    :param name: the service, one of ``undeliverable.webhooks.names()``, or one that ``webhooks.load_service()`` has read.
    :param body: the body exactly as received: a body that was parsed and serialised again no longer matches.
    :param secret: the service's key, :class:`Sns` for Amazon, or for any service :class:`Basic`, :class:`UrlSecret` or
        :class:`HeaderSecret`. Give several while you rotate a key: one of them has to match.
    :param url: the endpoint's URL as registered with the service, for schemes that need it.
    :param now: the current time, a datetime or seconds since 1970; by default the clock's.
    :param window: the maximum age of a signature; by default the service's in :data:`WINDOWS`.
    :param seen: the :attr:`Proof.id` of all requests accepted before.
    :raises BadSignature: if the signature is missing or wrong.
    :raises Expired: if it is older than the window, or from the future.
    :raises Replayed: if its id is in `seen`.
    :raises Unverifiable: if there is nothing to verify with; :class:`CertificateNeeded` if only the certificate is
        missing.
    """
    octets = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    service = name.name if isinstance(name, Service) else name
    scheme = name.scheme if isinstance(name, Service) else _schemes().get(name)
    request = Request(service, octets, {str(key).lower(): str(value) for key, value in headers.items()}, url)
    moment = _now(now)
    proof = _proved(request, secret, moment, scheme)
    usual = WINDOWS.get(service, _AHEAD) if scheme is None else scheme.window
    _check_time(proof, moment, usual if window is None else window)
    if proof.id is not None and proof.id in seen:
        raise Replayed(service, "this request has been taken before")
    return proof


def certificate_url(body: bytes | str) -> str:
    """Return the URL of the certificate that a request from Amazon SNS was signed with, to fetch it beforehand.

    :raises BadSignature: if that is not a URL of Amazon's.
    """
    octets = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return _public.certificate_url(Request("amazon_ses", octets, {}, None))


def _schemes() -> dict[str, Scheme]:
    return {service.name: service.scheme for service in SERVICES if service.scheme is not None}


def _now(now: datetime | float | None) -> datetime:
    if isinstance(now, datetime):
        return now if now.tzinfo is not None else now.replace(tzinfo=UTC)
    return datetime.fromtimestamp(time.time() if now is None else now, UTC)


def _proved(request: Request, secret: Secret | Sequence[Secret] | None, now: datetime, scheme: Scheme | None) -> Proof:
    if secret is None:
        raise Unverifiable(request.service, "no secret was given")
    if isinstance(secret, str | bytes | Basic | UrlSecret | HeaderSecret | Sns):
        return _proved_by_one(request, secret, now, scheme)
    last: VerificationError = Unverifiable(request.service, "no secret was given")
    for one in secret:
        try:
            return _proved_by_one(request, one, now, scheme)
        except VerificationError as error:
            last = error
    raise last


def _proved_by_one(request: Request, secret: Secret, now: datetime, described: Scheme | None) -> Proof:
    match secret:
        case Basic():
            return _shared.basic(request, secret)
        case UrlSecret():
            return _shared.in_address(request, secret)
        case HeaderSecret():
            return _shared.header_secret(request, secret)
        case _ if described is not None:
            return _described.described(request, secret, described)
        case _:
            return _proved_by_scheme(request, secret, now)


def _proved_by_scheme(request: Request, secret: Secret, now: datetime) -> Proof:
    scheme = _SCHEMES.get(request.service)
    if scheme is None and request.service != "amazon_ses":
        raise Unverifiable(request.service, "the service signs nothing; use Basic, UrlSecret or HeaderSecret")
    try:
        return _public.sns(request, secret, now) if scheme is None else scheme(request, secret)
    except ModuleNotFoundError as error:
        raise Unverifiable(request.service, str(missing_extra(error, __name__))) from None


def _check_time(proof: Proof, now: datetime, window: timedelta) -> None:
    if proof.signed_at is None:
        return
    age = now - proof.signed_at
    if age > window:
        raise Expired(proof.service, f"signed {age} ago, but at most {window} is allowed")
    if -age > _AHEAD:
        raise Expired(proof.service, f"signed {-age} in the future")
