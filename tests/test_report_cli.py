"""`undeliverable report`: what it reads, what it says, and how it ends."""

from __future__ import annotations

import gzip
import json
import re
import sys
from html import unescape
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
    assert "0 reports, 1 file or line could not be read" in err


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


LOG = ROOT / "fixtures" / "logs" / "postfix.log"


@pytest.mark.parametrize(
    "name", ["mail.log", "mail.eml", "mail.jsonl", "mail.mbox", "mail.html", "mail.txt.gz", "mail"]
)
def test_the_option_says_how_a_file_is_read_and_its_name_does_not(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / name
    raw = LOG.read_bytes()
    log.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    status, out, _ = run(capsys, "--log", LOG, "-o", tmp_path / "a.html")
    assert run(capsys, "--log", log, "-o", tmp_path / "b.html") == (
        status, out, f"27 reports; {tmp_path / 'b.html'}\n",
    )  # fmt: skip
    assert status == 0


def test_a_log_shows_how_much_was_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "a.html"
    _, out, _ = run(capsys, "--log", LOG, "-o", page)
    sent, hard = out.splitlines()[1].split()[2:4]
    assert int(sent) > int(hard) > 0
    assert 'aria-label="Failures by domain"' in page.read_text(encoding="utf-8")
    records = tmp_path / "log.jsonl"
    main(["classify", "--log", "--format", "jsonl", str(LOG)])
    records.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run(capsys, records, "--sent", "seen", "-o", page)[1] == out
    assert run(capsys, records, "-o", page)[1].splitlines()[1].split()[1:3] == ["no", "rate"]
    assert run(capsys, "--log", LOG, "--sent", "20000", "-o", page)[1].splitlines()[1].split()[2] == "20,000"


def test_the_status_says_that_rates_are_too_high(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (BOUNCES, "-o", tmp_path / "a.html", "--sent")
    for sent, fail_on, status in (
        ("1000", (), 0),
        ("1000", ("--fail-on", "pause"), 4),
        ("1000", ("--fail-on", "watch"), 4),
        ("4000", ("--fail-on", "watch"), 3),
        ("4000", ("--fail-on", "pause"), 0),
        ("900000", ("--fail-on", "watch"), 0),
    ):
        assert run(capsys, *words, sent, *fail_on)[0] == status
    assert run(capsys, BOUNCES, "-o", tmp_path / "a.html", "--fail-on", "watch")[0] == 0


def test_a_page_or_mail_of_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    run(capsys, BOUNCES, "-o", first, "--title", "Spring", "--sent", "4000")
    assert run(capsys, MIXED, "-o", second, "--before", first)[0] == 0
    assert "Compared with “Spring”" in second.read_text(encoding="utf-8")
    for before, words in ((MIXED, ()), (LOG, ("--log",))):
        path = LOG if words else BOUNCES
        assert run(capsys, path, "-o", second, "--before", before, *words)[0] == 0
        assert f"Compared with “{before.name}”" in second.read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text("<!DOCTYPE html><p>a page", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for path, said in (
        (broken, "no report that `undeliverable report` wrote"),
        (tmp_path / "none.html", "nothing to compare with"),
        (tmp_path / "empty", "nothing to compare with"),
    ):
        status, _, err = run(capsys, MIXED, "-o", tmp_path / "third.html", "--before", path)
        assert (status, said in err) == (2, True)
        assert not (tmp_path / "third.html").exists()


def test_addresses_only_on_request_and_the_command_for_the_same_mail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, rules = tmp_path / "a.html", tmp_path / "my rules.toml"
    rules.write_text('[[policy]]\nthen = { label = "x" }\n', encoding="utf-8")
    run(capsys, MIXED, "-o", page, "--rules", rules, "--profile", "ses", "--docs", "https://docs.example.org")
    text = page.read_text(encoding="utf-8")
    command = re.findall(r'<code class="command">(.*?)</code>', text)[0]
    assert f"--profile ses --rules '{rules}' {MIXED}" in unescape(re.sub(r"<[^>]*>", "", command))
    assert "https://docs.example.org/reference/reasons.html" in text
    assert 'class="addresses"' not in text.partition("</style>")[2].partition("<script")[0]
    run(capsys, *[MIXED] * 6, "-o", page, "--with-addresses")
    text = page.read_text(encoding="utf-8")
    assert "PATH" in text
    assert '<pre tabindex="0" data-file="' in text


def test_quiet_leaves_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = tmp_path / "bounces.jsonl"
    record = json.dumps(parse(MIXED.read_bytes()).to_dict())
    records.write_text(f"{record}\nnonsense\n{record.replace('bounce', 'party')}\n", encoding="utf-8")
    status, out, err = run(capsys, "-q", records, "-o", tmp_path / "a.html")
    assert (status, out, err.count("\n")) == (0, "", 2)  # what could not be read is no warning
    assert "2 files or lines could not be read" in run(capsys, records, "-o", tmp_path / "a.html")[2]
    assert (tmp_path / "a.html").stat().st_size > 10_000


def test_the_page_goes_to_standard_output(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", str(MIXED), "-o", "-", "--title", "Grüße \udc80"]) == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"<!doctype html>")
    assert out.endswith(b"</html>\n")
    assert "<h1>Grüße \\udc80</h1>".encode() in out
    assert err == b"1 report; -\n"
    assert not (tmp_path / "-").exists()


def test_skipped_files_are_named_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "a.eml").write_bytes(MIXED.read_bytes())
    (tmp_path / "mails" / "notes.txt").write_text("a shopping list\n", encoding="utf-8")
    words = (tmp_path / "mails", "-o", tmp_path / "a.html")
    assert "notes.txt" not in run(capsys, *words)[2]
    assert "notes.txt: skipped, " in run(capsys, *words, "-v")[2]


def test_lines_of_a_log_that_are_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "acct.csv"
    log.write_text("b,news@example.net,kim@example.org,5.1.1 (bad),smtp;550 5.1.1 no such user\n" * 2, encoding="utf-8")
    status, _, err = run(capsys, "--log", log, "-o", tmp_path / "a.html")
    assert status == 1
    assert "not read: powermta: without a header" in err
    assert run(capsys, "-q", "--log", log, "-o", tmp_path / "a.html") == (1, "", "")
    log.write_text("Nov 21 21:16:18 mx sendd[1]: 4F1: to=<kim@example.org>, status=bounced (550 no such user)\n")
    assert (
        "1 line looks like a delivery but was not read; first: "
        in run(capsys, "--log", log, "-o", tmp_path / "a.html")[2]
    )


def test_a_full_disk_leaves_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    status, _, err = run(capsys, MIXED, "-o", tmp_path / "a.html")
    assert (status, list(tmp_path.iterdir())) == (1, [])
    assert err.startswith(f"undeliverable: {tmp_path / 'a.html'}: No space left on device")
