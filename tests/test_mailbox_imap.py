"""The session over imapclient, with a server that has the habits of real ones."""

from __future__ import annotations

import base64
import importlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_server import Habits, imap_server
from undeliverable.errors import MissingExtraError
from undeliverable.mailbox import Credentials, DroppedError, MailboxError, Place, RefusedError, Stop
from undeliverable.mailbox import imap as module
from undeliverable.mailbox.imap import ImapSession, connect

SECRET = 'pässword "x" \\ y'


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    path.chmod(0o600)
    return Credentials("file", str(path))


@pytest.fixture
def stop() -> Iterator[Stop]:
    stop = Stop()
    yield stop
    stop.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def context_of(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def opened(port: int, credentials: Credentials, scheme: str = "imap", **options: object) -> ImapSession:
    place = Place.of(f"{scheme}://bounces%40example.com@127.0.0.1:{port}/INBOX")
    return connect(place, credentials, **options)  # type: ignore[arg-type]


def test_messages_are_read_as_they_lie_there(credentials: Credentials) -> None:
    habits = Habits(messages={3: b"Subject: a\r\n\r\nlonger than that\r\n", 5: b"b"})
    with imap_server(habits) as port:
        session = opened(port, credentials)
        assert session.validity == 7
        assert session.search(1) == [3, 5]
        assert session.search(6) == []  # a server answers 6:* with the last message, whatever its UID
        assert session.sizes([3, 5, 9]) == {3: 32, 5: 1}
        first, second = session.fetch([3, 5, 9], 8)
        session.close()
    assert (first.uid, first.raw, first.size) == (3, b"Subject:", 32)
    assert first.received.isoformat() == "2026-11-16T09:12:33+00:00"
    assert first.source.endswith("/INBOX;UIDVALIDITY=7/;UID=3")
    assert (second.raw, second.size) == (b"b", 1)
    assert not any("BODY[]" in command for command in habits.seen)  # which would mark messages as seen


def test_every_character_of_a_password_arrives(credentials: Credentials) -> None:
    habits = Habits()
    with imap_server(habits) as port:
        opened(port, credentials).close()
    assert f"\0bounces@example.com\0{SECRET}" in habits.seen


def test_a_server_without_sasl_gets_login(tmp_path: Path) -> None:
    habits = Habits(capability="IMAP4rev1")
    with imap_server(habits) as port:
        opened(port, Credentials("command", "echo secret")).close()
    assert any(command.startswith("LOGIN bounces@example.com") for command in habits.seen)


def test_a_password_that_login_cannot_carry_is_named_without_it(credentials: Credentials) -> None:
    with imap_server(Habits(capability="IMAP4rev1")) as port, pytest.raises(MailboxError, match="password") as failed:
        opened(port, credentials)
    assert SECRET not in str(failed.value)


def test_a_token_is_sent_as_xoauth2() -> None:
    habits = Habits()
    with imap_server(habits) as port:
        opened(port, Credentials("token", "echo the-token")).close()
    assert "user=bounces@example.com\1auth=Bearer the-token\1\1" in habits.seen


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ("NO [AUTHENTICATIONFAILED] wrong", MailboxError, "refuses the password of bounces@example.com.*wrong"),
        ("NO [UNAVAILABLE] later", DroppedError, "later"),
    ],
)
def test_a_refused_password(answer: str, error: type[MailboxError], words: str, credentials: Credentials) -> None:
    habits = Habits(answers={"AUTHENTICATE": [answer]})
    with imap_server(habits) as port, pytest.raises(MailboxError, match=words) as failed:
        opened(port, credentials)
    assert type(failed.value) is error
    assert SECRET not in str(failed.value)


def test_a_server_that_hangs_up_at_the_login(credentials: Credentials) -> None:
    habits = Habits(answers={"AUTHENTICATE": None})
    with imap_server(habits) as port, pytest.raises(MailboxError):
        opened(port, credentials)


def test_a_socket_that_fails_at_the_login(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(module._Client, "plain_login", fail)
    with imap_server(Habits()) as port, pytest.raises(DroppedError, match="timed out"):
        opened(port, credentials)


@pytest.mark.parametrize(
    ("answers", "validity", "words"),
    [
        (
            {"SELECT": ["NO [NONEXISTENT] unknown mailbox"]},
            7,
            "INBOX cannot be opened; the server says.*unknown mailbox",
        ),
        ({"SELECT": ["NO [NOPERM] not yours"]}, 7, "not yours"),
        ({}, None, "UIDVALIDITY"),
    ],
)
def test_a_folder_that_cannot_be_read(
    answers: dict[str, list[str] | None], validity: int | None, words: str, credentials: Credentials
) -> None:
    habits = Habits(answers=answers, validity=validity)
    with imap_server(habits) as port, pytest.raises(MailboxError, match=words):
        opened(port, credentials)


# --- TLS


def test_tls_from_the_beginning(credentials: Credentials, certificates: Path) -> None:
    habits = Habits(context=context_of(certificates), implicit=True, messages={1: b"x"})
    with imap_server(habits) as port:
        session = opened(port, credentials, "imaps", ca_file=str(certificates / "ca.pem"))
        assert session.search(1) == [1]
        session.close()


def test_starttls_where_there_is_a_certificate_to_trust(credentials: Credentials, certificates: Path) -> None:
    habits = Habits(context=context_of(certificates), capability="IMAP4rev1 STARTTLS AUTH=PLAIN", messages={1: b"x"})
    with imap_server(habits) as port:
        session = opened(port, credentials, ca_file=str(certificates / "ca.pem"))
        assert session.search(1) == [1]
        session.close()
    assert habits.seen.index("STARTTLS") < habits.seen.index("AUTHENTICATE PLAIN")


def test_no_password_goes_over_a_wire_without_tls(credentials: Credentials, certificates: Path) -> None:
    habits = Habits()
    with imap_server(habits) as port, pytest.raises(MailboxError, match="no STARTTLS"):
        opened(port, credentials, ca_file=str(certificates / "ca.pem"))
    assert not any(command.startswith("AUTH") for command in habits.seen)


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_a_certificate_of_nobody(scheme: str, credentials: Credentials, certificates: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(ssl_other(tmp_path))
    habits = Habits(
        context=context_of(certificates), implicit=scheme == "imaps", capability="IMAP4rev1 STARTTLS AUTH=PLAIN"
    )
    with imap_server(habits) as port, pytest.raises(DroppedError, match=r"not trusted.*--ca-file"):
        opened(port, credentials, scheme, ca_file=str(other))


def ssl_other(folder: Path) -> bytes:
    """Another authority's certificate."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other",
         "-keyout", folder / "k", "-out", folder / "c"],
        check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "c").read_bytes()


def test_tls_where_there_is_none(credentials: Credentials) -> None:
    with imap_server(Habits()) as port, pytest.raises(DroppedError, match="port 143 takes imap://"):
        opened(port, credentials, "imaps")


@pytest.mark.parametrize(("name", "words"), [("missing.pem", "No such file"), ("empty.pem", "no certificates")])
def test_a_file_of_authorities_that_is_none(name: str, words: str, credentials: Credentials, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate\n")
    with pytest.raises(MailboxError, match=words):
        opened(1, credentials, "imaps", ca_file=str(tmp_path / name))


def test_nobody_listens(credentials: Credentials) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DroppedError, match=f"127.0.0.1:{port}: Connection refused"):
        opened(port, credentials)


def test_an_unknown_host(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(DroppedError, match=r"imap\.example\.com: unknown host"):
        connect(Place.of("imaps://kim@imap.example.com"), credentials)


def test_what_is_no_imap_server(credentials: Credentials) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            sock, _ = listener.accept()
            sock.sendall(b"220 this is another protocol\r\n")
            sock.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(DroppedError):
            opened(listener.getsockname()[1], credentials)
        thread.join()


# --- moving


@pytest.mark.parametrize(
    ("capability", "removed"),
    [("MOVE UIDPLUS", True), ("UIDPLUS", True), ("", False)],
)
def test_messages_are_moved_as_the_server_can(capability: str, removed: bool, credentials: Credentials) -> None:
    habits = Habits(capability=f"IMAP4rev1 AUTH=PLAIN {capability}", messages={1: b"a", 2: b"b"})
    with imap_server(habits) as port:
        session = opened(port, credentials)
        session.move([1], "Undeliverable/Bounces")
        session.close()
    assert habits.folders == {"Undeliverable/Bounces": [b"a"]}
    assert (1 not in habits.messages) == removed
    assert removed or any(r"\Deleted" in command for command in habits.seen)
    assert "EXPUNGE" not in habits.seen  # which would remove what somebody else has marked


@pytest.mark.parametrize(
    ("answers", "capability", "name"),
    [
        ({"NAMESPACE": ['* NAMESPACE (("INBOX." ".")) NIL NIL', "OK done"]}, "NAMESPACE MOVE", "INBOX.A.B"),
        ({"NAMESPACE": ["* NAMESPACE NIL NIL NIL", "OK done"]}, "NAMESPACE MOVE", "A/B"),
        ({"LIST": ['* LIST (\\Noselect) "." ""', "OK done"]}, "MOVE", "A.B"),
        ({"LIST": ['* LIST (\\Noselect) NIL ""', "OK done"]}, "MOVE", "A/B"),
        ({"LIST": ["OK done"]}, "MOVE", "A/B"),
    ],
)
def test_folders_have_the_names_that_the_server_wants(
    answers: dict[str, list[str] | None], capability: str, name: str, credentials: Credentials
) -> None:
    habits = Habits(
        capability=f"IMAP4rev1 AUTH=PLAIN {capability}", answers=answers, messages={1: b"a"}, folders={name: []}
    )
    with imap_server(habits) as port:
        session = opened(port, credentials)
        session.move([1], "A/B")
        session.close()
    assert habits.folders == {name: [b"a"]}


def test_a_full_folder_refuses(credentials: Credentials) -> None:
    habits = Habits(answers={"UID MOVE": ["NO [OVERQUOTA] full"]}, messages={1: b"a"})
    with imap_server(habits) as port:
        session = opened(port, credentials)
        with pytest.raises(RefusedError, match=r"cannot be moved to A; the server says: .*full") as failed:
            session.move([1], "A")
        session.close()
    assert failed.value.code == "OVERQUOTA"


# --- waiting


def test_mail_that_was_announced_with_another_answer_is_found(credentials: Credentials) -> None:
    habits = Habits(answers={"UID SEARCH": ["* SEARCH 1", "* 2 EXISTS", "OK done"]}, messages={1: b"a"})
    with imap_server(habits) as port:
        session = opened(port, credentials)
        session.search(1)
        session.close()
    # The answer announces more each time; a server that never ends is not asked for ever.
    assert sum(command.startswith("UID SEARCH") for command in habits.seen) == 10


@pytest.mark.parametrize("with_idle", [True, False])
def test_idle_ends_when_mail_is_announced(with_idle: bool, credentials: Credentials, stop: Stop) -> None:
    def announce(sock: socket.socket) -> None:
        if not with_idle:
            sock.sendall(b"* OK Still here\r\n")
            time.sleep(0.1)
            sock.sendall(b"* 2 EXISTS\r\n")

    habits = Habits(idle=[b"* 2 EXISTS\r\n"] if with_idle else [], in_idle=announce)
    with imap_server(habits) as port:
        session = opened(port, credentials)
        began = time.monotonic()
        session.wait(stop)
        assert time.monotonic() - began < 30  # and not a minute or more
        assert habits.seen[-1] == "IDLE"
        session.close()


def test_idle_ends_when_the_connection_does(credentials: Credentials, stop: Stop) -> None:
    habits = Habits(in_idle=lambda sock: sock.shutdown(socket.SHUT_RDWR))
    with imap_server(habits) as port:
        session = opened(port, credentials)
        with pytest.raises(DroppedError):
            session.wait(stop)
        session.close()


def test_idle_begins_again_in_time(credentials: Credentials, stop: Stop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._IDLE < 29 * 60
    monkeypatch.setattr(module, "_IDLE", 0.05)
    habits = Habits()
    with imap_server(habits) as port:
        session = opened(port, credentials)
        for _ in range(2):
            session.wait(stop)
        session.close()
    assert habits.seen.count("IDLE") == 2


@pytest.mark.parametrize("capability", ["IDLE", ""])
def test_the_wish_to_stop_ends_a_wait(capability: str, credentials: Credentials, stop: Stop) -> None:
    habits = Habits(capability=f"IMAP4rev1 AUTH=PLAIN {capability}")
    with imap_server(habits) as port:
        session = opened(port, credentials, every=60.0)
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        began = time.monotonic()
        session.wait(stop)
        assert time.monotonic() - began < 30  # and not a minute or more
        timer.join()
        session.wait(stop)
        session.close()


def test_a_server_without_idle_is_asked_again(credentials: Credentials, stop: Stop) -> None:
    with imap_server(Habits(capability="IMAP4rev1 AUTH=PLAIN")) as port:
        session = opened(port, credentials, every=0.01)
        session.wait(stop)
        session.close()


@pytest.mark.parametrize("answer", [None, ["BAD what"]])
def test_a_command_that_fails(answer: list[str] | None, credentials: Credentials) -> None:
    habits = Habits(answers={"UID FETCH": answer}, messages={1: b"a"})
    with imap_server(habits) as port:
        session = opened(port, credentials)
        with pytest.raises(DroppedError if answer is None else RefusedError):
            session.fetch([1], 10)
        session.close()


def test_without_imapclient_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imapclient", None)
    with pytest.raises(MissingExtraError, match=r"undeliverable\[imap\]"):
        importlib.reload(module)


def test_closing_never_raises(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("gone")

    with imap_server(Habits(answers={"LOGOUT": ["NO never"]})) as port:
        session = opened(port, credentials)
        session.close()
        monkeypatch.setattr(module._Client, "shutdown", fail)
        session.close()


# --- answers that make no sense

_DATE = '"16-Nov-2026 09:12:33 +0000"'


@pytest.mark.parametrize(
    "data",
    [
        'UID 1 RFC822.SIZE 3 INTERNALDATE "nonsense" BODY[]<0> "abc"',
        'UID 1 RFC822.SIZE 3 INTERNALDATE "16-Nov-2026 09:12:33 +9999" BODY[]<0> "abc"',
        'UID 1 RFC822.SIZE 3 INTERNALDATE NIL BODY[]<0> "abc"',
        'UID 1 RFC822.SIZE 3 BODY[]<0> "abc"',
        f"UID 1 RFC822.SIZE 3 INTERNALDATE {_DATE} BODY[]<0> (a b)",
        f"UID 1 RFC822.SIZE 3 INTERNALDATE {_DATE} BODY[]<0> 99999999999999",
        f'UID 1 RFC822.SIZE {"9" * 5000} INTERNALDATE {_DATE} BODY[]<0> "abc"',
        "UID abc",
        "UID 1 RFC822.SIZE",
        "(" * 20_000,
    ],
    ids=["date", "zone", "nil", "undated", "list", "number", "digits", "uid", "odd", "deep"],
)  # fmt: skip
def test_a_message_that_makes_no_sense_keeps_no_other_back(data: str, credentials: Credentials) -> None:
    with imap_server(Habits(answers={"UID FETCH": [f"* 1 FETCH ({data})", "OK done"]})) as port:
        session = opened(port, credentials)
        with pytest.raises(RefusedError):  # upon which the reader asks for each alone
            session.fetch([1], 10)
        assert session.search(1) == []
        session.close()


@pytest.mark.parametrize("size", ["-5", "abc", "NIL"])
def test_a_size_that_is_none_is_that_of_the_message(size: str, credentials: Credentials) -> None:
    answer = f'* 1 FETCH (UID 1 RFC822.SIZE {size} INTERNALDATE {_DATE} BODY[]<0> "abc")'
    with imap_server(Habits(answers={"UID FETCH": [answer, "OK done"]})) as port:
        session = opened(port, credentials)
        assert session.sizes([1]) == {1: 0}
        (mail,) = session.fetch([1], 10)
        assert (mail.raw, mail.size) == (b"abc", 3)
        session.close()


def test_no_more_is_read_and_no_other_message_than_was_asked_for(credentials: Credentials) -> None:
    answer = [
        f'* {uid} FETCH (UID {uid} RFC822.SIZE 6 INTERNALDATE {_DATE} BODY[]<0> "abcdef")' for uid in (1, 77)
    ]  # fmt: skip
    with imap_server(Habits(answers={"UID FETCH": [*answer, "OK done"]})) as port:
        session = opened(port, credentials)
        assert session.sizes([1]) == {1: 6}
        assert [(mail.uid, mail.raw, mail.size) for mail in session.fetch([1], 4)] == [(1, b"abcd", 6)]
        session.close()


def test_more_octets_than_memory_has_end_the_connection(credentials: Credentials) -> None:
    answer = ["* 1 FETCH (UID 1 BODY[]<0> {99999999999999999}", "OK done"]
    with imap_server(Habits(answers={"UID FETCH": answer})) as port:
        session = opened(port, credentials)
        with pytest.raises(DroppedError, match="than memory has"):
            session.fetch([1], 10)
        session.close()


@pytest.mark.parametrize("numbers", ["abc", "-5", "9" * 5000, "\u0661"], ids=["word", "negative", "digits", "arabic"])
def test_a_search_that_makes_no_sense(numbers: str, credentials: Credentials) -> None:
    with imap_server(Habits(answers={"UID SEARCH": [f"* SEARCH {numbers}", "OK done"]})) as port:
        session = opened(port, credentials)
        with pytest.raises(RefusedError):
            session.search(1)
        session.close()


@pytest.mark.parametrize("validity", ["abc", "", "1.5", "9" * 5000], ids=["word", "empty", "half", "digits"])
def test_a_validity_that_is_no_number(validity: str, credentials: Credentials) -> None:
    answer = [f"* OK [UIDVALIDITY {validity}] valid", "OK [READ-WRITE] selected"]
    with imap_server(Habits(answers={"SELECT": answer})) as port, pytest.raises(MailboxError, match="cannot be opened"):
        opened(port, credentials)


@pytest.mark.parametrize(
    ("command", "answer"),
    [("NAMESPACE", '* NAMESPACE ((("a")) NIL) NIL'), ("NAMESPACE", "* NAMESPACE "), ("NAMESPACE", "* NAMESPACE ()"),
     ("LIST", "* LIST x")],
)  # fmt: skip
def test_folders_that_make_no_sense(command: str, answer: str, credentials: Credentials) -> None:
    capability = "IMAP4rev1 AUTH=PLAIN MOVE" + (" NAMESPACE" if command == "NAMESPACE" else "")
    with imap_server(Habits(capability, answers={command: [answer, "OK done"]}, messages={1: b"a"})) as port:
        session = opened(port, credentials)
        with pytest.raises(RefusedError):
            session.move([1], "Done")
        session.close()


def test_a_greeting_of_no_imap_server(credentials: Credentials) -> None:
    with (
        imap_server(Habits("\u00e4 \x00")) as port,
        pytest.raises(DroppedError, match="not that of an IMAP server"),
    ):
        opened(port, credentials)


def test_a_refusal_never_repeats_the_password_in_base64(credentials: Credentials) -> None:
    sent = base64.b64encode(f"\0bounces@example.com\0{SECRET}".encode()).decode()
    with (
        imap_server(Habits(answers={"AUTHENTICATE": [f"NO what is {sent}"]})) as port,
        pytest.raises(MailboxError, match=r"what is \*\*\*$"),
    ):
        opened(port, credentials)
