"""How the readers of a message work together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from undeliverable import parse
from undeliverable._dsn import one_pass
from undeliverable._dsn.returned import addressee, read_below
from undeliverable._reading import message as _notice
from undeliverable.model import Returned

from .builds import interpreted

FIXTURES = Path(__file__).parent.parent / "fixtures"


@interpreted
@pytest.mark.parametrize("readers", ["READERS", "STANDARD_READERS", "LAST_READERS"])
@pytest.mark.parametrize("folder", ["bounces", "auto-replies", "complaints", "challenges", "dispositions"])
def test_a_reader_that_fails_loses_nothing_that_others_found(
    readers: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _read_nothing(_: object) -> None:
        raise RecursionError("too deep")

    mails = [path.read_bytes() for path in sorted((FIXTURES / folder).glob("*.eml"))]
    assert mails
    before = [parse(mail) for mail in mails]
    monkeypatch.setattr(_notice, readers, (_read_nothing, *getattr(_notice, readers)))
    said = "the reader read_nothing failed: RecursionError: too deep"
    for mail, known in zip(mails, before, strict=True):
        report = parse(mail)
        remarks = tuple(remark for remark in report.remarks if remark != said)
        assert replace(report, remarks=remarks) == known
        assert said not in known.remarks


@interpreted
def test_a_failure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def _read_nothing(_: object) -> None:
        raise ValueError("no")

    for readers in ("READERS", "LAST_READERS"):
        with monkeypatch.context() as patch:
            patch.setattr(_notice, readers, (_read_nothing,))
            report = parse(b"From: kim@example.org\n\nHello.\n")
        assert "the reader read_nothing failed: ValueError: no" in report.remarks


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("Received: by mx.example.net for <kim@example.org>; Sat, 21 Nov 2026\n", ("kim@example.org", "Received")),
        (
            "Received: by a.example for <kim@example.org>; Sat\nReceived: by b.example for <KIM@example.org>; Sat\n",
            ("KIM@example.org", "Received"),
        ),
        (
            "Received: by a.example for <a@example.org>; Sat\nReceived: by b.example for <b@example.org>; Sat\nTo: a@example.org\n",
            None,
        ),
        ("To: Kim <kim@example.org>\n", ("kim@example.org", "To")),
        ("To: kim@example.org, lee@example.org\n", None),
        ("To: kim@example.org\nList-Post: <mailto:kim@example.org>\n", None),
        ("Subject: to nobody\n", None),
    ],
)
def test_for_whom_a_returned_message_was(block: str, found: tuple[str, str] | None) -> None:
    to = "kim@example.org" if "To:" in block else None
    assert addressee(Returned(block, to=to)) == found


def test_a_header_that_is_seldom_asked_for_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = b"From: kim@example.org\nX-Note: one\nX-Note: two\n\nHello.\n"
    header = one_pass._headers(["kim", None, None, None, None], plain=True, data=message)
    assert (header("x-note"), header("from"), header("subject")) == ("one", "kim", None)
    monkeypatch.setattr(one_pass, "root", None)
    assert (header("x-other"), header("x-note")) == (None, "one")


@pytest.mark.parametrize("end", ["", "\n", "\n\nHello.\n", "\n> \nHello.\n"])
@pytest.mark.parametrize("margin", ["", "> ", "  "])
def test_a_returned_message_may_end_with_its_header(margin: str, end: str) -> None:
    text = f"--- a copy:\n\n{margin}From: news@example.net \n{margin}To: kim@example.org{end}"
    returned = read_below(text, text.index("\n"))
    assert returned is not None
    assert (returned.from_, returned.to) == ("news@example.net", "kim@example.org")
