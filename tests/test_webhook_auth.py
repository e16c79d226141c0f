"""Signatures: valid, a bit flipped, too old, used before, another key, for every scheme."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import UndeliverableError
from undeliverable.webhook_auth import (
    WINDOWS,
    BadSignature,
    Basic,
    CertificateNeeded,
    Expired,
    HeaderSecret,
    Proof,
    Replayed,
    Secret,
    Sns,
    Unverifiable,
    UrlSecret,
    VerificationError,
    certificate_url,
    verify,
)
from undeliverable.webhooks import SERVICES, names

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STAMP: Final = str(int(NOW.timestamp()))
TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE: Final = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
URL: Final = "https://user:pass@hooks.example.com/webhooks/mandrill?a=b"

RSA_KEY, RSA_OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC_KEY, EC_OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    octets = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(octets).decode()


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, start: datetime = NOW) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start - timedelta(days=30))
        .not_valid_after(start + timedelta(days=30))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CERTIFICATES: Final = {id(key): certificate(key) for key in (RSA_KEY, RSA_OTHER)}


@dataclass(frozen=True)
class Signed:
    """A request, and how to make the same at another time or with another key."""

    service: str
    body: bytes
    headers: dict[str, str]
    secret: Secret
    url: str | None = None

    def verify(self, **more: Any) -> Proof:
        return verify(self.service, self.body, self.headers, self.secret, url=self.url, now=NOW, **more)


def hexmac(key: str, text: bytes) -> str:
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


def mailgun(when: datetime, key: str) -> Signed:
    stamp = str(int(when.timestamp()))
    signature = {"timestamp": stamp, "token": "t" * 50, "signature": hexmac(key, f"{stamp}{'t' * 50}".encode())}
    return Signed("mailgun", json.dumps({"signature": signature, "event-data": {}}).encode(), {}, "secret")


def mailgun_form(when: datetime, key: str) -> Signed:
    stamp = str(int(when.timestamp()))
    fields = {"event": "bounced", "timestamp": stamp, "token": "t" * 50}
    body = urlencode({**fields, "signature": hexmac(key, f"{stamp}{'t' * 50}".encode())}).encode()
    return Signed("mailgun", body, {}, "secret")


def mailersend(when: datetime, key: str) -> Signed:
    body = json.dumps({"type": "activity.sent", "created_at": when.isoformat(), "data": {}}).encode()
    return Signed("mailersend", body, {"Signature": hexmac(key, body)}, "secret")


def resend(when: datetime, key: str) -> Signed:
    body, stamp = b'{"type": "email.sent", "data": {}}', str(int(when.timestamp()))
    mac = hmac.new(key.encode(), f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "svix-id": "msg_1",
        "svix-timestamp": stamp,
        "svix-signature": f"v2,AAAA v1,{base64.b64encode(mac).decode()}",
    }
    return Signed("resend", body, headers, "whsec_" + base64.b64encode(b"secret").decode())


def mandrill(when: datetime, key: str) -> Signed:
    fields = {"mandrill_events": json.dumps([{"event": "send", "ts": int(when.timestamp())}, {"ts": 1}]), "a": "1"}
    text = URL + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    mac = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return Signed("mandrill", urlencode(fields).encode(), {"X-Mandrill-Signature": mac}, "secret", URL)


def unisender(when: datetime, key: str) -> Signed:
    template = json.dumps({"auth": "KEY", "events_by_user": [{"event_time": when.strftime("%Y-%m-%d %H:%M:%S")}]})
    digest = hashlib.md5(template.replace("KEY", key).encode()).hexdigest()
    return Signed("unisender_go", template.replace("KEY", digest).encode(), {}, "secret")


def sendgrid(when: datetime, key: str) -> Signed:
    body, stamp = b'[{"event": "bounce"}]', str(int(when.timestamp()))
    private = EC_KEY if key == "secret" else EC_OTHER
    signature = base64.b64encode(private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    head = "X-Twilio-Email-Event-Webhook-"
    return Signed("sendgrid", body, {f"{head}Signature": signature, f"{head}Timestamp": stamp}, der(EC_KEY))


def postal(when: datetime, key: str, *, sha1: bool = False) -> Signed:
    body = json.dumps({"event": "MessageSent", "timestamp": when.timestamp(), "payload": {}}).encode()
    private = RSA_KEY if key == "secret" else RSA_OTHER
    algorithm = hashes.SHA1() if sha1 else hashes.SHA256()
    signature = base64.b64encode(private.sign(body, padding.PKCS1v15(), algorithm)).decode()
    return Signed("postal", body, {"X-Postal-Signature" + ("" if sha1 else "-256"): signature}, der(RSA_KEY))


def postal_sha1(when: datetime, key: str) -> Signed:
    return replace(postal(when, key, sha1=True), secret=pem(RSA_KEY))


def sns(when: datetime, key: str, *, allow_sha1: bool = False, **changed: str) -> Signed:
    fields = {
        "Type": "Notification",
        "MessageId": "m-1",
        "Subject": "Amazon SES",
        "TopicArn": TOPIC,
        "Message": '{"eventType": "Bounce"}',
        "Timestamp": when.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
    } | changed
    order: tuple[str, ...]
    if fields["Type"] == "Notification":
        order = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    else:
        order = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{fields[name]}\n" for name in order if name in fields)
    private = RSA_KEY if key == "secret" else RSA_OTHER
    algorithm = hashes.SHA256() if fields["SignatureVersion"] == "2" else hashes.SHA1()
    fields["Signature"] = base64.b64encode(private.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
    secret = Sns(frozenset({TOPIC}), {CERTIFICATE: CERTIFICATES[id(RSA_KEY)]}, allow_sha1=allow_sha1)
    return Signed("amazon_ses", json.dumps(fields).encode(), {}, secret)


def sns_v1(when: datetime, key: str) -> Signed:
    return sns(when, key, allow_sha1=True, SignatureVersion="1")


def confirmation(when: datetime, key: str) -> Signed:
    return sns(when, key, Type="SubscriptionConfirmation", SubscribeURL="https://sns.example", Token="t")


Scheme = Callable[[datetime, str], Signed]
SCHEMES: Final[list[Scheme]] = [
    mailgun, mailgun_form, mailersend, resend, mandrill, unisender, sendgrid, postal, postal_sha1, sns, sns_v1, confirmation,
]  # fmt: skip
# Mailgun signs its token alone: this is what a flipped bit in the event does not change.
BODY_SIGNED: Final = [scheme for scheme in SCHEMES if not scheme.__name__.startswith("mailgun")]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)


@every_scheme
class TestSchemes:
    def test_valid(self, scheme: Scheme) -> None:
        signed = scheme(NOW, "secret")
        proof = signed.verify()
        assert proof.service == signed.service
        assert proof.signed_at == NOW
        assert proof.id
        assert proof.covers_body is (signed.service != "mailgun")

    def test_valid_as_text_and_among_others(self, scheme: Scheme) -> None:
        signed = scheme(NOW, "secret")
        secrets = ["wrong", signed.secret]
        proof = verify(
            signed.service, signed.body.decode(), signed.headers, secrets, url=signed.url, now=NOW.timestamp()
        )
        assert proof == signed.verify()

    def test_wrong_key(self, scheme: Scheme) -> None:
        with pytest.raises(BadSignature):
            scheme(NOW, "other").verify()

    def test_expired(self, scheme: Scheme) -> None:
        signed = scheme(NOW - timedelta(days=2), "secret")
        with pytest.raises(Expired, match="at most"):
            signed.verify()
        assert signed.verify(window=timedelta(days=3)).service == signed.service

    def test_from_the_future(self, scheme: Scheme) -> None:
        with pytest.raises(Expired, match="in the future"):
            scheme(NOW + timedelta(hours=1), "secret").verify()

    def test_replayed(self, scheme: Scheme) -> None:
        signed = scheme(NOW, "secret")
        id_ = signed.verify().id
        assert id_ is not None
        with pytest.raises(Replayed):
            signed.verify(seen={id_})

    def test_no_signature(self, scheme: Scheme) -> None:
        signed = scheme(NOW, "secret")
        body = b"{}" if not signed.headers else signed.body
        with pytest.raises(BadSignature):
            verify(signed.service, body, {}, signed.secret, url=signed.url, now=NOW)

    @pytest.mark.parametrize("secret", [None, "", b"", []])
    def test_no_secret(self, scheme: Scheme, secret: Any) -> None:
        signed = scheme(NOW, "secret")
        with pytest.raises(Unverifiable):
            verify(signed.service, signed.body, signed.headers, secret, url=signed.url, now=NOW)

    def test_signature_of_rubbish(self, scheme: Scheme) -> None:
        signed = scheme(NOW, "secret")
        headers = {name: "ä!" if "ignature" in name else value for name, value in signed.headers.items()}
        body = signed.body if headers else b"{"
        with pytest.raises(BadSignature):
            verify(signed.service, body, headers, signed.secret, url=signed.url, now=NOW)


@pytest.mark.parametrize("scheme", BODY_SIGNED, ids=lambda scheme: scheme.__name__)
@settings(deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit(scheme: Scheme, position: int, bit: int) -> None:
    signed = scheme(NOW, "secret")
    body = bytearray(signed.body)
    body[position % len(body)] ^= 1 << bit
    try:
        proof = verify(signed.service, bytes(body), signed.headers, signed.secret, url=signed.url, now=NOW)
    except VerificationError:
        return
    # What SNS and Mandrill sign are values: a bit elsewhere, in a name that is not signed or in white space, changes nothing.
    assert proof == signed.verify()
    assert signed.service in {"amazon_ses", "mandrill", "unisender_go"}
    assert changed_nothing(signed, bytes(body))


def changed_nothing(signed: Signed, body: bytes) -> bool:
    if signed.service == "amazon_ses":
        before, after = json.loads(signed.body), json.loads(body.decode(errors="replace"))
        return all(after[name] == before[name] for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    return body.lower() == signed.body.lower() or signed.service == "mandrill"


class TestMailgun:
    def test_another_event_with_the_same_token(self) -> None:
        signed = mailgun(NOW, "secret")
        body = json.loads(signed.body)
        body["event-data"] = {"event": "failed"}
        proof = replace(signed, body=json.dumps(body).encode()).verify()
        assert not proof.covers_body
        assert proof.id == signed.verify().id

    def test_a_flipped_bit_in_the_token(self) -> None:
        signed = mailgun(NOW, "secret")
        with pytest.raises(BadSignature):
            replace(signed, body=signed.body.replace(b"ttt", b"ttu", 1)).verify()

    def test_a_signature_that_is_no_object(self) -> None:
        with pytest.raises(BadSignature, match="no signature"):
            verify("mailgun", b'{"event-data": {}, "signature": 1}', {}, "secret", now=NOW)


class TestSns:
    @pytest.mark.parametrize(
        "url",
        [
            "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem",
            "https://evil.example/https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com/evil/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem?x",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem\n",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-..%2f.pem",
            "https://sns.evil.amazonaws.com/SimpleNotificationService-00.pem",
            "https://bucket.sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-00.pem",
            "",
        ],
    )
    def test_addresses_of_somebody_else(self, url: str) -> None:
        with pytest.raises(BadSignature, match="SigningCertURL"):
            sns(NOW, "secret", SigningCertURL=url).verify()

    @pytest.mark.parametrize(
        "url",
        [
            CERTIFICATE,
            "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-AB.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-12.pem",
        ],
    )
    def test_addresses_of_amazon(self, url: str) -> None:
        assert certificate_url(json.dumps({"SigningCertURL": url})) == url

    def test_the_certificate_has_to_be_given(self) -> None:
        other = CERTIFICATE.replace("0123", "4567")
        with pytest.raises(CertificateNeeded) as caught:
            sns(NOW, "secret", SigningCertURL=other).verify()
        assert caught.value.url == other

    def test_topics_of_strangers(self) -> None:
        with pytest.raises(BadSignature, match="TopicArn"):
            sns(NOW, "secret", TopicArn=TOPIC + "2").verify()

    def test_no_topics(self) -> None:
        with pytest.raises(Unverifiable, match="topic"):
            replace(sns(NOW, "secret"), secret=Sns(frozenset())).verify()

    @pytest.mark.parametrize("version", ["1", "3", ""])
    def test_versions(self, version: str) -> None:
        with pytest.raises(BadSignature, match="SignatureVersion"):
            sns(NOW, "secret", SignatureVersion=version).verify()

    def test_a_key_of_another_kind(self) -> None:
        with pytest.raises(Unverifiable, match="Sns"):
            replace(sns(NOW, "secret"), secret="text").verify()

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            (b"rubbish", Unverifiable),
            (certificate(EC_KEY), Unverifiable),
            (certificate(RSA_KEY, NOW - timedelta(days=90)), BadSignature),
            (certificate(RSA_KEY, NOW + timedelta(days=90)), BadSignature),
            (CERTIFICATES[id(RSA_OTHER)], BadSignature),
        ],
    )
    def test_certificates_that_do_not_do(self, given: bytes, error: type[VerificationError]) -> None:
        with pytest.raises(error):
            replace(sns(NOW, "secret"), secret=Sns(frozenset({TOPIC}), {CERTIFICATE: given})).verify()

    @pytest.mark.parametrize("stamp", ["", "soon", "99999999999999999999"])
    def test_times_that_are_none(self, stamp: str) -> None:
        with pytest.raises(BadSignature, match="time"):
            sns(NOW, "secret", Timestamp=stamp).verify()


class TestKeys:
    @pytest.mark.parametrize("secret", ["rubbish", "-----BEGIN PUBLIC KEY-----", b"\xff"])
    @pytest.mark.parametrize("scheme", [sendgrid, postal])
    def test_no_key(self, scheme: Scheme, secret: Secret) -> None:
        with pytest.raises(Unverifiable, match="public key"):
            replace(scheme(NOW, "secret"), secret=secret).verify()

    def test_a_key_of_another_kind(self) -> None:
        with pytest.raises(Unverifiable, match="elliptic"):
            replace(sendgrid(NOW, "secret"), secret=der(RSA_KEY)).verify()
        with pytest.raises(Unverifiable, match="RSA"):
            replace(postal(NOW, "secret"), secret=der(EC_KEY)).verify()

    def test_without_cryptography(self, monkeypatch: pytest.MonkeyPatch) -> None:
        signed = sendgrid(NOW, "secret")
        monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
        with pytest.raises(Unverifiable, match=r"undeliverable\[webhooks\]"):
            signed.verify()

    def test_a_svix_secret_that_is_none(self) -> None:
        with pytest.raises(Unverifiable, match="whsec"):
            replace(resend(NOW, "secret"), secret="whsec_?").verify()

    def test_mandrill_needs_the_address(self) -> None:
        with pytest.raises(Unverifiable, match="url"):
            replace(mandrill(NOW, "secret"), url=None).verify()
        with pytest.raises(BadSignature):
            replace(mandrill(NOW, "secret"), url=URL.replace("user:pass@", "")).verify()


def test_mandrill_without_events_and_with_rubbish() -> None:
    def signed(events: str) -> Signed:
        mac = hmac.new(b"secret", f"{URL}mandrill_events{events}".encode(), hashlib.sha1).digest()
        body = urlencode({"mandrill_events": events}).encode()
        return Signed("mandrill", body, {"X-Mandrill-Signature": base64.b64encode(mac).decode()}, "secret", URL)

    assert signed("[]").verify().signed_at is None
    assert signed("{}").verify().signed_at is None
    with pytest.raises(BadSignature, match="JSON"):
        signed("[").verify()


def test_a_body_that_is_a_list() -> None:
    body = b"[]"
    with pytest.raises(BadSignature, match="not an object"):
        verify("mailersend", body, {"signature": hexmac("secret", body)}, "secret", now=NOW)


def test_unisender_with_two_digests() -> None:
    body = b'{"auth": "' + b"0" * 32 + b'", "auth": "' + b"0" * 32 + b'"}'
    with pytest.raises(BadSignature, match="one auth"):
        verify("unisender_go", body, {}, "secret", now=NOW)


SIGNING_HEADERS: Final = """
    authorization signature svix-id svix-timestamp svix-signature x-mandrill-signature x-postal-signature
    x-twilio-email-event-webhook-signature x-twilio-email-event-webhook-timestamp
""".split()  # noqa: SIM905


def basic(value: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(value.encode()).decode()}


class TestWithoutSignatures:
    @pytest.mark.parametrize("name", sorted(one.name for one in SERVICES if one.name not in WINDOWS and not one.scheme))
    def test_a_key_proves_nothing(self, name: str) -> None:
        with pytest.raises(Unverifiable, match="Basic"):
            verify(name, b"{}", {}, "secret", now=NOW)

    @pytest.mark.parametrize("name", names())
    def test_basic(self, name: str) -> None:
        secret = Basic("user", "pass:word")
        assert not verify(name, b"{}", basic("user:pass:word"), secret, now=NOW).covers_body
        for headers in (
            {},
            basic("user:other"),
            basic("user"),
            {"Authorization": "Basic ?"},
            {"Authorization": "Bearer x"},
        ):
            with pytest.raises(BadSignature):
                verify(name, b"{}", headers, secret, now=NOW)
        with pytest.raises(BadSignature):
            verify(
                name,
                b"{}",
                {"Authorization": basic("user:pass:word")["Authorization"].replace("Basic", "Bearer")},
                secret,
                now=NOW,
            )
        with pytest.raises(Unverifiable):
            verify(name, b"{}", basic("user:"), Basic("user", ""), now=NOW)

    @pytest.mark.parametrize(
        "url", ["https://example.com/hooks/s%33cret/azure", "https://example.com/?code=s3cret", "/s3cret"]
    )
    def test_in_the_address(self, url: str) -> None:
        assert verify("azure", b"{}", {}, UrlSecret("s3cret"), url=url, now=NOW).scheme == "address"

    @pytest.mark.parametrize(
        "url", ["https://example.com/s3cret2", "https://s3cret/", "https://[", "?code=s3cre", "/#s3cret"]
    )
    def test_not_in_the_address(self, url: str) -> None:
        with pytest.raises(BadSignature):
            verify("azure", b"{}", {}, UrlSecret("s3cret"), url=url, now=NOW)

    @pytest.mark.parametrize(("secret", "url"), [("", "/"), ("s3cret", None)])
    def test_an_address_that_cannot_prove(self, secret: str, url: str | None) -> None:
        with pytest.raises(Unverifiable):
            verify("azure", b"{}", {}, UrlSecret(secret), url=url, now=NOW)

    def test_in_a_header(self) -> None:
        secret = HeaderSecret("X-Token", "s3cret")
        for value in ("s3cret", "Bearer s3cret", "bearer s3cret"):
            assert verify("brevo", b"{}", {"x-token": value}, secret, now=NOW).scheme == "header"
        for headers in ({}, {"X-Token": "other"}, {"X-Token": "Bearer"}):
            with pytest.raises(BadSignature):
                verify("brevo", b"{}", headers, secret, now=NOW)
        with pytest.raises(Unverifiable):
            verify("brevo", b"{}", {"X-Token": ""}, HeaderSecret("X-Token", ""), now=NOW)


def test_secrets_do_not_show() -> None:
    shown = repr([Basic("user", "p4ss"), UrlSecret("p4ss"), HeaderSecret("X", "p4ss")])
    assert "p4ss" not in shown


def test_the_clock_is_used_unless_a_time_is_given() -> None:
    signed = resend(datetime.now(UTC), "secret")
    for now in (None, datetime.now(UTC).replace(tzinfo=None)):
        assert verify(signed.service, signed.body, signed.headers, signed.secret, now=now).id == "msg_1"


def test_errors_are_this_librarys() -> None:
    assert issubclass(VerificationError, UndeliverableError)
    assert str(BadSignature("x", "y")) == "x: y"


@pytest.mark.parametrize("name", names())
@settings(deadline=None)
@given(body=st.binary(max_size=200), header=st.text(max_size=40))
def test_nothing_else_is_raised(name: str, body: bytes, header: str) -> None:
    headers = dict.fromkeys(SIGNING_HEADERS, header)
    key: Any = {"sendgrid": der(EC_KEY), "postal": der(RSA_KEY), "amazon_ses": Sns(frozenset({TOPIC}))}.get(
        name, "c2VjcmV0"
    )
    for secret in (key, Basic("a", "b"), UrlSecret("x")):
        with pytest.raises(VerificationError):
            verify(name, body, headers, secret, url="/", now=NOW)
