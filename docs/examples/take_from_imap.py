"""Takes bounces out of a mailbox."""

from __future__ import annotations

import imaplib

from undeliverable import parse
from undeliverable.serve import Delivery, records


def take_bounces(mailbox: imaplib.IMAP4, path: str) -> int:
    """Record all unseen messages and return their number."""
    mailbox.select("INBOX")
    _, (found,) = mailbox.uid("SEARCH", "UNSEEN")
    for uid in found.split():
        _, data = mailbox.uid("FETCH", uid, "(BODY.PEEK[])")
        raw = next(item[1] for item in data if isinstance(item, tuple))
        records.append(path, [Delivery(parse(raw, source=f"imap:{uid.decode()}")).line()])
        mailbox.uid("STORE", uid, "+FLAGS", r"(\Seen)")
    return len(found.split())
