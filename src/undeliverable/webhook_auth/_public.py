"""Schemes with a public key: SNS, SendGrid, Postal. They need `cryptography`."""

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

# Always matched in full: anybody can own a host that merely begins or ends like this.
_CERTIFICATE: Final = re.compile(
    r"https://sns\.[a-z]{2}(?:-[a-z]{1,12}){1,3}-[0-9]{1,2}\.amazonaws\.com(?:\.cn)?"
    r"/SimpleNotificationService-[0-9a-fA-F]{1,64}\.pem"
)
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SUBSCRIPTION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_HEAD: Final = "x-twilio-email-event-webhook-"


def certificate_url(request: Request) -> str:
    """Return the URL of the certificate that an SNS request was signed with.

    :raises BadSignature: if that is not a URL of Amazon's, which must not be fetched.
    """
    url = decoded(request).get("SigningCertURL")
    if not isinstance(url, str) or _CERTIFICATE.fullmatch(url) is None:
        raise BadSignature(request.service, "SigningCertURL is not a URL of Amazon SNS")
    return url


def sns(request: Request, secret: Secret, now: datetime) -> Proof:
    """Verify RSA over the envelope's fields; only your own topics count, since Amazon signs everybody's."""
    if not isinstance(secret, Sns):
        raise Unverifiable(request.service, "expected Sns(topics, certificates)")
    if not secret.topics:
        raise Unverifiable(request.service, "Sns.topics is empty; list your own topics")
    body = decoded(request)
    fields = {name: value for name, value in body.items() if isinstance(value, str)}
    if fields.get("TopicArn") not in secret.topics:
        raise BadSignature(request.service, "TopicArn is not one of your topics")
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
    """Verify ECDSA P-256 over timestamp and body; the key is the base64 shown in SendGrid's settings."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    key = _loaded(request, key_of(request, secret))
    if not isinstance(key, EllipticCurvePublicKey):
        raise Unverifiable(request.service, "the key is not an elliptic-curve public key")
    signature, timestamp = request.header(f"{_HEAD}signature"), request.header(f"{_HEAD}timestamp")
    try:
        key.verify(_octets(request, signature), timestamp.encode("utf-8", "replace") + request.body, ECDSA(SHA256()))
    except InvalidSignature:
        raise BadSignature(request.service, "the signature is wrong for this key, time and body") from None
    # An ECDSA signature can be altered without the key and stay valid, so the id is a digest of what was signed.
    return Proof(request.service, "ecdsa-p256", _digest(timestamp, request.body), moment(request, timestamp))


def postal(request: Request, secret: Secret) -> Proof:
    """Verify RSA over the body: SHA-256 if the server sends it, else SHA-1."""
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
        raise Unverifiable(request.service, "the key is not an RSA public key")
    try:
        key.verify(_octets(request, signature), signed, PKCS1v15(), SHA1() if sha1 else SHA256())  # noqa: S303 # theirs
    except InvalidSignature:
        raise BadSignature(request.service, "the signature is wrong for this key and body") from None


def _octets(request: Request, signature: str) -> bytes:
    try:
        return base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(request.service, "the signature is not base64") from None


def _loaded(request: Request, text: bytes) -> PublicKeyTypes:
    """Load a public key in PEM or base64 DER."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    try:
        if text.lstrip().startswith(b"-----"):
            return load_pem_public_key(text)
        return load_der_public_key(base64.b64decode(text))
    except (ValueError, UnsupportedAlgorithm):
        raise Unverifiable(request.service, "the secret is not a public key in PEM or base64 DER") from None


def _certified(request: Request, certificate: bytes, now: datetime) -> PublicKeyTypes:
    """Return the key of a certificate that is valid at `now`."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = load_pem_x509_certificate(certificate)
        key = found.public_key()
    except ValueError:
        raise Unverifiable(request.service, "the certificate given is not a certificate in PEM") from None
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise BadSignature(request.service, "the certificate is not valid at this time")
    return key
