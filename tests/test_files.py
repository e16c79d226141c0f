"""Files, folders, mailboxes and damaged bytes, down to the single message."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import files
from undeliverable.cli._command import warn
from undeliverable.files._find import find, looks_like_mail, size_of
from undeliverable.files._streams import Stream

Inbox = partial(files.Inbox, warn=warn)

MAIL = b"From: a@example.com\nSubject: one\n\nbody\n"
POSTMARK = b"From a@example.com Mon Nov 16 09:12:33 2026\n"


def names(*paths: str | Path) -> list[str]:
    found = find(map(str, paths), lambda error: pytest.fail(str(error)))
    return [os.path.relpath(file.path, paths[0]) for file in found]


def messages(data: bytes) -> list[bytes]:
    return list(Stream(io.BufferedReader(io.BytesIO(data))).messages())


class Broken(io.RawIOBase):
    """A file that fails after some bytes, as a bad disk does."""

    def __init__(self, data: bytes, error: Exception) -> None:
        super().__init__()
        self._data = io.BytesIO(data)
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._data.read(len(buffer))
        if not block:
            raise self._error
        buffer[: len(block)] = block
        return len(block)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        pytest.param(POSTMARK + MAIL, 1, id="one"),
        pytest.param((POSTMARK + MAIL + b"\n") * 3, 3, id="three"),
        pytest.param((POSTMARK + MAIL + b"\n").replace(b"\n", b"\r\n") * 3, 3, id="CRLF"),
        pytest.param(POSTMARK + MAIL + b"\nFrom here on, all is prose of 2026.\n", 1, id="a sentence"),
        pytest.param(POSTMARK + MAIL + b"\n>" + POSTMARK + MAIL, 1, id="quoted"),
        pytest.param(POSTMARK + MAIL + POSTMARK + MAIL, 1, id="no empty line before"),
        pytest.param(POSTMARK + MAIL + b"\nFrom - Tue, 17 Nov 2026 10:00:00 +0000\n" + MAIL, 2, id="day before month"),
        pytest.param(b"", 0, id="empty"),
    ],
)
def test_mbox_is_split_at_dated_from_lines(data: bytes, count: int) -> None:
    got = messages(data)
    assert len(got) == count
    assert b"".join(got) == data


@given(st.lists(st.integers(0, 600_000), min_size=1, max_size=4))
def test_mbox_splits_wherever_the_blocks_end(sizes: list[int]) -> None:
    parts = [POSTMARK + MAIL + b"x" * size + b"\n\n" for size in sizes]
    assert messages(b"".join(parts)) == parts


def test_a_mailbox_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.mbox"
    path.write_bytes((POSTMARK + MAIL + b"y" * 4000 + b"\n\n") * 5000)
    tracemalloc.start()
    count = sum(1 for _ in Inbox([str(path)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5000
    assert peak < 3_000_000 < path.stat().st_size


@pytest.mark.parametrize("mbox", [False, True])
def test_a_message_beyond_the_limit_is_cut_and_counted(mbox: bool) -> None:
    head = POSTMARK + MAIL
    data = head + b"z" * 3_000_000 + b"\n\n" + head
    stream = Stream(io.BufferedReader(io.BytesIO(data)), limit=1_000_000)
    got = list(stream.messages()) if mbox else [stream.whole()]
    assert [len(message) for message in got] == ([1_000_000, len(head)] if mbox else [1_000_000])
    assert got[0].startswith(head)
    assert stream.cut == 1


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), EOFError("ends early")])
def test_what_came_before_a_read_error_is_kept(error: Exception) -> None:
    stream = Stream(io.BufferedReader(Broken(MAIL, error)))
    assert stream.whole() == MAIL
    assert stream.problem in {"Input/output error", "ends early"}
    assert stream.whole() == b""


def test_gzip_is_recognised_by_its_first_bytes_and_may_be_damaged(tmp_path: Path) -> None:
    whole, torn = tmp_path / "a.eml", tmp_path / "b.eml.gz"
    packed = gzip.compress(MAIL + os.urandom(100_000))
    whole.write_bytes(packed)
    torn.write_bytes(packed[: len(packed) // 2])
    inbox = Inbox([str(whole), str(torn)])
    first, second = inbox
    assert first.raw.startswith(MAIL)
    assert second.raw.startswith(MAIL)
    assert len(second.raw) < len(first.raw)
    assert inbox.failed == 1


def test_nothing_is_made_of_a_file_that_only_pretends_to_be_gzip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(b"\x1f\x8bno gzip at all")
    inbox = Inbox([str(path)])
    assert not list(inbox)
    assert inbox.failed == 1
    assert "a.eml" in capsys.readouterr().err


def test_a_folder_is_searched_in_depth_and_in_order(tmp_path: Path) -> None:
    for name in ("b/2.eml", "b/1.eml", "a.eml", "b/deep/er/3.eml", ".hidden/4.eml", ".5.eml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MAIL)
    assert names(tmp_path) == ["a.eml", "b/1.eml", "b/2.eml", "b/deep/er/3.eml"]


def test_a_maildir_gives_what_was_delivered(tmp_path: Path) -> None:
    for name in ("cur/1:2,S", "new/2", "tmp/3", "dovecot.index", ".Sent/cur/4:2,", ".Sent/new/5", ".Sent/tmp/6"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(POSTMARK + MAIL + b"\n" + POSTMARK + MAIL if "/" in name else b"\0index")
    inbox = Inbox([str(tmp_path)])
    found = [os.path.relpath(mail.source, tmp_path) for mail in inbox]
    assert sorted(found) == [".Sent/cur/4:2,", ".Sent/new/5", "cur/1:2,S", "new/2"]
    assert (inbox.skipped, inbox.failed) == (1, 0)


@pytest.mark.parametrize(
    "path", ["{}/new", "{}/new/", "{}/new/.", "{}/cur/../new", ".", "./", "1.jsonl", "./1.jsonl", "../new"]
)
def test_what_lies_in_a_maildir_does_so_however_it_is_named(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the time of its delivery, and is never read as a record of one's own."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.jsonl").write_bytes(b'{"schema": 2}\n')
    monkeypatch.chdir(tmp_path / "new")
    (found,) = find([path.format(tmp_path)], lambda error: pytest.fail(str(error)))
    assert (found.delivered, found.single, found.records) == (True, True, False)


@pytest.mark.parametrize(
    ("head", "mail"),
    [
        (MAIL, True),
        (POSTMARK + MAIL, True),
        (b"Return-Path: <>\r\nX-Y: z\r\n", True),
        (b"", False),
        (b'{"kind": "bounce"}\n', False),
        (b"[[rule]]\nid = 'x'\n", False),
        (b"# Notes\n\nFrom: the start\n", False),
        (b"https://example.com/\n", False),
    ],
)
def test_other_files_of_a_folder_are_told_from_mail(head: bytes, mail: bool) -> None:
    assert looks_like_mail(head) is mail


def test_files_without_mail_are_skipped_and_counted_but_a_named_one_is_read(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_bytes(b"no mail\n")
    (tmp_path / "1").write_bytes(MAIL)
    inbox = Inbox([str(tmp_path), str(notes)])
    assert [mail.source for mail in inbox] == [str(tmp_path / "1"), str(notes)]
    assert inbox.skipped == 1


def test_an_eml_file_is_one_message_even_if_it_quotes_a_mailbox(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(POSTMARK + MAIL + b"\n" + POSTMARK + MAIL)
    assert [mail.source for mail in Inbox([str(path)])] == [str(path)]


def test_messages_of_a_mailbox_are_numbered_and_bytes_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes((POSTMARK + MAIL + b"\n") * 2)
    inbox = Inbox([str(path)])
    assert [mail.source for mail in inbox] == [f"{path}#1", f"{path}#2"]
    assert inbox.done == path.stat().st_size == size_of([str(tmp_path)])


def test_missing_paths_are_said_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inbox = Inbox([str(tmp_path / "gone.eml"), "nul\0byte"])
    assert not list(inbox)
    assert inbox.failed == 2
    assert "gone.eml: No such file or directory" in capsys.readouterr().err
    assert size_of([str(tmp_path / "gone.eml"), "-"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    inbox = Inbox([str(tmp_path)])
    assert not list(inbox)
    assert inbox.failed == 1
    closed.chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scandir)
    inbox = Inbox([str(tmp_path)])
    assert not list(inbox)
    assert inbox.failed == 1


def test_a_file_that_is_no_regular_one_is_left_alone_in_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "a.eml").write_bytes(MAIL)
    assert names(tmp_path) == ["a.eml"]


def test_a_message_that_was_cut_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "large.mbox"
    path.write_bytes(POSTMARK + MAIL + b"z" * 3_000_000)
    monkeypatch.setattr("undeliverable.files._inbox.Stream", lambda file, **options: Stream(file, limit=1_000_000))
    assert [len(mail.raw) for mail in Inbox([str(path)])] == [1_000_000]
    assert capsys.readouterr().err.endswith("large.mbox: 1 longer than 32 MiB; only the beginning was read\n")
