"""What a request is proved with, what a proof holds, and how a request fails to be one."""

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
    """A request that was not proved to be the service's; the endpoint should answer 401 and read nothing of it.

    :ivar service: the service's name.
    :ivar detail: what is missing or wrong; it never holds a secret.
    """

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(f"{service}: {detail}")
        self.service = service
        self.detail = detail


class BadSignature(VerificationError):  # noqa: N818 # named for what is the matter
    """The signature is missing, is no signature, or belongs to another body or another key."""


class Expired(VerificationError):  # noqa: N818 # named for what is the matter
    """The signature is good, but from outside the window: sent again by somebody, or a clock is wrong."""


class Replayed(VerificationError):  # noqa: N818 # named for what is the matter
    """The signature is good, but it has been used before."""


class Unverifiable(VerificationError):  # noqa: N818 # named for what is the matter
    """There is nothing to verify with: the service signs nothing, or the secret is none for it."""


class CertificateNeeded(Unverifiable):
    """The certificate at :attr:`url` was not given. The address is Amazon's: it may be fetched, and kept.

    :ivar url: where it is, checked already.
    """

    def __init__(self, service: str, url: str) -> None:
        super().__init__(service, f"the certificate {url} was not given")
        self.url = url


@dataclass(frozen=True, slots=True)
class Basic:
    """Basic authentication (RFC 7617), for any service: what stands before the host in the endpoint's address."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UrlSecret:
    """A secret in the endpoint's address, for any service: a whole segment of its path or value of its query."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeaderSecret:
    """A secret in a header that the service was told to send, for services that can."""

    header: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sns:
    """What a request of Amazon SNS is proved with.

    :ivar topics: the topics that you have: everybody can have one, and all are signed with the same key.
    :ivar certificates: Amazon's certificates (PEM) by their address, as far as you have them.
    :ivar allow_sha1: whether signatures of version 1, which use SHA-1, are taken as well.
    """

    topics: frozenset[str]
    certificates: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    allow_sha1: bool = False


Secret = str | bytes | Basic | UrlSecret | HeaderSecret | Sns
"""One secret: text or octets is the key that the service shows you."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved.

    :ivar scheme: how, in a word.
    :ivar id: what is used once; keep it as long as the window is, and refuse it when it comes with another body.
    :ivar signed_at: when the service signed it, where it says so.
    :ivar covers_body: whether a changed body would have been noticed.
    """

    service: str
    scheme: str
    id: str | None = None
    signed_at: datetime | None = None
    covers_body: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.

    :ivar headers: by lower-case name.
    :ivar url: the address as the service was given it, with its userinfo and query.
    """

    service: str
    body: bytes
    headers: Mapping[str, str]
    url: str | None

    def header(self, *names: str) -> str:
        """The first of these headers that is there.

        :raises BadSignature: when there is none of them.
        """
        for name in names:
            if name in self.headers:
                return self.headers[name]
        raise BadSignature(self.service, f"no header {names[0]}")
