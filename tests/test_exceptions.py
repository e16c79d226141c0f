"""What SMTP clients raise and return: the real ones against a scripted server, and shapes that no client has."""

from __future__ import annotations

import asyncio
import importlib.util
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import aiosmtplib
import pytest
from aiosmtpd.controller import Controller
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp_script import DROP, scripted
from undeliverable import Verdict, from_exception, from_refused
from undeliverable.model import Command
from undeliverable.reasons import Advice, BounceType, Reason

MESSAGE: Final = b"From: news@example.net\r\nTo: kim@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n"
KIM, LEE, MAX = "kim@example.org", "lee@example.org", "max@example.org"
Sent = Callable[[int, list[str]], tuple[Verdict, ...]]


def by_smtplib(port: int, recipients: list[str], **options: Any) -> tuple[Verdict, ...]:
    try:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.example.net", timeout=60) as client:
            if "login" in options:
                client.login("kim", "secret")
            if "starttls" in options:
                client.starttls(context=ssl.create_default_context())
            refused = client.sendmail("news@example.net", recipients, MESSAGE)
    except (smtplib.SMTPException, OSError) as error:
        return from_exception(error)
    return from_refused(refused)


def by_aiosmtplib(port: int, recipients: list[str], **options: Any) -> tuple[Verdict, ...]:
    async def send() -> tuple[Verdict, ...]:
        more: dict[str, Any] = {"username": "kim", "password": "secret"} if "login" in options else {}
        try:
            refused, _ = await aiosmtplib.send(
                MESSAGE, sender="news@example.net", recipients=recipients, hostname="127.0.0.1", port=port,
                local_hostname="mx.example.net", start_tls="starttls" in options, timeout=60, **more,
            )  # fmt: skip
        except (aiosmtplib.SMTPException, OSError) as error:
            return from_exception(error)
        return from_refused(refused)

    return asyncio.run(send())


CLIENTS: Final = [pytest.param(by_smtplib, id="smtplib"), pytest.param(by_aiosmtplib, id="aiosmtplib")]
# The step that refuses, the reply, and what the verdict must hold: code, status, command, reason.
REFUSALS: Final[list[tuple[dict[str, str], tuple[int, str | None, str, str]]]] = [
    ({"banner": "554 5.7.1 mx.example.org blocked using zen.spamhaus.org"}, (554, "5.7.1", "connect", "blocklisted")),
    ({"banner": "421-mx.example.org\n421 4.3.2 too many connections"}, (421, "4.3.2", "connect", "rate_limited")),
    ({"ehlo": "501 5.5.4 invalid name"}, (501, "5.5.4", "ehlo", "protocol_error")),
    ({"mail": "550 5.1.8 <news@example.net>: domain not found"}, (550, "5.1.8", "mail", "sender_rejected")),
    ({"mail": "451-4.7.1 greylisted,\n451 4.7.1 come back later"}, (451, "4.7.1", "mail", "greylisted")),
    ({"rcpt": "550-5.1.1 The account\n550 5.1.1 does not exist"}, (550, "5.1.1", "rcpt", "user_unknown")),
    ({"rcpt": "452 4.2.2 mailbox full"}, (452, "4.2.2", "rcpt", "mailbox_full")),
    ({"rcpt": "550 Benutzer unbekannt: grüße"}, (550, None, "rcpt", "user_unknown")),
    ({"data": "554 5.7.1 no mail from you today: rejected as spam"}, (554, "5.7.1", "data", "spam_content")),
    ({"data": "451 4.3.0 try again"}, (451, "4.3.0", "data", "system_error")),
    ({"end_of_data": "552 5.3.4 message too big"}, (552, "5.3.4", "end_of_data", "message_too_large")),
    ({"end_of_data": "554-5.7.1 This looks\n554 5.7.1 like spam"}, (554, "5.7.1", "end_of_data", "spam_content")),
]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("script", "expected"), REFUSALS, ids=lambda value: next(iter(value), "") if isinstance(value, dict) else ""
)
def test_a_refusal_at_each_step(
    client: Sent, script: dict[str, str], expected: tuple[int, str | None, str, str]
) -> None:
    with scripted(**script) as port:
        (verdict,) = client(port, [KIM])
    found = (
        verdict.reply_code,
        None if verdict.status is None else str(verdict.status),
        verdict.command,
        verdict.reason,
    )
    assert found == expected
    assert verdict.recipient == (KIM if "rcpt" in script else None)
    assert verdict.action is None
    assert verdict.reply == " ".join(next(iter(script.values())).split("\n"))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_refused_login(client: Callable[..., tuple[Verdict, ...]]) -> None:
    with scripted(auth="535 5.7.8 bad credentials") as port:
        (verdict,) = client(port, [KIM], login=True)
    assert (verdict.reply_code, verdict.command, verdict.reason) == (535, "auth", Reason.SECURITY_REQUIRED)


@pytest.mark.parametrize("client", CLIENTS)
def test_tls_that_is_not_offered(client: Callable[..., tuple[Verdict, ...]]) -> None:
    with scripted(ehlo="250 mx.example.org") as port:
        (verdict,) = client(port, [KIM], starttls=True)
    assert (verdict.command, verdict.reason) == ("starttls", Reason.SECURITY_REQUIRED)
    assert verdict.reply_code is None


@pytest.mark.parametrize("client", CLIENTS)
def test_tls_that_is_refused(client: Callable[..., tuple[Verdict, ...]]) -> None:
    with scripted(starttls="454 4.7.0 TLS not available") as port:
        (verdict,) = client(port, [KIM], starttls=True)
    assert (verdict.reply_code, verdict.command) == (454, "starttls")


@pytest.mark.parametrize("client", CLIENTS)
def test_tls_that_fails(client: Callable[..., tuple[Verdict, ...]]) -> None:
    with scripted(starttls="220 Go ahead\nthis is no handshake") as port:
        (verdict,) = client(port, [KIM], starttls=True)
    assert verdict.command == "starttls"
    assert verdict.reply_code is None
    assert verdict.bounce_type is BounceType.SOFT


@pytest.mark.parametrize("client", CLIENTS)
def test_several_recipients_with_different_fates(client: Sent) -> None:
    script = {KIM: "550-5.1.1 no such\n550 5.1.1 user", MAX: "452 4.2.2 mailbox full"}
    with scripted(**script) as port:
        some = client(port, [KIM, LEE, MAX])
        all_of_them = client(port, [KIM, MAX])
    for verdicts in (some, all_of_them):
        assert [(one.recipient, one.reply_code, str(one.status), one.command, one.advice) for one in verdicts] == [
            (KIM, 550, "5.1.1", Command.RCPT, Advice.SUPPRESS),
            (MAX, 452, "4.2.2", Command.RCPT, Advice.RETRY),
        ]


@pytest.mark.parametrize("client", CLIENTS)
def test_everybody_taken(client: Sent) -> None:
    with scripted() as port:
        assert client(port, [KIM, LEE]) == ()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("step", ["banner", "ehlo", "mail", "rcpt", "data", "end_of_data"])
def test_a_connection_that_is_lost(client: Sent, step: str) -> None:
    with scripted(**{step: DROP}) as port:
        (verdict,) = client(port, [KIM])
    assert verdict.command == {"banner": "connect"}.get(step, step)
    assert (verdict.reply_code, str(verdict.status)) == (None, "4.4.2")
    assert (verdict.reason, verdict.advice) == (Reason.NETWORK_ERROR, Advice.RETRY)


@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_listens(client: Sent) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (verdict,) = client(taken.getsockname()[1], [KIM])
    assert (verdict.command, str(verdict.status), verdict.reason) == ("connect", "4.4.1", Reason.NETWORK_ERROR)


def test_an_application_of_aiosmtpd_that_refuses_one() -> None:
    class Handler:
        async def handle_RCPT(self, _: object, __: object, envelope: Any, address: str, ___: object) -> str:  # noqa: N802
            if address == KIM:
                return "550 5.2.1 mailbox disabled"
            envelope.rcpt_tos.append(address)
            return "250 Ok"

        async def handle_DATA(self, *_: object) -> str:  # noqa: N802
            return "250 Ok"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        for client in (by_smtplib, by_aiosmtplib):
            (verdict,) = client(port, [KIM, LEE])
            assert (verdict.recipient, verdict.reply_code, verdict.reason) == (KIM, 550, Reason.MAILBOX_DISABLED)
    finally:
        controller.stop()


def recipe(name: str) -> Any:
    path = Path(__file__).parent.parent / "docs" / "examples" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_recipes_of_the_documentation() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "news@example.net", f"{KIM}, {LEE}", "Hello"
    message.set_content("Hello.")
    sync, async_ = recipe("send_with_smtplib").send, recipe("send_with_aiosmtplib").send
    for script, codes in (({KIM: "550 5.1.1 no such user"}, [550]), ({"mail": "451 4.3.0 later"}, [451]), ({}, [])):
        with scripted(**script) as port:
            for verdicts in (sync(message, "127.0.0.1", port), asyncio.run(async_(message, "127.0.0.1", port))):
                assert [one.reply_code for one in verdicts] == codes
                assert all(one.remote_mta == "127.0.0.1" for one in verdicts)


# ----------------------------------------------------------------------------------------------------------------
# Exceptions by themselves

OWN_WORDS: Final[list[tuple[BaseException, str | None, str | None, str]]] = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "4.4.4", "connect", "dns_error"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "4.4.3", "connect", "dns_error"),
    (socket.herror(2, "Host name lookup failure"), "4.4.3", "connect", "dns_error"),
    (ConnectionRefusedError(111, "Connection refused"), "4.4.1", "connect", "network_error"),
    (ConnectionResetError(104, "Connection reset by peer"), "4.4.2", None, "network_error"),
    (OSError(101, "Network is unreachable"), "4.4.1", None, "network_error"),
    (TimeoutError("timed out"), "4.4.1", None, "network_error"),
    (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "4.4.2", None, "network_error"),
    (smtplib.SMTPConnectError(-1, b"this is no reply"), "4.4.1", "connect", "network_error"),
    (ssl.SSLCertVerificationError(1, "certificate verify failed"), "4.7.5", None, "security_required"),
    (smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."), "5.7.4", None, "security_required"),
    (smtplib.SMTPNotSupportedError("the required SMTPUTF8 capability"), "5.6.7", None, "content_rejected"),
    (aiosmtplib.SMTPConnectTimeoutError("Timed out connecting to mx.example.org on port 25"), "4.4.1", "connect", "network_error"),
    (aiosmtplib.SMTPReadTimeoutError("Timed out waiting for server response"), "4.4.2", None, "network_error"),
    (smtplib.SMTPException("something else"), None, None, "undefined"),
    (smtplib.SMTPException(), None, None, "undefined"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "command", "reason"), OWN_WORDS, ids=lambda value: type(value).__name__)
def test_what_a_client_says_itself(error: BaseException, status: str | None, command: str | None, reason: str) -> None:
    (verdict,) = from_exception(error, host="mx.example.org")
    assert (None if verdict.status is None else str(verdict.status), verdict.command, verdict.reason) == (
        status, command, reason,
    )  # fmt: skip
    assert verdict.reply_code is None
    assert verdict.bounce_type is not BounceType.HARD  # nothing here proves anything of an address
    assert verdict.remote_mta == "mx.example.org"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        FileNotFoundError(2, "No such file"),
        KeyboardInterrupt(),
        ExceptionGroup("x", [ValueError()]),
    ],
)
def test_what_is_not_about_smtp_gives_no_verdict(error: BaseException) -> None:
    assert from_exception(error) == ()


def test_what_another_exception_was_raised_from() -> None:
    error = RuntimeError("could not send")
    error.__cause__ = LookupError("in between")
    error.__cause__.__cause__ = smtplib.SMTPSenderRefused(553, b"5.1.7 bad sender", "news@example.net")
    (verdict,) = from_exception(error)
    assert (verdict.reply_code, verdict.command, verdict.reason) == (553, "mail", Reason.SENDER_REJECTED)


def test_a_cause_tells_more_than_the_client() -> None:
    error = aiosmtplib.SMTPConnectError("Error connecting to mx.example.org")
    error.__cause__ = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    (verdict,) = from_exception(error)
    assert (verdict.command, str(verdict.status)) == ("connect", "4.4.3")


def test_causes_that_run_in_a_circle() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert from_exception(first) == ()
    third = smtplib.SMTPException("c")
    third.__cause__ = third
    assert len(from_exception(third)) == 1


def test_a_group_in_its_order() -> None:
    refused = aiosmtplib.SMTPRecipientRefused(550, "5.1.1 no such user", KIM)
    inner = ExceptionGroup("inner", [refused, ValueError("no SMTP")])
    group = ExceptionGroup("outer", [inner, smtplib.SMTPDataError(554, b"5.7.1 spam"), refused])
    assert [(one.recipient, one.command) for one in from_exception(group)] == [(KIM, "rcpt"), (None, "end_of_data")]


def test_refusals_in_every_shape() -> None:
    refused: dict[str, object] = {
        KIM: (550, b"5.1.1 no such user\r\n5.1.1 at all"),
        LEE: aiosmtplib.SMTPResponse(452, "4.2.2 full"),
        MAX: aiosmtplib.SMTPRecipientRefused(551, "5.1.6 moved", MAX),
        "a@example.org": "no such user here",
        "b@example.org": (999, b"\xff"),
    }
    verdicts = from_refused(refused, host="mx.example.org", trace=True)
    assert [one.recipient for one in verdicts] == list(refused)
    assert [one.reply_code for one in verdicts] == [550, 452, 551, None, None]
    assert verdicts[0].reply == "550-5.1.1 no such user 550 5.1.1 at all"
    assert verdicts[3].reason is Reason.USER_UNKNOWN
    assert verdicts[4].reply == "ÿ"
    assert {one.command for one in verdicts} == {Command.RCPT}
    assert all(one.shadowed is not None for one in verdicts)


def test_lists_of_things_that_are_no_refusals() -> None:
    class OddError(Exception):
        recipients = ("what?",)
        smtp_code = 550

    (verdict,) = from_exception(OddError())
    assert (verdict.recipient, verdict.reply_code, verdict.reply) == (None, None, "what?")


_codes = st.one_of(st.integers(-5, 1000), st.none(), st.text(max_size=3))
_texts = st.one_of(st.binary(max_size=50), st.text(max_size=50), st.none(), st.integers())


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.tuples(_codes, _texts), _texts), max_size=2))
@settings(max_examples=50)
def test_no_dictionary_raises(refused: Mapping[str, object]) -> None:
    verdicts = from_refused(refused)
    assert len(verdicts) == len(refused)
    assert verdicts == from_refused(refused)


@given(_codes, _texts)
def test_no_response_raises(code: Any, text: Any) -> None:
    error = smtplib.SMTPResponseException(code, text)
    assert len(from_exception(error)) == 1
