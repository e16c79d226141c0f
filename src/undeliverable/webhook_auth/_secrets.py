"""Secrets, proofs and errors of webhook authentication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from undeliverable import UndeliverableError

__all__ = [
    "BadSignature",
    "Basic",
    "CertificateNeeded",
    "Expired",
    "HeaderSecret",
    "Proof",
    "Replayed",
    "Request",
    "Secret",
    "Sns",
    "Unverifiable",
    "UrlSecret",
    "VerificationError",
]


class VerificationError(UndeliverableError):
    """A request was not proved to come from the service; the endpoint should answer 401 and ignore the body.

    :ivar service: the service's name.
    :ivar detail: what is missing or wrong; it never holds a secret.
    """

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(f"{service}: {detail}")
        self.service = service
        self.detail = detail


class BadSignature(VerificationError):  # noqa: N818 # named for the fault
    """The signature is missing or malformed, or belongs to another body or another key."""


class Expired(VerificationError):  # noqa: N818 # named for the fault
    """The signature is valid but its time is outside the window: the request was replayed, or a clock is wrong."""


class Replayed(VerificationError):  # noqa: N818 # named for the fault
    """The signature is valid but was accepted before."""


class Unverifiable(VerificationError):  # noqa: N818 # named for the fault
    """There is nothing to verify with: the service signs nothing, or the secret does not fit its scheme."""


class CertificateNeeded(Unverifiable):
    """The certificate at ``url`` was not given; the caller can fetch and cache it.

    :ivar url: the certificate's URL, already checked to be Amazon's.
    """

    def __init__(self, service: str, url: str) -> None:
        super().__init__(service, f"the certificate {url} was not given")
        self.url = url


@dataclass(frozen=True, slots=True)
class Basic:
    """Basic authentication (RFC 7617), for any service: username and password before the host of the endpoint's URL."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UrlSecret:
    """A secret in the endpoint's URL, for any service: a whole segment of its path or a whole value of its query."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeaderSecret:
    """A secret in a header, for services that can be configured to send one."""

    header: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sns:
    """The means to verify a request from Amazon SNS.

    :ivar topics: the ARNs of your own topics: anybody can create one, and all are signed with the same key.
    :ivar certificates: Amazon's certificates (PEM) by URL, as far as you have them.
    :ivar allow_sha1: whether to accept signatures of version 1, which use SHA-1.
    """

    topics: frozenset[str]
    certificates: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    allow_sha1: bool = False


Secret = str | bytes | Basic | UrlSecret | HeaderSecret | Sns
"""One secret; text or octets are the key that the service shows you."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that the service sent a request.

    :ivar scheme: the name of the scheme.
    :ivar id: an id to accept only once: store it for the length of the window, and reject it with another body.
    :ivar signed_at: the time of the signature, or None if the scheme has none.
    :ivar covers_body: whether a changed body would have been noticed.
    """

    service: str
    scheme: str
    id: str | None = None
    signed_at: datetime | None = None
    covers_body: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received.

    :ivar headers: by lower-case name.
    :ivar url: the URL as registered with the service, with its userinfo and query.
    """

    service: str
    body: bytes
    headers: Mapping[str, str]
    url: str | None

    def header(self, *names: str) -> str:
        """Return the first of these headers that is present.

        :raises BadSignature: if there is none.
        """
        for name in names:
            if name in self.headers:
                return self.headers[name]
        raise BadSignature(self.service, f"the header {names[0]} is missing")
