"""Mail becomes Parquet in bounded memory, octet by octet, and a folder is there when it is complete."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from tests.test_arrow import BOUNCE, FIXTURES, ORDINARY, PAIR
from undeliverable import read
from undeliverable.cli import _parquet, export, main
from undeliverable.cli._rows import Rows
from undeliverable.files import Inbox

pa = pytest.importorskip("pyarrow", reason="needs the extra `arrow`")
pq = pytest.importorskip("pyarrow.parquet")

SEPARATOR = b"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mail"
    made.mkdir()
    (made / "one.eml").write_bytes(BOUNCE)
    (made / "two.mbox").write_bytes(
        b"".join(SEPARATOR + raw.replace(b"\r\n", b"\n") + b"\n\n" for raw in (ORDINARY, PAIR))
    )
    (made / "three.eml.gz").write_bytes(gzip.compress(b"Subject: \xff\x00\n\nx\r\n"))
    with zipfile.ZipFile(made / "four.zip", "w") as packed:
        packed.writestr("inside/five.eml", PAIR)
    for name in ("cur", "new", "tmp"):
        (made / "Maildir" / name).mkdir(parents=True)
    (made / "Maildir" / "new" / "1.host").write_bytes(BOUNCE)
    return made


def table_of(path: Path) -> Any:
    return pa.concat_tables([pq.read_table(file) for file in sorted(path.glob("*.parquet"))])


def test_every_message_is_there_octet_by_octet(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--to", "parquet", str(folder), "-o", str(tmp_path / "out")]) == 0
    found = table_of(tmp_path / "out")
    wanted = list(Inbox([str(folder)]))
    assert found.schema == export._fields()
    assert found["id"].to_pylist() == [mail.source for mail in wanted]
    assert found["raw"].to_pylist() == [mail.raw for mail in wanted]
    assert found["received"].to_pylist() == [mail.received for mail in wanted]
    assert {one is None for one in found["received"].to_pylist()} == {True, False}
    assert "6 messages in" in capsys.readouterr().err


def test_the_batches_are_valid() -> None:
    mails = [
        mail
        for mail in Inbox([str(Path(__file__).resolve().parent.parent / "fixtures")], warn=lambda _: None)
        if not mail.is_record
    ]
    for some in (mails, mails[:1], [], [mails[0]._replace(source="\udcff", received=datetime(1601, 1, 1, tzinfo=UTC))]):
        batch = export._batch(some)
        batch.validate(full=True)
        assert batch["raw"].to_pylist() == [mail.raw for mail in some]
        assert batch["received"].to_pylist() == [mail.received for mail in some]


def test_large_folders_have_several_files_and_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_GROUP", 10_000)
    monkeypatch.setattr(export, "_PIECE", 2_000)
    monkeypatch.setattr(export, "_MB", 5_000)
    path = tmp_path / "large.mbox"
    path.write_bytes(
        b"".join(
            SEPARATOR + raw.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ") + b"\n\n" for raw in FIXTURES[:200]
        )
    )
    assert main(["export", str(path), "-o", str(tmp_path / "out"), "--file-size", "4"]) == 0
    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert len(files) > 2
    assert max(pq.ParquetFile(file).num_row_groups for file in files) > 1
    assert table_of(tmp_path / "out")["id"].to_pylist() == [f"{path}#{number}" for number in range(1, 201)]


def test_a_folder_without_mail_gives_an_empty_file_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["export", str(tmp_path / "empty"), "-o", str(tmp_path / "out")]) == 1
    assert table_of(tmp_path / "out").num_rows == 0


def test_records_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from json import dumps

    from undeliverable import parse

    (tmp_path / "one.jsonl").write_text(dumps(parse(BOUNCE).to_dict()) + "\n", encoding="utf-8")
    (tmp_path / "two.eml").write_bytes(BOUNCE)
    assert main(["export", "-q", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    assert "1 record left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["-o", "{full}"], 2, "is not empty; name a new folder"),
        (["-o", "{file}/x"], 2, "Not a directory"),
        (["-o", "{file}"], 2, "Not a directory"),
    ],
)
def test_what_cannot_be_made_is_said(
    options: list[str], status: int, words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"full": str(folder), "file": str(folder / "one.eml"), "new": str(tmp_path / "new")}
    before = sorted(os.listdir(folder))
    assert main(["export", str(folder), *(one.format(**places) for one in options)]) == status
    assert words in capsys.readouterr().err
    assert sorted(os.listdir(folder)) == before


def test_an_empty_folder_may_be_filled(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 0
    assert table_of(tmp_path / "out").num_rows == 6


def test_nothing_is_left_of_a_folder_that_is_not_complete(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_parquet.Folder, "_flush", interrupted)
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("a word of pyarrow's"), "a word of"),
    ],
)
def test_a_folder_that_cannot_get_its_name_is_said_and_not_left(
    error: OSError,
    said: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "rename", fails)
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith(f"undeliverable: {tmp_path / 'out'}: {said}")
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


def test_a_full_disk_is_said_and_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 1
    assert "out: No space left on device" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


def test_without_pyarrow_the_command_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from undeliverable.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "export", str(tmp_path), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Parquet needs pyarrow: pip install 'undeliverable[arrow]'" in done.stderr


def test_export_imports_no_pandas(folder: Path, tmp_path: Path) -> None:
    """It would take as much memory again as all the rest."""
    code = "import sys; from undeliverable.cli import main; main(sys.argv[1:]); print('pandas' in sys.modules)"
    command = [sys.executable, "-c", code, "export", str(folder), "-o", str(tmp_path / "out")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


# --- the results of classify ------------------------------------------------------------------------------------------


def test_records_are_written_as_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from undeliverable import parse
    from undeliverable.arrow import from_records

    monkeypatch.setattr(_parquet, "_ROWS", 30)
    records = [parse(raw, source=str(number)).to_dict() for number, raw in enumerate(FIXTURES[:100])]
    output = _parquet.Results(str(tmp_path / "out"))
    for record in records:
        output.put(cast("Rows", [(record,)]))
    output.close()
    assert table_of(tmp_path / "out").to_pylist() == from_records(records).to_pylist()
    assert table_of(tmp_path / "out").schema == from_records([]).schema


def test_results_without_rows_have_their_columns(tmp_path: Path) -> None:
    from undeliverable.arrow import from_records

    _parquet.Results(str(tmp_path / "out")).close()
    assert table_of(tmp_path / "out").schema == from_records([]).schema
    dropped = _parquet.Results(str(tmp_path / "dropped"))
    dropped.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# --- reading Parquet --------------------------------------------------------------------------------------------------


def records_of(
    *paths: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...] = ()
) -> tuple[int, list[Any], str]:
    status = main(["classify", "-q", "--format", "jsonl", *options, *map(str, paths)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_classify_says_the_same_of_the_mail_and_of_its_export(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    wanted = records_of(folder, capsys=capsys)
    assert records_of(*(tmp_path / "out").iterdir(), capsys=capsys) == wanted
    assert records_of(tmp_path / "out", capsys=capsys) == wanted
    assert [report.to_dict() for report in read(tmp_path / "out")] == wanted[1]


def test_a_column_may_have_any_name_and_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.parquet"
    kinds = (pa.binary(), pa.large_binary(), pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.binary()))
    for kind in kinds:
        pq.write_table(
            pa.table({"body": pa.array([ORDINARY, None, BOUNCE if kind == pa.binary() else ORDINARY], kind)}), path
        )
        status, records, err = records_of(path, capsys=capsys, options=("--column", "body"))
        assert (status, [record["source"] for record in records]) == (0, [f"{path}#1", f"{path}#3"])
        assert f"{path}#2: no message, column 'body' is null" in err


def test_times_of_a_column_are_those_of_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.parquet"
    for kind in (pa.timestamp("s", tz="UTC"), pa.timestamp("ns")):
        pq.write_table(
            pa.table({"id": ["a", "b"], "received": pa.array([0, None], kind), "raw": [BOUNCE, BOUNCE]}), path
        )
        _, records, _ = records_of(path, capsys=capsys)
        assert [(one["source"], one["received"]) for one in records] == [
            ("a", "1970-01-01T00:00:00+00:00"),
            ("b", None),
        ]
    pq.write_table(pa.table({"received": ["yesterday"], "raw": [BOUNCE]}), path)
    assert records_of(path, capsys=capsys)[1][0]["received"] is None


def test_many_nulls_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.parquet"
    pq.write_table(pa.table({"raw": pa.array([None] * 100 + [BOUNCE], pa.binary())}), path)
    _, records, err = records_of(path, capsys=capsys)
    assert len(records) == 1
    assert err.count("is null") == 10
    assert "100 rows without a message" in err


def test_a_message_beyond_the_limit_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undeliverable.files._parquet.LIMIT", 1 << 20)
    path = tmp_path / "mail.parquet"
    pq.write_table(pa.table({"id": ["a"], "raw": [ORDINARY + bytes(1 << 20)]}), path)
    assert "a: longer than 1 MiB; only the beginning was read" in records_of(path, capsys=capsys)[2]


def test_what_cannot_be_read_as_mail_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, broken, numbers = (tmp_path / f"{name}.parquet" for name in ("other", "broken", "numbers"))
    pq.write_table(pa.table({"x": [1]}), other)
    pq.write_table(pa.table({"raw": [1]}), numbers)
    broken.write_bytes(other.read_bytes()[:-20])
    for path, words in (
        (other, "no column 'raw'; name one of x with --column"),
        (numbers, "column 'raw': expected binary or string, not int64"),
        (broken, "broken.parquet: "),
    ):
        status, records, err = records_of(path, capsys=capsys)
        assert (status, records) == (1, [])
        assert words in err
    status, records, err = records_of(other, capsys=capsys, options=("--log",))
    assert (status, "Parquet is read from a file of its own" in err) == (1, True)
    skipped: list[tuple[str, str]] = []
    inbox = Inbox([str(tmp_path)], warn=lambda _: None, skipped_file=lambda *one: skipped.append(one))
    assert list(inbox) == []
    assert (inbox.failed, {path for path, _ in skipped}) == (1, {str(other), str(numbers)})


def test_without_pyarrow_a_file_of_parquet_names_the_extra(tmp_path: Path) -> None:
    path = tmp_path / "mail.parquet"
    pq.write_table(pa.table({"raw": [BOUNCE]}), path)
    code = "import sys; sys.modules['pyarrow'] = None; from undeliverable.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "classify", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'undeliverable[arrow]'" in done.stderr


# --- classify --format parquet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_classify_writes_what_it_says_as_columns(
    jobs: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from undeliverable.arrow import from_records

    out = str(tmp_path / "out")
    assert main(["classify", "--jobs", jobs, "--format", "parquet", "-o", out, str(folder)]) == 0
    assert "rows in" in capsys.readouterr().err
    _, records, _ = records_of(folder, capsys=capsys)
    assert table_of(tmp_path / "out").to_pylist() == from_records(records).to_pylist()


def test_only_what_is_asked_for_is_written(folder: Path, tmp_path: Path) -> None:
    assert main(["classify", "-q", "--only", "hard", "-o", str(tmp_path / "hard.parquet"), str(folder)]) == 0
    assert set(table_of(tmp_path / "hard.parquet")["bounce_type"].to_pylist()) == {"hard"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "parquet"], "--format parquet needs -o DIR"),
        (["--format", "parquet", "-o", "{new}", "--fields", "recipient"], "--fields: parquet has all columns"),
        (["--format", "parquet", "-o", "{full}"], "is not empty; name a new folder"),
    ],
)
def test_wrong_options_are_said(
    options: list[str], words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [one.format(new=tmp_path / "new", full=folder) for one in options]
    assert main(["classify", *given, str(folder)]) == 2
    assert words in capsys.readouterr().err


def test_an_interrupted_run_leaves_no_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_parquet.Results, "put", interrupted)
    assert main(["classify", "--format", "parquet", "-o", str(tmp_path / "out"), str(folder)]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]
