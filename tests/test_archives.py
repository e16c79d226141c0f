"""An archive gives what the unpacked folder gives; what is hostile, damaged or not read costs a line and nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import stat
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import undeliverable
from tests.archives import KINDS, TIME, tar_of, unpack, zip_of
from undeliverable.files import Inbox, _packed, _raw, _tar
from undeliverable.files._archives import NESTED
from undeliverable.files._find import leads_out

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
ONE: Final = (FIXTURES / "bounces" / "exim-mixed.eml").read_bytes()
MAIL: Final = b"From: a@example.com\nSubject: one\n\nbody\n"
POSTMARK: Final = b"From a@example.com Mon Nov 16 09:12:33 2026\n"
EMLX: Final = (
    b"%d      \n%s<?xml version='1.0'?><plist><dict><key>date-received</key><integer>%d</integer></dict></plist>"
)
LOG: Final = (FIXTURES / "logs" / "postfix.log").read_bytes()

Run = Callable[..., tuple[int, str, str]]


class Read:
    """What an inbox gives for one path."""

    def __init__(self, path: Path | str, *, is_log: bool = False) -> None:
        self.said: list[str] = []
        self.left: list[tuple[str, str]] = []
        self.inbox = Inbox(
            [str(path)], warn=self.said.append, is_log=is_log, skipped_file=lambda *file: self.left.append(file)
        )
        self.mails = list(self.inbox)

    def below(self, top: Path) -> list[tuple[str, bytes, bool]]:
        """Return the messages with their places below a path, in the order of these."""
        return sorted((mail.source.removeprefix(f"{top}/"), mail.raw, mail.is_record) for mail in self.mails)

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.inbox.failed, self.inbox.skipped, len(self.mails)


Of = Callable[[bytes], Read]


@pytest.fixture
def of(tmp_path: Path) -> Of:
    """Read a file of these octets, which nobody can guess by its name."""

    def of(data: bytes) -> Read:
        path = tmp_path / "file"
        path.write_bytes(data)
        return Read(path)

    return of


def record() -> bytes:
    return json.dumps(undeliverable.parse(ONE, source="one").to_dict()).encode() + b"\n"


FOLDER: Final[Mapping[str, bytes]] = {
    "Takeout/Mail/All mail.mbox": (POSTMARK + ONE + b"\n") * 3,
    "Takeout/archive_browser.html": b"<!DOCTYPE html><title>Takeout</title>",
    "a.eml": ONE,
    "deep/er/b.eml": MAIL,
    "deep/er/c": MAIL,
    "deep/notes.txt": b"no mail\n",
    "deep/.hidden.eml": MAIL,
    "__MACOSX/._a.eml": b"\0\5\x16\7\0",
    ".git/d.eml": MAIL,
    "packed.eml.gz": gzip.compress(ONE),
    "packed.mbox.bz2": bz2.compress((POSTMARK + MAIL + b"\n") * 2),
    "packed.eml.xz": lzma.compress(ONE),
    "apple.emlx": EMLX % (len(ONE), ONE, TIME),
    "records.jsonl": record() * 2,
    "records.ndjson.gz": gzip.compress(record()),
    "own.json": record(),
    "mail.jsonl.eml": record(),
    "Maildir/cur/1795000000.1.mx:2,S": ONE,
    "Maildir/new/1795000001.2.mx": record(),
    "Maildir/tmp/1795000002.3.mx": MAIL,
    "Maildir/.Sent/cur/1795000003.4.mx:2,": MAIL,
    "postfix.log": LOG,
    "sheet.xlsx": zip_of({"[Content_Types].xml": b"<Types/>", "xl/a.xml": b""}),
    "printed.pdf": b"%PDF-1.7\n",
    "empty": b"",
    "empty.eml": b"",
    "ü/日本.eml": MAIL,
    "l" * 90 + "/" + "n" * 90 + ".eml": MAIL,
}


# --- the law ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_what_the_unpacked_folder_gives(kind: str, tmp_path: Path) -> None:
    """By what it begins with, not by its name; only inside a Maildir tmp is never read."""
    folder, archive = tmp_path / "folder", tmp_path / "archive"
    unpack(FOLDER, folder)
    archive.write_bytes(KINDS[kind](FOLDER))
    there, here = Read(folder), Read(archive)
    assert here.below(archive) == there.below(folder)
    assert here.counts == there.counts
    assert sorted(why for _, why in here.left) == sorted(why for _, why in there.left)


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz", "tar.xz"])
def test_all_fixtures_have_the_same_verdicts_in_an_archive(kind: str, tmp_path: Path) -> None:
    """What is judged are the same octets: the reader decides nothing else."""
    paths = [path for path in sorted(FIXTURES.rglob("*")) if path.is_file()]
    archive = tmp_path / "fixtures"
    archive.write_bytes(KINDS[kind]({str(path.relative_to(FIXTURES)): path.read_bytes() for path in paths}))
    there, here = Read(FIXTURES), Read(archive)
    assert here.below(archive) == there.below(FIXTURES)
    assert here.counts == there.counts
    assert len(here.mails) > 500


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_and_the_function_give_the_verdicts_of_the_folder(
    kind: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"in/{number}.eml": path.read_bytes() for number, path in enumerate(sorted((FIXTURES / "bounces").glob("*.eml"))[::30])}  # fmt: skip
    unpack(files, tmp_path / "folder")
    archive = tmp_path / "archive"
    data = KINDS[kind](files)
    archive.write_bytes(data)
    expected = run("classify", "--format", "jsonl", tmp_path / "folder")[1]
    for jobs in ("1", "2"):
        status, out, _ = run("classify", "--format", "jsonl", "--jobs", jobs, archive)
        assert (status, out.replace(str(archive), str(tmp_path / "folder"))) == (0, expected)
    verdicts = [
        [verdict.to_dict() for verdict in report.verdicts] for report in undeliverable.read(tmp_path / "folder")
    ]
    assert [[verdict.to_dict() for verdict in report.verdicts] for report in undeliverable.read(archive)] == verdicts
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
    assert run("classify", "--format", "jsonl", "-")[1].replace("-/in/", f"{tmp_path}/folder/in/") == expected


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text("ab.é/ -", min_size=1, max_size=12).filter(
            lambda name: all(part.strip(".") for part in name.split("/"))
        ),
        st.one_of(st.binary(max_size=2000), st.just(MAIL), st.just((POSTMARK + MAIL + b"\n") * 2)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(list(KINDS)),
)
def test_any_names_and_contents(
    tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, bytes], kind: str
) -> None:
    names = [name for name in files if not any(other != name and other.startswith(f"{name}/") for other in files)]
    files = {name: files[name] for name in names}
    top = tmp_path_factory.mktemp("any")
    (top / "folder").mkdir()
    unpack(files, top / "folder")
    (top / "archive").write_bytes(KINDS[kind](files))
    there, here = Read(top / "folder"), Read(top / "archive")
    assert here.below(top / "archive") == there.below(top / "folder")
    assert here.counts == there.counts


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipe_in_small_pieces(kind: str, tmp_path: Path) -> None:
    """A zip archive from a pipe is spooled, since its directory stands at the end; the others are streamed."""
    code = (
        "import sys; from undeliverable.files import Inbox\n"
        "for mail in Inbox(['-'], warn=print): print(mail.source, len(mail.raw))"
    )
    data = KINDS[kind]({"in/1.eml": MAIL, "in/2.eml": ONE})
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as done:
        assert done.stdin is not None
        assert done.stdout is not None
        for at in range(0, len(data), 300):
            done.stdin.write(data[at : at + 300])
            done.stdin.flush()
        done.stdin.close()
        assert done.stdout.read().decode().splitlines() == [f"-/in/1.eml {len(MAIL)}", f"-/in/2.eml {len(ONE)}"]


@pytest.mark.parametrize("kind", KINDS)
def test_logs_in_archives(kind: str, tmp_path: Path, run: Run) -> None:
    archive = tmp_path / "logs"
    archive.write_bytes(KINDS[kind]({"log/mail.log": LOG, "log/mail.log.1.gz": gzip.compress(LOG)}))
    (tmp_path / "mail.log").write_bytes(LOG)
    alone = run("classify", "--log", "--format", "csv", tmp_path / "mail.log")[1]
    status, out, _ = run("classify", "--log", "--format", "csv", archive)
    assert status == 0
    assert len(out.splitlines()) == 2 * len(alone.splitlines()) - 1
    assert f"{archive}/log/mail.log.1.gz:" in out


@pytest.mark.parametrize("command", [("explain",), ("report", "-o", "out.html"), ("rules", "suggest")], ids=" ".join)
def test_every_command_that_reads_mail(
    command: tuple[str, ...], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tgz").write_bytes(KINDS["tgz"]({"a.eml": ONE}))
    (tmp_path / "a.eml").write_bytes(ONE)
    _, out, err = run(*command, "a.tgz")
    _, expected, also = run(*command, "a.eml")
    assert out.replace("a.tgz/a.eml", "a.eml") == expected
    assert err == also


# --- times --------------------------------------------------------------------------------------------------------------


def test_the_time_of_a_delivery_is_the_member_s(of: Of) -> None:
    """In a Maildir; a zip archive has it only where a program wrote it in UTC."""
    when = datetime.fromtimestamp(TIME, UTC)
    extra = struct.pack("<2HBl", 0x5455, 5, 1, TIME)
    for data, expected in (
        (tar_of({"box/new/1795000000.1.mx": MAIL}), when),
        (tar_of({"new.eml": MAIL}), None),
        (zip_of({"box/new/1.1.mx": MAIL}), None),
        (zip_with("box/new/1.1.mx", MAIL, extra=extra), when),
        (zip_with("box/new/1.1.mx", MAIL, extra=extra[:6]), None),
        (zip_with("box/new/1.1.mx", MAIL, extra=extra[:4]), None),
    ):
        assert [mail.received for mail in of(data).mails] == [expected]


def test_apple_mail_says_when_it_received_a_message(of: Of) -> None:
    (mail,) = of(EMLX % (len(MAIL), MAIL, TIME)).mails
    assert (mail.raw, mail.received) == (MAIL, datetime.fromtimestamp(TIME, UTC))
    forged = MAIL + b"<key>date-received</key><integer>1</integer>"
    (mail,) = of(b"%d\n%s" % (len(forged), forged)).mails
    assert (mail.raw, mail.received) == (forged, None)


def test_a_message_of_apple_mail_that_is_torn(of: Of) -> None:
    read = of(b"%d\n%s" % (len(MAIL) + 1, MAIL))
    assert [mail.raw for mail in read.mails] == [MAIL]
    assert read.said[0].endswith("file: its end is missing")
    assert read.counts == (1, 0, 1)


@pytest.mark.parametrize("text", ["12345678901234567890123", "x", "-5", "99999999999999"])
def test_a_time_that_no_calendar_has(text: str, of: Of) -> None:
    info = tarfile.TarInfo("new/1.1.mx")
    info.pax_headers = {"mtime": text}
    assert of(tar_with(info, MAIL)).mails[0].received is None


def test_a_time_that_is_no_number(of: Of) -> None:
    raw = bytearray(tar_of({"new/1.1.mx": MAIL}, tarfile.USTAR_FORMAT))
    raw[136:148] = b"not a number"
    assert [mail.received for mail in of(checked(raw)).mails] == [None]


# --- what is refused ----------------------------------------------------------------------------------------------------


def tar_with(info: tarfile.TarInfo, data: bytes = b"", form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        last = tarfile.TarInfo("last.eml")
        last.size = len(MAIL)
        archive.addfile(last, io.BytesIO(MAIL))
    return buffer.getvalue()


def checked(raw: bytearray) -> bytes:
    """Return a tar archive whose first header has its checksum again."""
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return bytes(raw)


def zip_with(
    name: str, data: bytes, *, method: int = 0, flags: int = 0, mode: int = 0, extra: bytes = b"", host: int = 3
) -> bytes:
    """Return a zip archive of one member, whose directory says these things of it."""
    octets = name.encode()
    values = (20, flags, method, 0, 0, zlib.crc32(data), len(data), len(data), len(octets))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *values, 0) + octets + data
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", host << 8, *values, len(extra), 0, 0, 0, mode << 16, 0
    ) + octets + extra  # fmt: skip
    return local + entry + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("a.eml")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


OUTSIDE: Final = "its path leads out of the archive"
REFUSED: Final = {
    "absolute": (tar_with(tarfile.TarInfo("/etc/a.eml"), MAIL), OUTSIDE),
    "above": (tar_with(tarfile.TarInfo("../../a.eml"), MAIL), OUTSIDE),
    "above, zip": (zip_of({"b/../../a.eml": MAIL}), OUTSIDE),
    "above, backslashes": (zip_with("..\\a.eml", MAIL, host=0), OUTSIDE),
    "drive": (zip_of({"C:/a.eml": MAIL}), OUTSIDE),
    "symbolic link": (tar_with(link(tarfile.SYMTYPE)), "a symbolic link, which is not followed"),
    "symbolic link, zip": (zip_with("a.eml", b"b.eml", mode=stat.S_IFLNK), "a symbolic link, which is not followed"),
    "hard link": (tar_with(link(tarfile.LNKTYPE)), "a hard link, which is not followed"),
    "device": (tar_with(link(tarfile.CHRTYPE)), "a device, which is not read"),
    "device, zip": (zip_with("a.eml", b"", mode=stat.S_IFBLK), "a device, which is not read"),
    "pipe": (tar_with(link(tarfile.FIFOTYPE)), "a named pipe, which is not read"),
    "pipe, zip": (zip_with("a.eml", b"", mode=stat.S_IFIFO), "a named pipe, which is not read"),
    "sparse": (tar_with(link(tarfile.GNUTYPE_SPARSE)), "a sparse file, which is not read"),
    "volume": (tar_with(link(b"M")), "the rest of a file that begins in another volume"),
    "encrypted": (zip_with("a.eml", MAIL, flags=1), "encrypted; unpack it with its password"),
    "deflate64": (zip_with("a.eml", MAIL, method=9), "compressed with deflate64, which is not read; unpack it"),
    "method": (zip_with("a.eml", MAIL, method=77), "compressed with method 77, which is not read; unpack it"),
    "nested": (tar_of({"a.tar": tar_of({"b.eml": MAIL})}), NESTED),
    "nested zip": (zip_of({"a.zip": zip_of({"b.eml": MAIL})}), NESTED),
    "nested tgz": (zip_of({"a.tgz": gzip.compress(tar_of({"b.eml": MAIL}))}), NESTED),
    "compressed twice": (zip_of({"a.eml": gzip.compress(gzip.compress(MAIL))}), NESTED),
    "zip, compressed": (gzip.compress(zip_of({"a.eml": MAIL})), NESTED),
    "compressed twice, alone": (bz2.compress(gzip.compress(MAIL)), NESTED),
}


@pytest.mark.parametrize("what", REFUSED)
def test_tricks_cost_a_line_and_nothing_else(what: str, of: Of, tmp_path: Path) -> None:
    data, why = REFUSED[what]
    read = of(data)
    assert len(read.said) == 1
    assert read.said[0].endswith(f": {why}")
    assert read.inbox.failed == 1
    assert all(mail.raw == MAIL and mail.source.endswith("/last.eml") for mail in read.mails)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_of_many_refusals_some_are_named(of: Of) -> None:
    read = of(zip_of({**{f"{number}.zip": zip_of({}) for number in range(30)}, "a.eml": MAIL}))
    assert len(read.said) == 11
    assert read.said[-1].endswith("file: 20 more of its files were not read")
    assert read.counts == (30, 0, 1)


@pytest.mark.parametrize(
    ("name", "out"),
    [("a/b", False), ("a..b/..c", False), ("./a", False), ("/a", True), ("a/..", True), ("c:a", True), ("a\0b", True)],
)
def test_paths_that_lead_out(name: str, out: bool) -> None:
    assert leads_out(name) is out


def test_records_in_what_is_named_as_mail_are_none(tmp_path: Path) -> None:
    """A stranger chooses what an attachment holds: a record says what proves it."""
    for name, count in (("a.zip", 1), ("a.eml", 0)):
        (tmp_path / name).write_bytes(zip_of({"own.jsonl": record()}))
        assert Read(tmp_path / name).inbox.records == count


# --- bombs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
@pytest.mark.parametrize("inner", ["mbox", "tar", "zip", "lines"])
def test_a_bomb_is_refused_early(
    pack: Callable[[bytes], bytes], inner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_raw, "FREE", 1_000_000)
    monkeypatch.setattr(_raw, "MAX_RATIO", 200)
    data = POSTMARK + MAIL + bytes(12_000_000)
    path = tmp_path / "bomb"
    path.write_bytes(
        zip_of({"a.mbox": data, "b.eml": MAIL})
        if inner == "zip"
        else pack(tar_of({"a.mbox": data, "b.eml": MAIL}) if inner == "tar" else data)
    )
    tracemalloc.start()
    read = Read(path, is_log=inner == "lines")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(read.said) == 1
    assert "unpacks to more than 200 times its size, as a bomb does; the rest was not read" in read.said[0]
    assert read.inbox.failed == 1
    assert peak < (16_000_000 if pack is lzma.compress else 6_000_000)  # the dictionary of xz


def test_there_is_a_limit_to_all_of_it(of: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_raw, "MAX_TOTAL", 1 << 20)
    assert "unpacks to more than 0 GiB" in of(gzip.compress(os.urandom(2_000_000))).said[0]


def test_members_that_overlap_are_a_bomb(of: Of) -> None:
    """David Fifield, "A better zip bomb" (2019): one kernel of octets is the data of all members."""
    once = zip_with("a.eml", MAIL * 50)
    end = once.rindex(b"PK\x05\x06")
    begin = once.index(b"PK\x01\x02")
    entries = once[begin:end] * 400
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 400, 400, len(entries), begin, 0)
    read = of(once[:begin] + entries + tail)
    assert read.said[-1].endswith("its members overlap, as in a bomb; the rest was not read")
    assert len(read.mails) == 1


def test_an_xz_file_gets_no_more_memory_than_it_needs(of: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packed, "XZ_MEMORY", 1 << 20)
    assert "damaged: Memory usage limit exceeded" in of(lzma.compress(MAIL, preset=9)).said[0]


def test_a_name_of_many_octets(of: Of) -> None:
    info = tarfile.TarInfo("a" * (_tar.MAX_NAMES + 10) + ".eml")
    assert of(tar_with(info, MAIL)).said[0].endswith("damaged: a name of more than a mebibyte")


# --- damage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_torn_archive_is_said_wherever_it_is_torn(kind: str, tmp_path: Path) -> None:
    """What came before is read, but for zip archives, whose directory is at the end."""
    data = KINDS[kind]({"a.eml": ONE, "b.mbox": POSTMARK + MAIL, "c.eml": ONE})
    for end in range(20, len(data), max(1, len(data) // 60)):
        path = tmp_path / "torn"
        path.write_bytes(data[:end])
        read = Read(path)
        if tarfile_ends(data, end):
            continue
        assert len(read.said) == 1, end
        assert read.inbox.failed == 1
        assert all(len(mail.raw) <= len(ONE) for mail in read.mails)


def tarfile_ends(data: bytes, end: int) -> bool:
    """Return True where nothing is missing but zeros, or so much that the head of a tar archive is none."""
    plain = data[257:262] == b"ustar"
    return plain and (end < 512 or ((not any(data[end:]) and end % 512 == 0) or not any(data[end - 1 :])))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(st.data())
def test_damaged_octets_raise_nothing(kind: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    raw = bytearray(KINDS[kind]({"a.eml": MAIL, "b/c.mbox": POSTMARK + MAIL, "d/" * 60 + "e": MAIL}))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "file"
    path.write_bytes(raw)
    read = Read(path)
    assert sum(read.counts) > 0 or read.said


DAMAGE: Final = {
    "a checksum": (
        zip_of({"a.eml": MAIL}, zipfile.ZIP_STORED).replace(b"body", b"bodi"),
        "damaged: its checksum is wrong",
    ),
    "no directory": (zip_of({"a.eml": MAIL})[:-30], "its end is missing, where a zip archive has its directory"),
    "a directory elsewhere": (
        struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0, 999, 0), "damaged: its directory is not where it has to be",
    ),
    "a directory of other data": (
        zip_of({"a.eml": MAIL}).replace(b"PK\x01\x02", b"PK\x01\x03"), "damaged: its directory holds other data",
    ),
    "a directory that ends": (
        b"PK\x03\x04" + b"PK\x01\x02" + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 4, 4, 0),
        "damaged: its directory ends too early",
    ),
    "one part of several": (
        b"PK\x07\x08" + struct.pack("<4s4H2LH", b"PK\x05\x06", 2, 0, 1, 1, 0, 0, 0),
        "one part of several; join them with 'zip -s 0 --out'",
    ),
    "no member": (
        b"PK\x03\x05" .join(zip_of({"a.eml": MAIL, "b.eml": MAIL}).rsplit(b"PK\x03\x04", 1)),
        "damaged: it is not where its directory says",
    ),
    "a record of 64 bits": (
        b"PK\x03\x04" + bytes(60) + b"PK\x06\x07" + bytes(16) + struct.pack("<4s4H2LH", b"PK\x05\x06", *[65535] * 4, 0, 0, 0),
        "damaged: its directory is not where it has to be",
    ),
    "no header": (tar_of({"a.eml": MAIL})[:1024] + b"x" * 1024, "damaged: no header where one has to be"),
    "data behind the end": (tar_of({"a.eml": MAIL}) + b"x" * 512, "other data follow its end"),
    "data behind a stream": (gzip.compress(MAIL) + b"other data", "other data follow the compressed ones"),
    "octets of a stream": (gzip.compress(MAIL)[:-8] + bytes(8), "damaged: Error -3 while decompressing data: incorrect data check"),
    "an extended header": (
        checked(bytearray(tar_with(tarfile.TarInfo("ü" * 90), MAIL).replace(b" path=", b"9path=", 1))),
        "damaged: an extended header that is none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said_in_a_line(what: str, of: Of) -> None:
    data, why = DAMAGE[what]
    read = of(data)
    assert [line.rpartition("file")[2].partition(": ")[2] for line in read.said] == [why]
    assert read.inbox.failed == 1


# --- forms --------------------------------------------------------------------------------------------------------------


def test_archives_one_behind_the_other(of: Of) -> None:
    assert [mail.source.rpartition("/")[2] for mail in of(tar_of({"a.eml": MAIL}) + tar_of({"b.eml": MAIL})).mails] == ["a.eml", "b.eml"]  # fmt: skip
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        assert of(pack(MAIL[:9]) + pack(MAIL[9:]) + bytes(600)).mails[0].raw == MAIL


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_streams_one_behind_the_other_wherever_the_blocks_end(pack: Callable[[bytes], bytes], of: Of) -> None:
    assert of(pack(MAIL) + pack(b"x") * 2_000).mails[0].raw == MAIL + b"x" * 2_000


def test_data_may_stand_before_a_zip_archive(of: Of) -> None:
    """As in one that unpacks itself: what the directory says is too small then."""
    assert [mail.raw for mail in of(zip_with("x", MAIL)[:4] + bytes(300) + zip_of({"a.eml": MAIL})).mails] == [MAIL]


def test_a_zip_archive_with_more_members_than_16_bits_count(of: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    data = zip_of({"a.eml": MAIL, "b.eml": MAIL, "c.eml": MAIL})
    assert b"PK\x06\x07" in data
    for before in (b"", b"PK\x03\x04" + bytes(300)):
        read = of(before + data)
        assert read.said == []
        assert [mail.raw for mail in read.mails] == [MAIL] * 3


def test_a_zip_archive_with_sizes_of_64_bits(of: Of) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a.eml", "w", force_zip64=True) as member:
        member.write(MAIL)
    raw = buffer.getvalue()
    assert of(raw).mails[0].raw == MAIL
    wide = struct.pack("<2H2Q", 1, 16, len(MAIL), len(MAIL))
    plain = bytearray(zip_with("a.eml", MAIL, extra=wide))
    at = plain.index(b"PK\x01\x02")
    plain[at + 20 : at + 28] = b"\xff" * 8
    assert of(bytes(plain)).mails[0].raw == MAIL


@pytest.mark.parametrize("offset", [1 << 63, (1 << 64) - 1, 10_000])
def test_an_offset_that_no_file_has(offset: int, of: Of) -> None:
    raw = bytearray(zip_with("a.eml", MAIL, extra=struct.pack("<2HQ", 1, 8, offset)))
    at = raw.index(b"PK\x01\x02")
    raw[at + 42 : at + 46] = b"\xff" * 4
    assert of(bytes(raw)).said[0].endswith("/a.eml: damaged: it is not where its directory says")


def test_names_in_other_charsets(of: Of) -> None:
    for octets, flags, name in (
        (b"\x81.eml", 0, "ü.eml"),
        ("ü.eml".encode(), 0, "ü.eml"),
        (b"\xff.eml", 0x800, "\udcff.eml"),
    ):
        raw = zip_with("?" * len(octets), MAIL, flags=flags).replace(b"?" * len(octets), octets)
        assert of(raw).mails[0].source.rpartition("/")[2] == name


def test_tar_archives_of_other_programs(of: Of) -> None:
    old = bytearray(tar_of({"a.eml": MAIL}, tarfile.USTAR_FORMAT))
    old[257:265] = bytes(8)  # before POSIX
    assert of(checked(old)).mails[0].raw == MAIL
    signed = bytearray(tar_of({"ü.eml": MAIL}, tarfile.USTAR_FORMAT))
    signed[148:156] = b" " * 8
    signed[148:156] = b"%06o\0 " % sum(octet - 256 * (octet > 127) for octet in signed[:512])
    assert of(bytes(signed)).mails[0].raw == MAIL
    large = bytearray(tar_of({"a.eml": MAIL}, tarfile.GNU_FORMAT))
    large[124:136] = b"\x80" + len(MAIL).to_bytes(11, "big")
    assert of(checked(large)).mails[0].raw == MAIL
    for field in (b"\xff" * 12, b"00000000008\0"):
        large[124:136] = field
        assert of(checked(large)).said[0].endswith("damaged: no header where one has to be")


def test_folders_labels_and_long_links_are_no_members(of: Of) -> None:
    for kind in (tarfile.DIRTYPE, b"V", b"N", b"D"):
        read = of(tar_with(link(kind)))
        assert [mail.source.rpartition("/")[2] for mail in read.mails] == ["last.eml"]
        assert read.said == []
    info = link(tarfile.SYMTYPE)
    info.linkname = "x" * 300
    assert len(of(tar_with(info, form=tarfile.GNU_FORMAT)).mails) == 1
    assert len(of(tar_with(tarfile.TarInfo("a/"), b"")).mails) == 1
    assert of(zip_of({"a/": b"", "a/b.eml": MAIL})).counts == (0, 0, 1)


def test_facts_that_hold_for_all_members(of: Of) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"mtime": str(TIME)}) as archive:
        info = tarfile.TarInfo("new/1.1.mx")
        info.size = len(MAIL)
        archive.addfile(info, io.BytesIO(MAIL))
    assert of(buffer.getvalue()).mails[0].received == datetime.fromtimestamp(TIME, UTC)


def test_a_size_of_more_digits_than_a_header_has(of: Of) -> None:
    raw = tar_with(tarfile.TarInfo("ü" * 60 + ".eml"), MAIL)
    assert b" path=" in raw
    at = raw.index(b" path=") - 3
    fact = f"size={len(MAIL)}\n"
    record = f"{len(fact) + 3} {fact}".encode()
    assert raw[at - 1 : at] == b"\0"
    old = raw[at : raw.index(b"\n", at) + 1]
    header = bytearray(raw)
    header[at : at + len(old) + len(record)] = record + old
    header[124:136] = b"%011o\0" % (len(old) + len(record))
    large = bytearray(checked(header))
    member = large.index(b"ustar", 1024) - 257
    large[member + 124 : member + 136] = b"%011o\0" % 0
    large[member:] = checked(large[member:])
    assert of(bytes(large)).mails[0].raw == MAIL


def test_a_long_name_that_is_torn(of: Of) -> None:
    assert of(tar_with(tarfile.TarInfo("ü" * 90), MAIL)[:600]).said[0].endswith(": its end is missing")


def test_what_follows_the_data_of_a_member_counts_for_nothing(of: Of) -> None:
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(MAIL) + packer.flush() + b"more"
    raw = zip_with("a.eml", data, method=8).replace(
        struct.pack("<L", zlib.crc32(data)), struct.pack("<L", zlib.crc32(MAIL))
    )
    assert of(raw).mails[0].raw == MAIL


def test_a_sparse_file_of_newer_programs(of: Of) -> None:
    info = tarfile.TarInfo("a.eml")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "b.eml", "comment": "of no concern here"}
    read = of(tar_with(info, MAIL))
    assert read.said[0].endswith("/b.eml: a sparse file, which is not read")


class _Zstd:
    """A decompressor in place of that of Python 3.14."""

    eof = False
    needs_input = True
    unused_data = b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        self.eof = True
        return data.removeprefix(b"\x28\xb5\x2f\xfd")


def test_zstd_where_python_has_it(of: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    data = b"\x28\xb5\x2f\xfd" + MAIL
    said = of(data).said[0]
    assert said.endswith("compressed with zstd, which needs Python 3.14; unpack it with 'zstd -d'")
    module = ModuleType("compression.zstd")
    module.ZstdDecompressor, module.ZstdError = _Zstd, ValueError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "compression.zstd", module)
    assert of(data).mails[0].raw == MAIL


def test_an_archive_without_mail_is_said(of: Of) -> None:
    for data in (zip_of({}), zip_of({"a.txt": b"text"})):
        assert [line.rpartition("file: ")[2] for line in of(data).said] == ["no mail in this archive"]


# --- memory -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "tgz", "tar", "tar.bz2"])
def test_an_archive_is_read_in_constant_memory(kind: str, tmp_path: Path) -> None:
    """Many members, and one that is large: neither is ever held as a whole."""
    path = tmp_path / "large"
    large = b"".join(POSTMARK + MAIL + os.urandom(3000).hex().encode() + b"\n\n" for _ in range(800))
    path.write_bytes(KINDS[kind]({"large.mbox": large} | {f"{number}.eml": MAIL for number in range(1200)}))
    tracemalloc.start()
    inbox = Inbox([str(path)])
    count = sum(1 for _ in inbox)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2000
    assert peak < 3_500_000 < len(large)
    assert inbox.done == path.stat().st_size or kind == "zip"
