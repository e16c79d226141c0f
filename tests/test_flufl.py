from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable import parse
from undeliverable._reading import flufl as _flufl
from undeliverable._reading.flufl import HEAD_LIMIT, LINE_LIMIT, Suspicion, ask, plain_head

OLD = b"""From: postmaster@example.net
Subject: Undeliverable

here is your list of failed recipients
<kim@example.org>
here is your returned mail
"""
LATE = b"""From: postmaster@example.net
Subject: Warning

The address to which the message has not yet been delivered is
kim@example.org
No action is required on your part
"""


def test_a_format_of_the_nineties() -> None:
    assert ask(OLD) == Suspicion(permanent=frozenset({"kim@example.org"}))


def test_a_warning() -> None:
    assert ask(LATE) == Suspicion(temporary=frozenset({"kim@example.org"}))


@pytest.mark.parametrize("ends", [b"\r\n", b"\r"])
def test_line_ends_do_not_matter(ends: bytes) -> None:
    assert ask(OLD.replace(b"\n", ends)).permanent == {"kim@example.org"}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\n\n",
        b"Subject: no sender\n\ntext",
        b"From: \xe4\xf6\n\ntext",
        b"From: \xff <\xe4@example.net>\nX-Mailer: \xe4\n\ntext",
        b"From: (((((\n\ntext",
        b"From: a\nFrom: b\n\ntext",
        b"From:\n folded\n\ntext",
        b"From kim@example.org Tue Nov  3 08:00:11 2026\nSubject: mbox\n\ntext",
        b"no header\nat all\n\ntext",
        b"From: a@example.net\nContent-Type: multipart/mixed; boundary=a\n\n--a\n" * 4000,
        b"From: a@example.net\nContent-Type: message/rfc822\n\n" * 4000,
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nAction: \xe4\n",
    ],
)
def test_odd_messages_name_nobody_and_break_nothing(message: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert not ask(message)
    assert caplog.records == []


def test_an_octet_that_is_not_ascii_names_nobody() -> None:
    assert not ask(OLD.replace(b"kim@", b"k\xefm@"))


def test_a_heuristic_that_raises_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise IndexError

    monkeypatch.setattr("flufl.bounce.all_failures", broken)
    assert ask(OLD) == Suspicion()


def test_what_is_shown_is_bounded() -> None:
    head = plain_head(b"From: kim@example.org\nSubject: x\n\n" + b"x" * 10_000_000)
    assert len(head) <= HEAD_LIMIT + len(b"From: <kim@example.org>\n")
    assert max(map(len, head.split(b"\n"))) <= LINE_LIMIT


def test_crowded_lines_blanks_and_parts_are_dropped() -> None:
    body = b", a@" * 9 + b"\n\n\n\n\nkept" + b" " * 500 + b"kept\n"
    head = plain_head(b"From: kim@example.org\nContent-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n" + body)
    assert b", a@" not in head
    assert b"\n\n\n\n" not in head
    assert b"kept        kept" in head
    assert head.startswith(b"From: <kim@example.org>\n\n")


def test_the_returned_message_is_not_shown() -> None:
    message = OLD.replace(
        b"here is your returned mail\n", b"--- Below this line is a copy of the message.\n\nTo: lee@example.org\n"
    )
    report = parse(message)
    assert b"lee@" not in _flufl.shown(message, "here is your list")
    assert [verdict.recipient for verdict in report.verdicts] == ["kim@example.org"]


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"From: Kim <kim@example.org>", b"kim@example.org"),
        (b"From:\n kim@example.org", b"kim@example.org"),
        (b"From: \xff, kim@example.org", b"kim@example.org"),
        (b"From: nobody\nFrom: kim@example.org", b"kim@example.org"),
        (b"From: kim@example.org\nFrom: lee@example.org", b"kim@example.org"),
        (b"From: Mail Delivery System", b"postmaster@invalid"),
        (b"Subject: x", b"postmaster@invalid"),
    ],
)
def test_one_plain_from(header: bytes, sender: bytes) -> None:
    head = plain_head(header + b"\n\ntext")
    assert head.startswith(b"From: <" + sender + b">\n")
    assert head.lower().count(b"from:") == 1


def test_it_is_imported_only_when_asked() -> None:
    code = "import sys, undeliverable._reading.flufl; sys.exit('flufl.bounce' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PIECES = st.sampled_from(
    [
        b"From: ", b"\n", b"\n\n", b"--b\n", b"Content-Type: message/delivery-status\n", b"Action: failed\n",
        b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Transfer-Encoding: base64\n", b"X-Mailer: Novell\n",
        b"Final-Recipient: rfc822;a@b.c\n", b"mailer-daemon@yahoo.com", b"\xff", b"<", b"\r", b"\0", b"@", b"a@b ",
    ]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=40).map(b"".join))
def test_any_bytes_are_survived(message: bytes) -> None:
    found = _flufl.ask(message)
    assert all(address.isascii() and "@" in address for address in found.permanent | found.temporary)


def test_without_flufl_bounce_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flufl.bounce", None)
    report = parse(b"From: MAILER-DAEMON@example.net\nSubject: failure\n\nIt was not delivered.\n")
    assert report.remarks == ("the heuristics of flufl.bounce were not asked: it is not installed",)
