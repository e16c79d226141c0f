"""`undeliverable classify --log`: the same outputs for the logs of mail servers."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from tests.test_logs import EXIM, LINES, POSTFIX
from undeliverable.cli import main
from undeliverable.files._streams import Stream


def test_records_of_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.log.2.gz"
    path.write_bytes(gzip.compress("\n".join(POSTFIX).encode()))
    assert main(["classify", "--log", "--format", "jsonl", str(path)]) == 0
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["source"] for record in records] == [f"{path}:{number}" for number in (4, 5, 6, 8)]
    assert records[0]["message"]["returned"]["message_id"] == "1@example.net"
    assert records[2]["verdicts"][0]["recipient"] == "lee@example.org"
    lines = [" ".join(line.split()) for line in err.splitlines()]
    assert lines[0].startswith("2 bounces 1 hard")
    assert lines[-2:] == ["2 others 2 delays", "8 lines of the log read"]


def test_standard_input_and_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO("\n".join(EXIM).encode()))))
    assert main(["classify", "--log", "--only", "bounce", "-"]) == 0
    out, _ = capsys.readouterr()
    (_, row) = out.splitlines()
    assert row.split() == ["soft", "kim@example.org", "mailbox_full", "452", "4.2.2", "retry", "-:4"]


def test_a_log_without_deliveries_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.log"
    path.write_text("Nov 21 21:16:18 mx postfix/smtpd[15279]: connect from localhost[127.0.0.1]\n")
    assert main(["classify", "--log", str(path)]) == 0
    assert capsys.readouterr().err.split() == ["0", "messages", "1", "line", "of", "the", "log", "read"]
    assert main(["classify", "--log", str(tmp_path / "missing")]) == 1


def test_rows_of_unknown_columns_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "acct.csv"
    path.write_text("b,news@example.net,kim@example.org,5.1.1 (bad),smtp;550 5.1.1 no such user\n" * 2)
    said = "2 lines not read: powermta: without a header, rcpt is no address"
    assert main(["classify", "--log", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "example" not in out
    assert said in err
    assert main(["report", "--log", "-o", str(tmp_path / "report.html"), str(path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("classify",), "--log"),
        (("explain",), "explain --log"),
        (("rules", "diff", "builtin", "ses"), "--log"),
        (("rules", "suggest"), "--log"),
        (("report", "-o", "report.html"), "--log"),
    ],
)
@pytest.mark.parametrize("name", list(LINES))
def test_a_log_where_mail_is_expected(
    name: str,
    command: tuple[str, ...],
    option: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mail.log"
    path.write_text("\n".join(LINES[name]), encoding="utf-8")
    main([*command, str(path)])
    done = "this is a log, which is read as one message, so its verdicts mean nothing"
    warning = f"undeliverable: {path}: warning: {done}; logs are read with {option}\n"
    assert capsys.readouterr().err.count(warning) == 1
    if option == "--log":
        main([*command, "--log", str(path)])
        assert "this is a log" not in capsys.readouterr().err


def test_logs_among_mail_are_warned_of_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in LINES.items():
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    main(["classify", str(tmp_path)])
    err = capsys.readouterr().err
    assert err.count("this is a log, which is skipped; logs are read with --log") == 1
    assert err.count("warning") == 1


def test_mail_and_texts_are_no_logs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["classify", "fixtures"])
    assert "this is a log, which is read as one message" not in capsys.readouterr().err


def test_a_folder_of_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in LINES.items():
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    assert main(["classify", "--log", "--format", "csv", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + sum(map(len, LINES.values()))


def test_lines_across_blocks_and_lines_without_an_end() -> None:
    long = b"x" * 600_000
    raw = b"a\n" + long + b"\nb\n\nc"
    lines = list(Stream(io.BufferedReader(io.BytesIO(raw))).lines())
    assert [len(line) for line in lines[:1]] == [1]
    assert lines[-3:] == [b"b", b"", b"c"]
    assert lines[1].startswith(b"xxx")
    assert len(lines) == 5
