"""Schemes of a public key: SNS, SendGrid, Postal. They need `cryptography`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from undeliverable.webhook_auth._secrets import (
    BadSignature,
    CertificateNeeded,
    Proof,
    Request,
    Secret,
    Sns,
    Unverifiable,
)
from undeliverable.webhook_auth._shared import decoded, key_of, moment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["certificate_url", "postal", "sendgrid", "sns"]

# Matched whole: a host that merely begins or ends like this may be anybody's.
_CERTIFICATE: Final = re.compile(
    r"https://sns\.[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?"
    r"/SimpleNotificationService-[0-9a-fA-F]{1,64}\.pem"
)
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SUBSCRIPTION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_HEAD: Final = "x-twilio-email-event-webhook-"


def certificate_url(request: Request) -> str:
    """Where the certificate is that an SNS request was signed with.

    :raises BadSignature: when that is no address of Amazon's: it must not be fetched.
    """
    url = decoded(request).get("SigningCertURL")
    if not isinstance(url, str) or _CERTIFICATE.fullmatch(url) is None:
        raise BadSignature(request.service, "SigningCertURL is no address of Amazon SNS")
    return url


def sns(request: Request, secret: Secret, now: datetime) -> Proof:
    """RSA over the envelope's fields; only your own topics count, since Amazon signs those of strangers as well."""
    if not isinstance(secret, Sns):
        raise Unverifiable(request.service, "expected Sns(topics, certificates)")
    if not secret.topics:
        raise Unverifiable(request.service, "no topic is allowed")
    body = decoded(request)
    fields = {name: value for name, value in body.items() if isinstance(value, str)}
    if fields.get("TopicArn") not in secret.topics:
        raise BadSignature(request.service, "TopicArn is none of yours")
    version = fields.get("SignatureVersion")
    if version != "2" and not (version == "1" and secret.allow_sha1):
        raise BadSignature(request.service, f"SignatureVersion {str(version)[:8]!r} is not allowed")
    url = certificate_url(request)
    if url not in secret.certificates:
        raise CertificateNeeded(request.service, url)
    names = _NOTIFICATION if fields.get("Type") == "Notification" else _SUBSCRIPTION
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    key = _certified(request, secret.certificates[url], now)
    _check_rsa(request, key, fields.get("Signature", ""), signed.encode("utf-8", "replace"), sha1=version == "1")
    return Proof(request.service, "sns", fields.get("MessageId"), moment(request, fields.get("Timestamp")))


def sendgrid(request: Request, secret: Secret) -> Proof:
    """ECDSA P-256 over timestamp and body; the key is the base64 that the settings show."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    key = _loaded(request, key_of(request, secret))
    if not isinstance(key, EllipticCurvePublicKey):
        raise Unverifiable(request.service, "the key is none of an elliptic curve")
    signature, timestamp = request.header(f"{_HEAD}signature"), request.header(f"{_HEAD}timestamp")
    try:
        key.verify(_octets(request, signature), timestamp.encode("utf-8", "replace") + request.body, ECDSA(SHA256()))
    except InvalidSignature:
        raise BadSignature(request.service, "the signature is wrong for this key, time and body") from None
    # An ECDSA signature can be rewritten without the key: what was signed is what is used once.
    return Proof(request.service, "ecdsa-p256", _digest(timestamp, request.body), moment(request, timestamp))


def postal(request: Request, secret: Secret) -> Proof:
    """RSA over the body: SHA-256 where the server sends that, else SHA-1."""
    key = _loaded(request, key_of(request, secret))
    sha1 = "x-postal-signature-256" not in request.headers
    signature = request.header("x-postal-signature" if sha1 else "x-postal-signature-256")
    _check_rsa(request, key, signature, request.body, sha1=sha1)
    return Proof(request.service, "rsa", _digest("", request.body), moment(request, decoded(request).get("timestamp")))


def _digest(timestamp: str, body: bytes) -> str:
    return hashlib.sha256(timestamp.encode("utf-8", "replace") + body).hexdigest()


def _check_rsa(request: Request, key: PublicKeyTypes, signature: str, signed: bytes, *, sha1: bool) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    if not isinstance(key, RSAPublicKey):
        raise Unverifiable(request.service, "the key is no RSA key")
    try:
        key.verify(_octets(request, signature), signed, PKCS1v15(), SHA1() if sha1 else SHA256())  # noqa: S303 # theirs
    except InvalidSignature:
        raise BadSignature(request.service, "the signature is wrong for this key and body") from None


def _octets(request: Request, signature: str) -> bytes:
    try:
        return base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(request.service, "the signature is no base64") from None


def _loaded(request: Request, text: bytes) -> PublicKeyTypes:
    """A public key in PEM or base64 DER."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    try:
        if text.lstrip().startswith(b"-----"):
            return load_pem_public_key(text)
        return load_der_public_key(base64.b64decode(text))
    except (ValueError, UnsupportedAlgorithm):
        raise Unverifiable(request.service, "the secret is no public key") from None


def _certified(request: Request, certificate: bytes, now: datetime) -> PublicKeyTypes:
    """The key of a certificate that is valid now."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = load_pem_x509_certificate(certificate)
        key = found.public_key()
    except ValueError:
        raise Unverifiable(request.service, "what was given for the certificate is none") from None
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise BadSignature(request.service, "the certificate is not valid at this time")
    return key
