"""The tree of parts: structure, line ends, repairs, hostile shapes."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undeliverable._mime import part as _mime
from undeliverable._mime import repairs as _repairs
from undeliverable._mime import structure as _structure
from undeliverable._mime.part import Part, read
from undeliverable._mime.repairs import TEXT_LIMIT, Repair
from undeliverable._mime.transfer import decode_transfer

from .builds import interpreted

REPORT = b"""\
Return-Path: <>
Received: from mx.example.net (mx.example.net [192.0.2.1])
\tby mx.example.com; Mon, 5 Jan 2026 10:00:00 +0000
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: sender@example.com
Subject: =?utf-8?q?Unzustellbar:_Gr=C3=BC=C3=9Fe?=
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="b1/mx.example.net"
Message-ID: <r1@mx.example.net>

This is a MIME-encapsulated message.

--b1/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<kim@example.org>: host mail.example.org said: 550 5.1.1 User unknown

--b1/mx.example.net
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.org
Action: failed
Status: 5.1.1

--b1/mx.example.net
Content-Type: message/rfc822

From: sender@example.com
To: kim@example.org
Subject: Hello
Content-Type: multipart/alternative; boundary=inner

--inner

plain
--inner
Content-Type: text/html

<p>html</p>
--inner--

--b1/mx.example.net--
"""
TREE = [
    ("", "multipart/report"),
    ("1", "text/plain"),
    ("2", "message/delivery-status"),
    ("3", "message/rfc822"),
    ("3.1", "multipart/alternative"),
    ("3.1.1", "text/plain"),
    ("3.1.2", "text/html"),
]


def tree(root: Part) -> list[tuple[str, str]]:
    return [(part.path, part.content_type) for part in root.walk()]


def texts(root: Part) -> list[str]:
    return [part.text for part in root.walk() if part.text]


def touch(root: Part) -> list[object]:
    """Everything that a part can be asked for."""
    return [
        (
            part.path,
            part.content_type,
            dict(part.parameters),
            part.header_block,
            part.header("Subject"),
            part.headers("received"),
            part.payload,
            part.text,
            len(part.children),
        )
        for part in root.walk()
    ]


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_a_report_reads_alike_with_all_line_ends(ends: bytes) -> None:
    remarks: list[str] = []
    root = read(REPORT.replace(b"\n", ends), remarks)
    assert tree(root) == TREE
    assert root.header_block == read(REPORT, []).header_block
    assert [part.text.strip() for part in root.walk()] == [part.text.strip() for part in read(REPORT, []).walk()]
    assert remarks == ([] if ends in {b"\n", b"\r\n"} else [Repair.BARE_CR.value])


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r\r\n"]), min_size=60, max_size=60))
def test_mixed_line_ends(ends: list[bytes]) -> None:
    mixed = b"".join(line + end for line, end in zip(REPORT.splitlines(), ends, strict=False))
    assert tree(read(mixed, [])) == TREE


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bare_cr_ends_no_line_where_others_do(end: bytes) -> None:
    remarks: list[str] = []
    mail = b"To: x\nSubject: a\rb\n\n550 no\r\rTo: kim@example.org\r\r\nend\r".replace(b"\n", end).replace(
        b"\r\r\r", b"\r\r"
    )
    root = read(mail, remarks)
    assert root.header("subject") == "a b"
    assert root.text == "550 no  To: kim@example.org\nend "
    assert remarks == [Repair.STRAY_CR.value]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"one=0Dtwo", "one\ntwo"),
        (b"one=0D=0Atwo=0Dthree", "one\ntwo three"),
        (b"one=0D=0D=0Atwo=0D=0Dthree", "one\ntwo  three"),
    ],
    ids=["CR alone", "CRLF and CR", "CR CR LF and CR"],
)
def test_a_bare_cr_in_an_encoded_text_ends_a_line_only_where_there_is_no_lf(body: bytes, text: str) -> None:
    assert read(b"Content-Transfer-Encoding: quoted-printable\n\n" + body, []).text == text


def test_headers() -> None:
    root = read(REPORT, [])
    assert root.header("SUBJECT") == "Unzustellbar: Grüße"
    assert root.header("received") == (
        "from mx.example.net (mx.example.net [192.0.2.1]) by mx.example.com; Mon, 5 Jan 2026 10:00:00 +0000"
    )
    assert root.header("x-none") is None
    assert root.headers("x-none") == ()
    assert root.headers("To") == ("sender@example.com",)
    assert root.parameters == {"report-type": "delivery-status", "boundary": "b1/mx.example.net"}
    twice = read(b"A: 1\nB: 2\na: 3\n\nx", [])
    assert twice.headers("A") == ("1", "3")
    assert twice.header("a") == "1"


def test_parts_of_a_report() -> None:
    root = read(REPORT, [])
    notification, status, returned = root.children
    assert notification.text == "<kim@example.org>: host mail.example.org said: 550 5.1.1 User unknown\n"
    assert status.text.endswith("Status: 5.1.1\n")
    assert status.payload == status.text.encode()
    again = status.payload
    assert again is status.payload
    assert notification.header("content-description") == "Notification"
    assert returned.text == ""
    assert returned.children[0].header("subject") == "Hello"
    assert texts(returned) == ["plain", "html\n"]
    assert root.text == ""


BODY = b"--b\n\none\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n--b--\n"
TWO = [("1", "text/plain"), ("2", "message/delivery-status")]
HEAD = b"Subject: x\nContent-Type: multipart/report; boundary=b\n"


@pytest.mark.parametrize(
    ("mail", "repair"),
    [
        (b"From MAILER-DAEMON Mon Jan  5 10:00:00 2026\n" + HEAD + b"\n" + BODY, None),
        (b">From MAILER-DAEMON Mon Jan  5 10:00:00 2026\n" + HEAD + b"\n" + BODY, None),
        (b"\xef\xbb\xbf" + HEAD + b"\n" + BODY, None),
        (b"\n\n" + HEAD + b"\n" + BODY, Repair.LEADING_BLANK),
        (b" \r\nFrom x\n" + HEAD + b"\n" + BODY, Repair.LEADING_BLANK),
        (HEAD + BODY, Repair.NO_BLANK_LINE),
        (HEAD + b"Preamble here\n" + BODY, Repair.NO_BLANK_LINE),
        (HEAD + b" \n" + BODY, None),
        (HEAD + b" \nDate: today\n\n" + BODY, Repair.BLANK_INSIDE),
        (b"Subject: x\nContent-Type: multipart/report;\nboundary=b\n\n" + BODY, Repair.LOOSE_PARAMETER),
        (b"Subject: x\nContent-Type: multipart/report;\nreport-type=x;\nboundary=b\n\n" + BODY, Repair.LOOSE_PARAMETER),
        (b"Subject: x\nlost fold\n" + HEAD[11:] + b"\n" + BODY, Repair.JUNK_LINE),
        (b"Subject: x\nlost fold\ntwice\nMIME-Version: 1.0\n" + HEAD[11:] + b"\n" + BODY, Repair.JUNK_LINE),
        (b"Subject: x\nContent-Type:\n multipart/report;\n boundary=b\n\n" + BODY, None),
        (b'content-type : MULTIPART/Report; BOUNDARY = "b"\n\n' + BODY, None),
        (b'Content-Type: multipart/report; boundary="b\n\n' + BODY, None),
        (b"Content-Type: multipart/report boundary=b\n\n" + BODY, None),
        (b"Content-Type: multipart/report; boundary*=us-ascii''b\n\n" + BODY, None),
        (b'Content-Type: multipart/report; boundary="\nX: y\n\n' + BODY, Repair.OTHER_BOUNDARY),
        (b"Content-Type: multipart/report\n\n" + BODY, Repair.OTHER_BOUNDARY),
        (b"Content-Type: multipart/report; boundary=c\n\n" + BODY, Repair.OTHER_BOUNDARY),
        (b"Content-Type: multipart; boundary=b\n\n" + BODY, Repair.DAMAGED_TYPE),
        (b"Content-Type: boundary=b\n\n" + BODY, Repair.DAMAGED_TYPE),
        (b"Content-Type: text/plain; boundary=b\n\n" + BODY, Repair.UNDECLARED_MULTIPART),
        (HEAD + b"\n" + BODY.replace(b"one\n--b", b"one--b"), Repair.GLUED_BOUNDARY),
        (HEAD + b"\n" + BODY.replace(b"--b--\n", b""), Repair.NOT_CLOSED),
        (HEAD + b"\n" + BODY.replace(b"one\n", b"one\n--b--\n"), Repair.AFTER_CLOSE),
        (HEAD + b"\n" + BODY.replace(b"--b\nC", b"--b\n\nC"), Repair.BLANK_BEFORE_PART),
        (HEAD + b"\n" + BODY.replace(b"--b\nC", b"--b \t\r\nC"), None),
        (HEAD + b"\n" + BODY.replace(b"status\n\n", b"status\n"), Repair.GLUED_BODY),
        (HEAD + b"\nnot --b\n> --b\n--bb\n" + BODY, None),
    ],
)
def test_repairs_of_structure(mail: bytes, repair: Repair | None) -> None:
    for octets in (mail, mail.replace(b"\r", b"").replace(b"\n", b"\r\n")):
        remarks: list[str] = []
        root = read(octets, remarks)
        found = tree(root)
        assert found[-1][1] == "message/delivery-status"
        assert "Reporting-MTA: dns; mx.example" in texts(root)[-1]
        assert texts(root)[0].strip() == "one"
        if repair is None:
            assert remarks == []
        else:
            assert repair.value in remarks


def test_boundary_not_at_hand_keeps_what_stands_before_the_first_part() -> None:
    mail = b"Content-Type: multipart/mixed; boundary=z\n\nYour mail failed.\nkim@example.org\n\n" + BODY.replace(
        b"\n\none", b"\nContent-Type: text/plain\n\none"
    )
    assert texts(read(mail, []))[:2] == ["Your mail failed.\nkim@example.org\n\n", "one"]


@pytest.mark.parametrize(
    "content_type", [b"multipart/mixed; boundary=b", b"multipart/mixed", b"multipart/mixed; boundary="]
)
def test_multipart_without_parts_is_text(content_type: bytes) -> None:
    remarks: list[str] = []
    root = read(b"Content-Type: " + content_type + b"\n\nkim@example.org failed\n", remarks)
    assert tree(root) == [("", "multipart/mixed")]
    assert root.text == "kim@example.org failed\n"
    assert remarks == [Repair.NO_PARTS.value]
    remarks.clear()
    assert read(b"Content-Type: " + content_type + b"\n\n \n", remarks).children == ()
    assert remarks == []


def test_a_body_that_begins_with_a_boundary_is_a_multipart() -> None:
    remarks: list[str] = []
    root = read(
        b"Subject: x\n\nThis is a message in MIME format\n\n--q\nContent-Type: text/plain\n\nhi\n--q--\n", remarks
    )
    assert texts(root) == ["hi"]
    assert remarks == [Repair.UNDECLARED_MULTIPART.value]
    quoted = b"Subject: x\n\nHi. This is the program.\n\n--q\nContent-Type: text/plain\n\nhi\n--q--\n"
    assert read(quoted, []).children == ()


def test_digest_and_embedded_messages() -> None:
    digest = read(
        b"Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\n1\n--d\n\nSubject: two\n\n2\n--d--\n", []
    )
    assert [part.header("subject") for part in digest.walk()] == [None, None, "one", None, "two"]
    root = read(b"Content-Type: message/rfc822\n\n\nSubject: inside\n\nbody\n", [])
    assert root.children[0].path == "1"
    assert root.children[0].header("subject") == "inside"
    assert read(b"Content-Type: message/rfc822\n\n", []).children == ()
    assert read(b"Content-Type: message/rfc822", []).children == ()


def test_header_of_the_returned_message_run_together_with_its_part() -> None:
    remarks: list[str] = []
    mail = HEAD + b"\n--b\nContent-Type: message/rfc822\nReturn-Path: <>\nSubject: inside\n\nbody\n--b--\n"
    root = read(mail, remarks)
    assert [part.header("subject") for part in root.walk()] == ["x", None, "inside"]
    assert root.children[0].header_block == "Content-Type: message/rfc822\n"
    assert remarks == [Repair.GLUED_BODY.value]
    kept = read(mail.replace(b"Return-Path: <>\n", b"Date: x\n\nReturn-Path: <>\n"), [])
    assert kept.children[0].header("date") == "x"


@pytest.mark.parametrize(
    "kind", [b"message/rfc822", b"message/global", b"multipart/mixed; boundary=b", b"message/delivery-status"]
)
def test_containers_encoded_against_the_rules(kind: bytes) -> None:
    inner = b"Subject: in\r\n\r\n--b\r\n\r\nReporting-MTA: dns; mx.example\r\n--b--\r\n"
    from base64 import encodebytes

    remarks: list[str] = []
    root = read(b"Content-Type: " + kind + b"\nContent-Transfer-Encoding: base64\n\n" + encodebytes(inner), remarks)
    assert "Reporting-MTA: dns; mx.example" in "".join(texts(root))
    assert (Repair.ENCODED_CONTAINER.value in remarks) is (kind != b"message/delivery-status")


def test_encoded_multipart_whose_parts_do_not_show_up() -> None:
    root = read(b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n", [])
    assert root.text == "Hello"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"", "text/plain"),
        (b"text", "text/plain"),
        (b"TEXT/HTML; charset=x", "text/html"),
        (b'"text/html"', "text/html"),
        (b"nonsense", "text/plain"),
        (b"multipart", "multipart/mixed"),
    ],
)
def test_content_type(content_type: bytes, expected: str) -> None:
    assert read(b"Content-Type: " + content_type + b"\n\nx", []).content_type == expected


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\n",
        b"\r",
        b"\0",
        b"\0\0Subject: \0x\0\n\n\0y\0",
        b"hello",
        b"Subject: x",
        b"Content-Type: multipart/mixed; boundary=x",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x--",
        b"Content-Type: message/rfc822\n\nContent-Type: message/rfc822",
        b" folded\n",
        b"X: y\n folded",
        b"X: y\n \n",
        b"X: y\n \nZ: 1\nq\n",
        b"X: y\nlost fold\nDate: z",
    ],
)
def test_scraps(mail: bytes) -> None:
    assert touch(read(mail, [])) == touch(read(bytearray(mail), []))
    assert "\0" not in "".join(part.text + part.header_block for part in read(memoryview(mail), []).walk())


def test_headers_only_in_name() -> None:
    remarks: list[str] = []
    root = read(b"just words\nand more\n", remarks)
    assert (root.header_block, root.text) == ("", "just words\nand more\n")
    assert remarks == [Repair.NO_HEADER.value]


@interpreted
@pytest.mark.parametrize("size", [1, 70_000, TEXT_LIMIT + 1])
def test_a_text_is_not_decoded_again_unless_only_its_beginning_is_read(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + (
        b"=C3=A4 x\n" * (size // 9 + 1)
    )
    expected = read(raw, []).text
    decoded: list[int] = []

    def counted(body: bytes, encoding: str, note: Callable[[Repair], None]) -> bytes:
        decoded.append(len(body))
        return decode_transfer(body, encoding, note)

    monkeypatch.setattr(_mime, "decode_transfer", counted)
    root = read(raw, [])
    assert root.payload.decode().startswith(expected)
    assert root.text == expected
    assert len(decoded) == (1 if size <= TEXT_LIMIT else 2)


def test_binary_parts_have_no_text() -> None:
    root = read(b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAEC\n", [])
    assert (root.text, root.payload) == ("", b"\0\1\2")


def test_html_called_plain() -> None:
    remarks: list[str] = []
    assert read(b"Subject: x\n\n<!DOCTYPE html><p>kim@example.org", remarks).text == "kim@example.org\n"
    assert remarks == [Repair.HTML_AS_PLAIN.value]


# --- hostile shapes: sizes that a superlinear reader would not survive within a test run ------------------------


@pytest.mark.parametrize(
    ("mail", "parts", "remark"),
    [
        (
            b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(5000)),
            _repairs.MAX_DEPTH + 1,
            Repair.TOO_DEEP,
        ),
        (b"Content-Type: message/rfc822\n\n" * 5000, _repairs.MAX_DEPTH + 1, Repair.TOO_DEEP),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 9_000, 9_001, Repair.NOT_CLOSED),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 60_000, _repairs.MAX_PARTS + 1, Repair.TOO_MANY),
        (b"X-A: b\n" * 100_000 + b"\nx", 1, None),
        (b"Subject: x\n\n" + b", a@a@a@a" * 200_000, 1, None),
        (b"Subject: " + b"=?utf-8?q?a" * 100_000, 1, None),
        (b"Subject: =?utf-8?b?" + b"YWFh" * 250_000 + b"?=\n\n", 1, None),
        (b"Content-Type: text/html\n\n" + b"<!--" * 100_000 + b"<a '" * 50_000, 1, None),
        (b"Content-Type: text/html\n\n&#" + b"9" * 100_000, 1, None),
        (b"\r" * 500_000, 1, Repair.BARE_CR),
        (b" " * 500_000, 1, None),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_hostile_shapes(mail: bytes, parts: int, remark: Repair | None) -> None:
    remarks: list[str] = []
    assert len(touch(read(mail, remarks))) == parts
    assert remark is None or remark.value in remarks


def test_the_guess_looks_near_the_beginning_only() -> None:
    far = b"x\n" * _structure.GUESS_WINDOW
    assert read(b"Content-Type: multipart/mixed\n\n" + far + BODY, []).children == ()


# --- properties ----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_any_octets_are_read_alike_twice(octets: bytes) -> None:
    first: list[str] = []
    second: list[str] = []
    assert touch(read(octets, first)) == touch(read(octets, second))
    assert first == second
    assert len(first) == len(set(first))


PIECES = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"--b",
        b"--",
        b":",
        b"From ",
        b"Content-Type: ",
        b"multipart/mixed",
        b"; boundary=b",
        b"message/rfc822",
        b"text/html",
        b"<p>",
        b"<!--",
        b"&#1;",
        b"Content-Transfer-Encoding: ",
        b"base64",
        b"quoted-printable",
        b"=",
        b"YQ==",
        b"\0",
        b"\xff",
        b"Subject: ",
        b"=?utf-8?q?",
        b"?=",
        b"charset=",
        b"utf-16",
        b"iso-2022-jp",
        b"\x1b$B",
        b'"',
        b";",
        b"x",
        b"*0*=",
        b"\xe4",
    ],
)


@given(st.lists(PIECES, max_size=60))
@settings(max_examples=300)
def test_any_mixture_of_mime_is_read(pieces: list[bytes]) -> None:
    remarks: list[str] = []
    found = touch(read(b"".join(pieces), remarks))
    assert found
    "".join(map(repr, found)).encode()
    assert set(remarks) <= {repair.value for repair in Repair}


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_every_truncation_is_read(ends: bytes) -> None:
    mail = REPORT.replace(b"\n", ends)
    for length in range(len(mail)):
        found = tree(read(mail[:length], []))
        assert found[0][0] == ""
        assert len(found) <= len(TREE)


# --- message objects --------------------------------------------------------------------------------------------------


def test_message_objects() -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("Hällo")
    message.add_attachment(b"\0", maintype="application", subtype="octet-stream")
    remarks: list[str] = []
    root = read(message, remarks)
    assert root.header("subject") == "Grüße"
    assert texts(root) == ["Hällo\n"]
    assert remarks == []


def broken() -> Message[Any, Any]:
    """A message that its own library cannot write: an unencoded payload, a header with a line end, no boundary."""
    inner: Message[Any, Any] = Message()
    inner.set_payload("H\u00e4llo \udce4 \ud800")
    inner._headers.append(("X-Odd", "a\nb"))  # type: ignore[attr-defined]
    embedded: Message[Any, Any] = Message()
    embedded["Content-Type"] = "message/rfc822"
    embedded.attach(inner)
    outer: Message[Any, Any] = Message()
    outer["Content-Type"] = "multipart/mixed"
    outer.attach(embedded)
    outer.attach(Message())
    return outer


def test_message_objects_that_cannot_be_flattened() -> None:
    remarks: list[str] = []
    root = read(broken(), remarks)
    assert Repair.NOT_FLATTENED.value in remarks
    assert "Hällo" in "".join(texts(root))
    assert [part.header("x-odd") for part in root.walk() if part.header("x-odd")] == ["a b"]
    octets: Message[Any, Any] = Message()
    octets._payload = b"\xff"  # type: ignore[attr-defined]
    assert _mime.as_bytes(octets, []) == b"\n\xff"


class Hopeless(Message):
    def as_bytes(self, *_: Any, **__: Any) -> bytes:
        raise RecursionError

    def raw_items(self) -> Any:
        raise RecursionError


def test_message_object_that_holds_nothing() -> None:
    remarks: list[str] = []
    assert read(Hopeless(), remarks).text == ""
    assert remarks == [Repair.NOT_FLATTENED.value]


def test_text_is_no_message() -> None:
    with pytest.raises(TypeError, match="octets"):
        read("Subject: x", [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lead", "notes"),
    [
        (b"", []),
        (b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n", []),
        (b"\n\n", [Repair.LEADING_BLANK]),
    ],
)
def test_what_stands_before_the_header(lead: bytes, notes: list[Repair]) -> None:
    found: list[Repair] = []
    data = lead + b"Subject: a\n\nb\n"
    assert _structure.skip_lead(data, 0, len(data), found.append) == len(lead)
    assert found == notes
    assert _structure.skip_lead(data, len(data), len(data), found.append) == len(data)
