"""Files that are known and not read are named with the way out: refused where the user named them, else skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.archives import tar_of, zip_of
from undeliverable.cli import main
from undeliverable.files import Inbox
from undeliverable.files._find import looks_like_mail
from undeliverable.files._known import Known, known_by_head, known_formats

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
MAIL: Final = b"From: a@example.com\nSubject: one\n\nbody\n"
EXAMPLES: Final = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Outlook message (.msg) or an old Office file",
    b"!BDN\x12\x34": "an Outlook data file (.pst, .ost)",
    b"\xcf\xad\x12\xfe\xc5": "a mail folder of Outlook Express (.dbx)",
    b"\x01\x02\x03\n\xef\xcd\xab\x89": "an Exchange database (.edb)",
    b"\x1a\x00\x00\x04\x00\x00": "a Notes database (.nsf)",
    b"*mbx*\r\n4e": "a mailbox of UW IMAP (.mbx)",
    b"\x78\x9f\x3e\x22\x01": "an attachment of Outlook (winmail.dat)",
    b'// <!-- <mdb:mork:z v="1.4"/> -->': "an index of Thunderbird (.msf)",
    b"-----BEGIN PGP MESSAGE-----\n": "an encrypted message (OpenPGP)",
    b"%PDF-1.7\n": "a PDF document",
    zip_of({"[Content_Types].xml": b"<Types/>"}): "an Office document (.xlsx, .docx)",
    zip_of({"mimetype": b"application/epub+zip"}): "an OpenDocument file or an e-book",
    b"{\\rtf1\\ansi": "a document in RTF",
    b"\xef\xbb\xbf\r\n<!doctype HTML>": "a web page",
    b"<HTML lang=en>": "a web page",
    b"<?xml version='1.0'?>": "an XML document",
    "Subject: x".encode("utf-16"): "a text in UTF-16",
    b"BEGIN:VCARD\r\n": "a business card or a calendar",
    b"Rar!\x1a\x07\x01": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"MSCF\0\0\0\0": "a cabinet of Windows (.cab)",
    b"LZIP\x01": "a file compressed with lzip",
    b"\x04\x22\x4d\x18d": "a file compressed with lz4",
    b"\x5d\0\0\x80\0" + b"\xff" * 8: "a file compressed with lzma, the predecessor of xz",
    b"\x1f\x9d\x90": "a file compressed with compress (.Z)",
    b"070701" + b"0" * 104: "a disk image, or an archive of cpio, ar, xar or RPM",
    b"!<arch>\ndebian": "a disk image, or an archive of cpio, ar, xar or RPM",
    zip_of({"META-INF/MANIFEST.MF": b""}): "a Java archive or an app",
    b"SQLite format 3\0": "an SQLite database",
    b"\0\1\0\0Standard ACE DB": "an Access database",
    b"ARROW1\0\0": "a table for analysis (Arrow)",
    b"LPKSHHRH": "a journal of systemd",
    b"version https://git-lfs.github.com/spec/v1\n": "a pointer of Git LFS",
    bytes(600): "a file of zeros",
    b"\x89PNG\r\n\x1a\n": "a picture",
    b"\0\0\0\x18ftypheic": "a picture",
    b"\0\0\0\x18ftypmp42": "a recording",
    b"\x7fELF\x02": "a program",
}


def test_every_form_has_an_example() -> None:
    assert {one.what for one in known_formats()} == set(EXAMPLES.values())


@pytest.mark.parametrize(("data", "what"), EXAMPLES.items(), ids=list(EXAMPLES.values()))
def test_a_form_that_is_known_and_not_read(
    data: bytes, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever its name is: nothing in it is mail, so that it is never of the kind other."""
    known = next(one for one in known_formats() if one.what == what)
    for name in ("file", "file.eml", "file.jsonl", "new/1795000000.1.mx"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        said: list[str] = []
        inbox = Inbox([str(path)], warn=said.append)
        assert list(inbox) == []
        assert said == [f"{path}: {known}"]
        assert (inbox.failed, inbox.refused, inbox.skipped) == (1, 1, 0)
    left: list[tuple[str, str]] = []
    inbox = Inbox([str(tmp_path / "in")], warn=said.append, skipped_file=lambda *file: left.append(file))
    assert list(inbox) == []
    assert (inbox.failed, inbox.refused, inbox.skipped, len(said)) == (0, 0, 4, 1)
    assert {why for _, why in left} == {str(known)}
    assert main(["classify", str(tmp_path / "in" / "file")]) == 1
    assert f"file: {known}\n" in capsys.readouterr().err


@pytest.mark.parametrize(("data", "what"), EXAMPLES.items(), ids=list(EXAMPLES.values()))
def test_it_is_skipped_in_an_archive(data: bytes, what: str, tmp_path: Path) -> None:
    for pack in (tar_of, zip_of):
        (tmp_path / "archive").write_bytes(pack({"a": data, "b.eml": MAIL}))
        left: list[tuple[str, str]] = []
        inbox = Inbox([str(tmp_path / "archive")], skipped_file=lambda *file, left=left: left.append(file))
        assert [mail.raw for mail in inbox] == [MAIL]
        assert left == [(f"{tmp_path}/archive/a", str(next(one for one in known_formats() if one.what == what)))]


def test_the_page_names_them_all() -> None:
    page = (FIXTURES.parent / "docs" / "reference" / "files.md").read_text(encoding="utf-8").replace("\\|", "|")
    for one in known_formats():
        assert f"\n| {one.what} | {one.do} |\n" in page


def test_one_named_among_others_makes_the_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pst").write_bytes(b"!BDN")
    (tmp_path / "b.eml").write_bytes(MAIL)
    assert main(["classify", str(tmp_path / "b.eml"), str(tmp_path / "a.pst")]) == 1
    assert "export it as mbox with 'readpst -o FOLDER FILE'" in capsys.readouterr().err
    assert main(["classify", str(tmp_path)]) == 0


def test_no_mail_log_or_text_of_ours_is_one_of_them() -> None:
    """But for what begins so on purpose, as the pages and attachments in a corpus do."""
    odd = {path.name for path in FIXTURES.rglob("*") if path.is_file() and known_by_head(path.read_bytes()[:4096])}
    assert odd == set()


@pytest.mark.parametrize(
    "text",
    [
        "par1@example.org",
        "!bd@example.org",
        "070701;kim@example.org",
        "rar@example.org",
        "7z@example.org",
        "mz@example.org",
        "theftype@example.org",
        "id3@example.org",
        "bzh9@example.org",
        "pk@example.org",
        "gif8@example.org",
        "riff@example.org",
    ],
)
def test_lists_and_logs_are_not_mistaken_for_them(text: str) -> None:
    assert known_by_head(f"{text}\n".encode()) is None
    assert known_by_head(f"{text.upper()}\n".encode()) is None


def test_mail_is_looked_at_first() -> None:
    for one in known_formats():
        assert not looks_like_mail((one.what + str(one)).encode())
    assert str(Known("a thing", "do that", None, frozenset())) == "a thing, which is not read: do that"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"no mail\n", "does not look like mail"),
        (b'{"event": "x"}\n', "neither mail nor records of reports, one on each line"),
        ((FIXTURES / "logs" / "postfix.log").read_bytes(), "a log of a mail server"),
    ],
)
def test_why_other_files_are_skipped(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / ("a.jsonl" if data.startswith(b"{") else "a")).write_bytes(data)
    left: list[tuple[str, str]] = []
    inbox = Inbox([str(tmp_path)], warn=lambda _: None, skipped_file=lambda *file: left.append(file))
    assert list(inbox) == []
    assert [reason for _, reason in left] == [why]
    assert inbox.skipped == 1


def test_logs_are_not_read_from_them_either(tmp_path: Path) -> None:
    (tmp_path / "a.journal").write_bytes(b"LPKSHHRH" + b"\0" * 300)
    (tmp_path / "mail.log").write_bytes(b"Nov 21 21:16:18 mx postfix/smtpd[15279]: connect from localhost[127.0.0.1]\n")
    inbox = Inbox([str(tmp_path)], is_log=True)
    assert len(list(inbox)) == 1
    assert inbox.skipped == 1
