"""`undeliverable anonymize`: where it writes, what it says, and when it refuses."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Final

import pytest

from undeliverable import parse, parse_log_line, read
from undeliverable.cli import main

SAMPLES: Final = Path(__file__).parent.parent / "src" / "undeliverable" / "data" / "samples"
BOUNCE: Final = SAMPLES / "unknown-user.eml"
LINE: Final = (
    b"Nov 21 21:16:19 mx postfix/smtp[15281]: 81B7B25C9D4: to=<kim@shop.de>, relay=gmail-smtp-in.l.google.com[192.0.2.9]:25, "
    b"delay=0.1, delays=0/0/0/0.1, dsn=5.1.1, status=bounced (host gmail-smtp-in.l.google.com[192.0.2.9] said: "
    b"550 5.1.1 no such user (in reply to RCPT TO command))\n"
)
RULE: Final = """
[[rule]]
id = "mine.kim"
when = { any_words = ["kimlocked"] }
then = { reason = "mailbox_disabled" }
example = "550 5.1.1 kimlocked"
"""


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    folder.mkdir()
    for name in ("unknown-user", "mailbox-full"):
        (folder / f"kim@shop.de-{name}.eml").write_bytes((SAMPLES / f"{name}.eml").read_bytes())
    return folder


def reasons(path: Path) -> list[str]:
    return sorted(str(verdict.reason) for report in read(path) for verdict in report.verdicts)


def test_one_message_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["anonymize", str(BOUNCE)]) == 0
    out, err = capfdbinary.readouterr()
    assert out.startswith(b"Return-Path: <>\n")
    assert b"kim@" not in out
    assert [verdict.reason for verdict in parse(out).verdicts] == ["user_unknown"]
    assert err == b"1 message anonymized; same verdicts. Read the result before you share it.\n"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(BOUNCE.read_bytes()))))
    assert main(["anonymize", "-q", "-", "-o", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert parse(out).verdicts[0].reason == "user_unknown"
    assert err == b""


def test_the_same_key_writes_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["anonymize", "--key", "secret", "-o", str(tmp_path / name), str(BOUNCE)]) == 0
    assert main(["anonymize", "-o", str(tmp_path / "three"), str(BOUNCE)]) == 0
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two != three


def test_a_folder_becomes_a_folder_without_its_old_names(mails: Path, tmp_path: Path) -> None:
    assert main(["anonymize", str(mails), "-o", f"{tmp_path}/share/"]) == 0
    assert sorted(path.name for path in (tmp_path / "share").iterdir()) == ["message-0001.eml", "message-0002.eml"]
    assert reasons(tmp_path / "share") == reasons(mails)


def test_several_messages_become_an_mbox(mails: Path, tmp_path: Path) -> None:
    assert main(["anonymize", str(mails), "-o", str(tmp_path / "share.mbox")]) == 0
    assert reasons(tmp_path / "share.mbox") == reasons(mails)
    assert main(["anonymize", str(tmp_path / "share.mbox"), "-o", str(tmp_path / "again.mbox")]) == 0
    assert reasons(tmp_path / "again.mbox") == reasons(mails)


def test_a_compressed_log_becomes_a_plain_one(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "mail.log.gz").write_bytes(gzip.compress(LINE * 2))
    assert main(["anonymize", "--log", str(tmp_path / "mail.log.gz")]) == 0
    out, err = capfdbinary.readouterr()
    assert out.count(b"\n") == 2
    report = parse_log_line(out.splitlines()[0])
    assert report is not None
    assert report.verdicts[0].reason == "user_unknown"
    assert err.splitlines()[1] == b"kept: gmail-smtp-in.l.google.com"


def test_records_are_lines_also_in_a_folder(tmp_path: Path) -> None:
    record = json.dumps(parse(BOUNCE.read_bytes()).to_dict())
    (tmp_path / "records.jsonl").write_text(f"{record}\n{record}\n", encoding="utf-8")
    assert main(["anonymize", str(tmp_path / "records.jsonl"), "-o", f"{tmp_path}/share/"]) == 0
    lines = (tmp_path / "share" / "lines.txt").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["verdicts"][0]["reason"] for line in lines] == ["user_unknown"] * 2
    assert "customer.example" not in lines[0]


def test_hosts_that_stay_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hosts = [f"mx{number}.google.com" for number in range(1, 10)]
    lines = [LINE.replace(b"gmail-smtp-in.l.google.com", host.encode()) for host in hosts]
    (tmp_path / "mail.log").write_bytes(b"".join(lines))
    main(["anonymize", "--log", str(tmp_path / "mail.log"), "-o", str(tmp_path / "out")])
    assert " and 3 more (-v)" in capfd.readouterr().err
    main(["anonymize", "-v", "--log", str(tmp_path / "mail.log"), "-o", str(tmp_path / "out")])
    assert f"kept: {', '.join(hosts)}\n" in capfd.readouterr().err


def test_it_refuses_what_would_be_judged_otherwise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(RULE, encoding="utf-8")
    mail = BOUNCE.read_bytes().replace(b"kim@", b"kimlocked@").replace(b"User unknown", b"kimlocked")
    (tmp_path / "in.eml").write_bytes(mail)
    arguments = [
        "anonymize",
        "--rules",
        str(tmp_path / "mine.toml"),
        str(tmp_path / "in.eml"),
        "-o",
        str(tmp_path / "out.eml"),
    ]
    assert main(arguments) == 1
    said = capfd.readouterr().err.splitlines()
    assert said[0].startswith(f"undeliverable: {tmp_path}/in.eml: left out: ")
    assert "--keep text" in said[0]
    assert said[1] == "0 messages anonymized, 1 left out; nothing was written."
    assert not (tmp_path / "out.eml").exists()
    assert main([*arguments, "--keep", "kimlocked"]) == 0


def test_it_refuses_what_still_names_somebody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # A letter that is written as its code is not replaced, but it is found.
    mail = BOUNCE.read_bytes().replace(b"kim@", b"zebrafish@").replace(b"I'm sorry", b"Ask %7Aebrafish. I'm sorry")
    (tmp_path / "in.eml").write_bytes(mail)
    assert main(["anonymize", str(tmp_path / "in.eml"), "-o", str(tmp_path / "out.eml")]) == 1
    assert "it would still contain zebrafish; if that names nobody, add --keep zebrafish" in capfd.readouterr().err
    assert main(["anonymize", str(tmp_path / "in.eml"), "-o", str(tmp_path / "out.eml"), "--keep", "zebrafish"]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--key", "", str(BOUNCE)], 2, "--key: must not be empty"),
        (["no-such-file"], 1, "no-such-file: No such file or directory"),
        ([str(BOUNCE), "-o", "/no-such-folder/out"], 1, "/no-such-folder/out: No such file or directory"),
        ([str(BOUNCE), "-o", "/dev/full"], 1, "No space left on device"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], status: int, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["anonymize", *arguments]) == status
    assert said in capfd.readouterr().err.splitlines()[0]


def test_what_is_read_is_not_written_over(mails: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = next(iter(sorted(mails.iterdir())))
    before = one.read_bytes()
    for paths in ([str(one), "-o", str(one)], [str(mails), "-o", str(one)], [str(mails), "-o", str(mails)]):
        assert main(["anonymize", *paths]) == 2
        assert "which is read; name another place" in capfd.readouterr().err
    assert one.read_bytes() == before
    assert main(["anonymize", str(one), "-o", str(mails / "new.eml")]) == 0


def test_a_closed_pipe_ends_the_run_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return 0

    class Out(io.StringIO):
        buffer = Closed()

        def fileno(self) -> int:
            import os

            return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr(sys, "stdout", Out())
    assert main(["anonymize", "-q", str(BOUNCE)]) == 0
