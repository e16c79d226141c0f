"""`undeliverable report`: what it reads, what it says, and how it ends."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from undeliverable import parse
from undeliverable.cli import main

ROOT = Path(__file__).parent.parent
BOUNCES = ROOT / "fixtures" / "bounces"
MIXED = BOUNCES / "exim-mixed.eml"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = main(["report", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    status, out, err = run(capsys, BOUNCES, "-o", page, "--title", "All of it")
    assert status == 0
    assert out.splitlines()[1].split()[:3] == ["all", "no", "rate"]
    assert err.endswith(f"reports; {page}\n")
    assert "<h1>All of it</h1>" in page.read_text(encoding="utf-8")


def test_records_logs_and_mail_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.dumps(parse(MIXED.read_bytes()).to_dict()).encode()
    records = tmp_path / "bounces.jsonl.gz"
    records.write_bytes(gzip.compress(record + b"\n\nnonsense\n[1]\n{}\n" + b"[" * 100_000 + b"\n"))
    status, _, err = run(capsys, MIXED, records, "-o", tmp_path / "a.html")
    assert status == 0
    assert f"{records}:3: " in err
    assert "2 reports, 4 files or lines could not be read" in err
    log = tmp_path / "mail.log"
    log.write_bytes(b"nonsense\n" + (ROOT / "fixtures" / "logs" / "postfix.log").read_bytes())
    status, out, _ = run(capsys, "--log", log, "-o", tmp_path / "b.html", "--sent", "300")
    assert status == 0
    assert out.splitlines()[1].split()[0] == "all"
    assert out.splitlines()[1].split()[2] == "300"


def test_numbers_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent = tmp_path / "sent.csv"
    sent.write_text(
        "\ufeffDay,Campaign,Source,sent\n2026-11-21,c-m0434,fair, 15\n2026-11-20,c-m0434,,5\n", encoding="utf-8"
    )
    status, out, _ = run(capsys, BOUNCES, "-o", tmp_path / "a.html", "--sent", sent)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].split() == ["group", "decision", "sent", "hard", "rate", "complaints", "rate"]
    assert lines[1].split()[:3] == ["all", "watch", "20"]
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="t-by-source"' in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("campaign\na\n", "column `sent` is missing"),
        ("", "column `sent` is missing"),
        ("sent\n1\n-2\n", "sent.csv:3: '-2' is not a number"),
        ("day,sent\n2026-11-20\n", "sent.csv: line 2: 1 cell instead of 2"),
        ("day,sent\n2026-11-20,\n", "'' is not a number"),
        ('day,sent\n"2026-11-20,1\n2026-11-21,2\n', "sent.csv: line 2: a quote is not closed"),
    ],
)
def test_numbers_sent_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    (tmp_path / "sent.csv").write_text(text, encoding="utf-8")
    status, _, err = run(capsys, MIXED, "-o", tmp_path / "a.html", "--sent", tmp_path / "sent.csv")
    assert status == 2
    assert words in err
    assert not (tmp_path / "a.html").exists()


def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sent.csv").write_bytes(b"sent\n\xff\n")
    for words, said in (
        (("--sent", str(tmp_path / "none.csv")), "none.csv: No such file"),
        (("--sent", str(tmp_path / "sent.csv")), "utf-8"),
        (("--verp", "bounces@example.com"), "--verp"),
    ):
        status, _, err = run(capsys, MIXED, "-o", tmp_path / "a.html", *words)
        assert status == 2
        assert said in err
    status, _, err = run(capsys, MIXED, "-o", tmp_path / "none" / "a.html")
    assert status == 2
    assert "none" in err


def test_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, tmp_path / "none.eml", "-o", tmp_path / "a.html")
    assert status == 1
    assert "0 reports, 1 files" in err


def test_tags_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "a.html"
    places = ("--source-header", "List-Id", "--verp", "ret-{campaign}+{mailbox}={domain}@list.example")
    assert run(capsys, MIXED, "-o", page, *places)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "news.list.example" in text
    assert "c-m0434" in text


def test_somebody_watches(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(capsys, MIXED, "-o", tmp_path / "a.html")[0] == 0
