"""Twelve jobs of people who have just installed the command, each from the first command to a result."""

from __future__ import annotations

import io
import mailbox
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Final

import pytest

import undeliverable
from undeliverable.cli import main

REPOSITORY: Final = Path(__file__).parent.parent
FIXTURES: Final = REPOSITORY / "fixtures"
BOUNCES: Final = sorted((FIXTURES / "bounces").glob("*.eml"))[:40]
MAILDIR: Final = 500


def letters() -> list[bytes]:
    """Return bounces as they came, without the line that an mbox puts before each."""
    found = (path.read_bytes() for path in BOUNCES)
    return [raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw for raw in found]


@pytest.fixture
def takeout(tmp_path: Path) -> Path:
    """An archive as Google hands it out: one mbox, in a folder, beside a page that says what is there."""
    mails = b"".join(
        b"From 1849%d@xxx Sat Nov 21 21:16:%02d +0000 2026\nX-GM-THRID: 1\nX-Gmail-Labels: Inbox\n%b\n\n"
        % (number, number, raw)
        for number, raw in enumerate(letters())
    )
    path = tmp_path / "takeout-20261130.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (("Mail/All mail.mbox", mails), ("archive_browser.html", b"<html></html>")):
            entry = tarfile.TarInfo(f"Takeout/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_the_dead_addresses_of_a_takeout_become_a_list_for_a_newsletter_tool(
    takeout: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mails").mkdir()
    for number, raw in enumerate(letters()):
        (tmp_path / "mails" / f"{number:03}.eml").write_bytes(raw)
    assert main(["classify", "--only", "suppress", "--format", "txt", str(takeout)]) == 0
    dead = capfd.readouterr().out.splitlines()
    assert main(["classify", "--only", "suppress", "--format", "txt", str(tmp_path / "mails")]) == 0
    assert dead == capfd.readouterr().out.splitlines()
    assert dead
    assert len(dead) == len(set(dead))
    assert all(line.count("@") == 1 and " " not in line for line in dead)


def test_a_support_person_finds_out_why_one_customers_mail_bounced(
    takeout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", "--format", "table", str(takeout)]) == 0
    rows = [line for line in capfd.readouterr().out.splitlines() if "kim.r234@postfix.example" in line]
    assert rows
    assert "user_unknown" in rows[0]
    assert main(["explain", str(takeout), "--recipient", "Kim.R234@Postfix.Example"]) == 0
    shown = capfd.readouterr().out
    assert "Mail to kim.r234@postfix.example could not be delivered: the mailbox does not exist." in shown
    assert "next " in shown
    assert main(["explain", str(takeout), "--recipient", "nobody@postfix.example"]) == 1
    assert "nobody@postfix.example" in capfd.readouterr().err


def test_what_to_do_about_yahoo_is_said_with_yahoos_own_pages(capfd: pytest.CaptureFixture[str]) -> None:
    reply = (
        "421 4.7.0 [TSS04] Messages from 192.0.2.10 temporarily deferred due to unexpected volume or user complaints"
    )
    assert main(["explain", reply]) == 0
    shown = capfd.readouterr().out
    assert "https://senders.yahooinc.com/" in shown
    assert "next " in shown
    assert main(["rules", "list", "--provider", "yahoo"]) == 0
    assert "yahoo.over_quota" in capfd.readouterr().out


def test_552_is_made_hard_at_one_provider_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[[policy]]\nwhen = { reason = "mailbox_full", provider = "yahoo" }\nthen = { bounce_type = "hard" }\n',
        encoding="utf-8",
    )
    assert main(["rules", "check", str(mine)]) == 0
    capfd.readouterr()
    folder = REPOSITORY / "docs" / "examples" / "bounces"
    assert (
        main(["classify", "--format", "csv", "--fields", "source,bounce_type", "--rules", str(mine), str(folder)]) == 0
    )
    types = dict(line.rsplit(",", 1) for line in capfd.readouterr().out.splitlines()[1:])
    assert {Path(name).name: kind for name, kind in types.items()} == {
        "1-full-at-yahoo.eml": "hard",
        "2-full-elsewhere.eml": "soft",
        "3-full-for-now.eml": "soft",
        "4-too-large.eml": "soft",
    }


def test_a_daily_mail_for_cron_fits_a_page_and_warns_by_its_exit_status(capfd: pytest.CaptureFixture[str]) -> None:
    log = str(FIXTURES / "logs" / "postfix.log")
    status = main(["summary", "--log", "--fail-on", "watch", log])
    lines = capfd.readouterr().out.splitlines()
    assert status in {3, 4}, "a quarter of this log's mail failed"
    assert max(map(len, lines)) <= 80
    assert any("failed" in line for line in lines)


def test_a_report_for_a_colleague_is_one_file(takeout: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["report", str(takeout), "--sent", "5000", "--title", "November letter", "-o", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "November letter" in text
    assert "<script src" not in text
    assert '<link rel="stylesheet"' not in text


def test_two_lines_make_a_data_frame(takeout: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(verdict.to_dict() for report in undeliverable.read(takeout) for verdict in report.verdicts)
    assert (frame[frame.advice == "suppress"].bounce_type == "hard").any()
    assert {"recipient", "reason", "status"} <= set(frame.columns)


def test_a_maildir_is_read_to_the_last_message(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    found = letters()
    for number in range(MAILDIR):
        name = f"17000000{number:03}.M{number}P1.mx:2,S"
        (tmp_path / "Maildir" / "cur" / name).write_bytes(
            found[number % len(found)].replace(b"kim@", b"kim%d@" % number)
        )
    assert len(box) == MAILDIR
    assert main(["classify", "--format", "jsonl", str(tmp_path / "Maildir")]) == 0
    assert len(capfd.readouterr().out.splitlines()) == MAILDIR


def test_a_log_that_is_followed_shows_each_line_as_it_comes() -> None:
    lines = (FIXTURES / "logs" / "postfix.log").read_bytes().splitlines(keepends=True)
    command = [sys.executable, "-m", "undeliverable", "classify", "--log", "-"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for line in lines[:2]:
            run.stdin.write(line)
            run.stdin.flush()
            shown = b""
            while b"@" not in shown:  # the header comes before the first row
                shown = run.stdout.readline()
                assert shown
        assert run.poll() is None, "it waits for more"
        run.stdin.close()
        assert run.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]\n", "mine.toml:1:7: not TOML"),
        (
            '[[rule]]\nid = "x"\nwhen = { any_words = ["full"] }\nthen = { reason = "mailbox_ful" }\nexample = "552 full"\n',
            "mine.toml:4:10: entry 'x': key 'then.reason': unknown reason 'mailbox_ful'; did you mean mailbox_full",
        ),
    ],
)
def test_a_wrong_rule_file_is_said_with_its_place(
    text: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text, encoding="utf-8")
    assert main(["classify", str(FIXTURES / "bounces"), "--rules", str(mine)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_broken_resolver_condemns_no_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("dns")
    (tmp_path / "list.txt").write_text("kim@gmail.com\nlee@shop.example\n", encoding="utf-8")
    before = time.monotonic()
    assert (
        main(["check", str(tmp_path / "list.txt"), "--nameserver", "127.0.0.1", "--port", "9", "--timeout", "0.3"]) == 1
    )
    out, err = capfd.readouterr()
    assert "leave_out" not in out
    assert "name server" in err
    assert len(err.splitlines()) == 1
    assert time.monotonic() - before < 60


def test_a_bounce_in_japanese_is_explained_in_ones_own_language(capfd: pytest.CaptureFixture[str]) -> None:
    sample = REPOSITORY / "src" / "undeliverable" / "data" / "samples" / "japanese.eml"
    assert main(["explain", str(sample)]) == 0
    english = capfd.readouterr().out
    assert english.startswith("Mail to yuki@kaisha.example could not be delivered: the mailbox does not exist.\n")
    assert "ユーザーが存在しません" in english
    assert main(["explain", "--lang", "de", str(sample)]) == 0
    assert capfd.readouterr().out.splitlines()[0] != english.splitlines()[0]
