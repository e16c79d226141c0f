"""Lists in archives are imported and checked one after the other, and what is no list there is said."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.archives import KINDS, zip_of
from undeliverable.files import lists_in

pytest.importorskip("undeliverable.store")

CLEANED: Final = b"Email Address,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID\nkim@example.org,2026-11-01 10:00:00,News,1\n"
PLAIN: Final = b"lee@example.org\njo@example.org\n"
EXPORT: Final = {"export/cleaned.csv": CLEANED, "export/dead.txt": PLAIN}

Run = Callable[..., tuple[int, str, str]]


def addresses(path: Path, run: Run) -> list[str]:
    return sorted(run("suppressions", "export", "--format", "plain", path)[1].split())


@pytest.mark.parametrize("kind", KINDS)
def test_the_lists_of_an_archive_are_imported(kind: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / "export").write_bytes(KINDS[kind](EXPORT))
    status, _, err = run("suppressions", "import", tmp_path / "export", tmp_path / "list.db")
    assert status == 0
    assert f"{tmp_path}/export/export/cleaned.csv: 1 rows; 1 new events" in err
    assert f"{tmp_path}/export/export/dead.txt: 2 rows; 2 new events" in err
    assert {"kim@example.org", "lee@example.org", "jo@example.org"} <= set(addresses(tmp_path / "list.db", run))


def test_what_is_no_list_is_said_and_costs_no_other(tmp_path: Path, run: Run) -> None:
    files = {
        "a.csv": b"colour,size\nred,1\n", "b.png": b"\x89PNG\r\n\x1a\n", "c.csv": b"%PDF-1.7", "d.zip": zip_of({}), "e.txt": zip_of({}),
        "../f.csv": PLAIN, "g.csv.gz": gzip.compress(PLAIN), "h.csv.gz": b"\x1f\x8bx", ".i.csv": PLAIN,
    }  # fmt: skip
    (tmp_path / "a.zip").write_bytes(zip_of(files))
    status, _, err = run("suppressions", "import", tmp_path / "a.zip", tmp_path / "list.db")
    assert status == 1
    assert "g.csv.gz: 2 rows; 2 new events" in err
    for said in (
        "a.zip/a.csv: ", "a.zip/b.png: not named as a list (.csv", "a.zip/c.csv: a PDF document, which is not read",
        "a.zip/d.zip: not named as a list", "a.zip/e.txt: an archive inside an archive", "a.zip/../f.csv: its path leads out", "a.zip/h.csv.gz: ",
    ):  # fmt: skip
        assert err.count(said) == 1
    assert ".i.csv" not in err


def test_an_archive_without_lists(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of({"a.png": b""}))
    status, _, err = run("suppressions", "import", tmp_path / "a.zip", tmp_path / "list.db")
    assert status == 1
    assert "a.zip: no list in this archive" in err


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"%PDF-1.7", "a PDF document, which is not read: save the message itself, as .eml"),
        (zip_of({"[Content_Types].xml": b""}), "an Office document (.xlsx, .docx), which is not read: save a table as CSV"),
        (gzip.compress(zip_of({"a.csv": PLAIN})), "an archive inside an archive, which is not opened"),
        (zip_of({"a.csv": PLAIN})[:-30], "its end is missing, where a zip archive has its directory"),
        (gzip.compress(PLAIN)[:-9], "its end is missing"),
        (b"\x1f\x8bx", "its end is missing"),
    ],
    ids=("pdf", "office", "nested", "torn zip", "torn gzip", "no gzip"),
)  # fmt: skip
@pytest.mark.parametrize("command", [("import",), ("filter",)], ids=" ".join)
def test_what_cannot_be_read_is_said_in_a_line(
    command: tuple[str, ...], data: bytes, why: str, tmp_path: Path, run: Run
) -> None:
    run("suppressions", "add", "kim@example.org", tmp_path / "list.db")
    (tmp_path / "file").write_bytes(data)
    status, _, err = run("suppressions", *command, tmp_path / "file", tmp_path / "list.db")
    assert status == 1
    assert f"undeliverable: {tmp_path}/file: {why}" in err
    assert "Traceback" not in err


def test_one_list_is_filtered_at_a_time(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("suppressions", "add", "kim@example.org", tmp_path / "list.db")
    (tmp_path / "a.zip").write_bytes(zip_of(EXPORT))
    status, _, err = run("suppressions", "filter", tmp_path / "a.zip", tmp_path / "list.db")
    assert status == 2
    assert "a.zip: an archive; unpack it and name the list in it" in err
    for pack in (gzip.compress, bz2.compress):
        (tmp_path / "a.txt").write_bytes(pack(PLAIN + b"kim@example.org\n"))
        assert run("suppressions", "filter", tmp_path / "a.txt", tmp_path / "list.db")[:2] == (0, PLAIN.decode())
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO((tmp_path / "a.txt").read_bytes())))
        )
        assert run("suppressions", "filter", "-", tmp_path / "list.db")[:2] == (0, PLAIN.decode())


def test_lists_are_checked_in_archives_as_well(tmp_path: Path) -> None:
    pytest.importorskip("email_validator")
    from undeliverable.cli._address_rows import AddressRows

    for data in (zip_of(EXPORT), gzip.compress(CLEANED + PLAIN)):
        (tmp_path / "file").write_bytes(data)
        with AddressRows(str(tmp_path / "file"), None) as rows:
            assert [address for _, address in rows] == ["kim@example.org", "lee@example.org", "jo@example.org"]
    (tmp_path / "file").write_bytes(b"ARROW1\0\0")
    with AddressRows(str(tmp_path / "file"), None) as rows:
        assert list(rows) == []
        assert rows.failed


def test_what_is_left_out_is_said_only_where_somebody_asks() -> None:
    said: list[str] = []
    data = zip_of({"a.png": b"", "b.csv": PLAIN})
    encrypted = data.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\x01\0")
    assert [one.path for one in lists_in(io.BytesIO(data), "x", said.append)] == ["x/b.csv"]
    assert said == []
    assert list(lists_in(io.BytesIO(encrypted), "x", said.append)) == []
    assert said == [f"x/{name}: encrypted; unpack it with its password" for name in ("a.png", "b.csv")]


def test_a_pipe_that_cannot_be_sought() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = zip_of(EXPORT)
    found = [(one.path, one.file.read()) for one in lists_in(io.BufferedReader(Pipe(data)), "-", pytest.fail)]
    assert found == [("-/export/cleaned.csv", CLEANED), ("-/export/dead.txt", PLAIN)]
