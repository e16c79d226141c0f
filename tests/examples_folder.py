"""A folder with everything that the examples of help texts name."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Final

from undeliverable.cli import main

__all__ = ["fill"]

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
KUMOMTA: Final = """\
[rules]
InvalidRecipient = ["^550.+nobody is called .+ here"]
QuotaIssues = ["^552.+mailbox is too full"]
"""
OURS: Final = """\
[[rule]]
id = "ours.quota"
when = { reply = "552", words = "mailbox full" }
then = { reason = "mailbox_full" }
example = "552 5.2.2 mailbox full"
"""


def letter(recipient: str, reply: str) -> str:
    return f"""\
From: MAILER-DAEMON@mx.example.net
To: news@example.net
Subject: Undelivered Mail Returned to Sender
Date: Mon, 16 Nov 2026 09:12:33 +0000
Message-ID: <{recipient}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {reply[4:9]}
Diagnostic-Code: smtp; {reply}

--b--
"""


def fill(base: Path) -> None:
    """Fill an empty folder."""
    for folder in ("bounces", "Maildir/cur", "Maildir/new", "Maildir/tmp", "run/undeliverable", "lib/bounces", "log"):
        (base / folder).mkdir(parents=True)
    letters = [
        letter("kim@example.org", "550 5.1.1 <kim@example.org>: no such user"),
        letter("pat@example.com", "552 5.2.2 mailbox full"),
    ]
    for number, text in enumerate(letters):
        (base / "bounces" / f"{number}.eml").write_text(text)
        (base / "Maildir" / "cur" / f"{number}:2,S").write_text(text)
    (base / "bounce.eml").write_text(letters[0])
    for name in ("inbox.mbox", "archive.mbox"):
        (base / name).write_text("".join(f"From MAILER-DAEMON Mon Nov 16 09:12:33 2026\n{text}\n" for text in letters))
    for name in ("mail.log", "log/mail.log"):
        shutil.copy(FIXTURES / "logs" / "postfix.log", base / name)
    for name in ("my.toml", "ours.toml"):
        (base / name).write_text(OURS)
    for name, rules in (("old", []), ("new", ["--rules", str(base / "ours.toml")])):
        command = ["classify", "-q", *rules, "--format", "parquet", "-o", str(base / name), str(base / "bounces")]
        assert main(command) == 0
    (base / "bounces.toml").write_text(KUMOMTA)
    (base / "campaign.txt").write_text("kim@example.org\nlee@example.net\n")
    (base / "subscribers.csv").write_text("name,email\nKim,kim@example.org\nLee,lee@example.net\n")
    (base / "sent.csv").write_text("recipient,message_id,sent\nkim@example.org,<1@example.net>,100\n")
    secrets = base / "secrets.toml"
    secrets.write_text('[postmark]\nusername = "user"\npassword = "a long password"\n')
    secrets.chmod(0o600)
    password = base / "password"
    password.write_text("a long password\n")
    password.chmod(0o600)
    token = base / "token"
    token.write_text("#!/bin/sh\necho an-access-token\n")
    token.chmod(0o700)
    take = base / "take-bounce"
    take.write_text("#!/bin/sh\ncat > /dev/null\n")
    take.chmod(0o700)
    (base / "archive.mbox.gz").write_bytes(gzip.compress((base / "archive.mbox").read_bytes()))
    shutil.copytree(base / "bounces", base / "fixtures")
    assert main(["report", str(base / "bounces"), "-o", str(base / "last-month.html")]) == 0
    known = str(base / "list.db")
    assert main(["suppressions", "add", "kim@example.org", "--why", "asked by phone", known]) == 0
    assert main(["suppressions", "add", "kim@example.org", "--scope", "acme", known]) == 0
    assert main(["suppressions", "add-domain", "example.org", known]) == 0
    assert main(["suppressions", "add-domain", "example.org", "--scope", "acme", known]) == 0
