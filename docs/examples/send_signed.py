"""Send a message to each recipient alone, with a signed return path, and add what was sent to sent.csv.

python send_signed.py MAILING MESSAGE < recipients.txt     (MAILING: a short name, new for each mailing, such as november)
"""

from __future__ import annotations

import csv
import os
import smtplib
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import make_msgid
from pathlib import Path

from undeliverable import from_exception
from undeliverable.verp import Signer, read_keys

HOST, PORT = os.environ.get("SMTP_HOST", "127.0.0.1"), int(os.environ.get("SMTP_PORT", "25"))
KEYS = os.environ.get("KEYS", "/etc/shop/bounces.keys")


def main(mailing: str, text: str) -> None:
    """Send the message in the file `text` to all who stand on standard input, one address a line."""
    signer = Signer("bounces+{token}@bounces.example.com", read_keys(KEYS))
    with (
        smtplib.SMTP(HOST, PORT, timeout=60) as client,
        Path("sent.csv").open("a", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        if not file.tell():
            table.writerow(["recipient", "id", "message_id"])
        for number, recipient in enumerate(sys.stdin.read().split(), 1):
            message = message_from_bytes(Path(text).read_bytes(), policy=policy.SMTP)
            del message["To"], message["Message-ID"]
            message["To"], message["Message-ID"] = recipient, make_msgid(domain="example.com")
            token_id = f"{mailing}-{number}"  # at most 16 characters of a-z, 0-9, _ and -
            path = signer.sign(recipient, id=token_id, day=datetime.now(UTC).date())
            try:
                client.send_message(message, from_addr=path, to_addrs=[recipient])
            except smtplib.SMTPRecipientsRefused as error:  # at once, so there will be no bounce
                print(recipient, *(verdict.advice for verdict in from_exception(error, host=HOST)))
            else:
                table.writerow([recipient, token_id, message["Message-ID"]])
                file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
