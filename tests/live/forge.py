"""Collect what a real mail server writes about hostile replies and hostile mail.

    python -m tests.live.forge SERVER FOLDER      # Postfix, Exim, Sendmail or OpenSMTPD, installed and started by root

The bounces and a table of them (`table.jsonl`: who was refused with which words, who was not) are written to the folder,
and those that condemn somebody are printed. `fixtures/forgery/relayed` keeps one of each shape.
"""

from __future__ import annotations

import json
import re
import shutil
import smtplib
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final

from tests.forged import broken
from undeliverable import parse

from .hostile import ADDRESSES, MAILS, PLAIN, REPLIES, STAGES
from .remote import Remotes, Script
from .senders import OpenSMTPD, Sendmail
from .servers import Daemon, Exim, Postfix

BACK: Final = "back.example"
VICTIM: Final = "victim@example.org"
FULL: Final = "552 5.2.2 mailbox full"
SERVERS: Final[dict[str, type[Daemon]]] = {kind.__name__: kind for kind in (Postfix, Exim, Sendmail, OpenSMTPD)}
REMOTE: Final = {b"1": b"198.51.100.", b"2": b"203.0.113."}
QUIET: Final = 20  # seconds without a bounce, after which no more are expected
ENOUGH: Final = 150


@dataclass(frozen=True)
class Attack:
    """One message, whom it was sent to, and what the remote server says.

    Attributes:
        refused: The words of the reply by recipient.
        spared: Recipients of the message that were accepted, or whose own reply says that they exist.
        command: The command that the hostile reply answers.

    """

    name: str
    refused: Mapping[str, str]
    spared: tuple[str, ...] = ()
    command: str = "RCPT"
    body: str = "Subject: Hello\r\n\r\nHello!\r\n"

    @property
    def domain(self) -> str:
        return f"{self.name}.refusing.example"

    @property
    def recipients(self) -> list[str]:
        return list(dict.fromkeys([*self.refused, *self.spared]))

    def script(self) -> Script:
        if self.command != "RCPT":
            (reply,) = set(self.refused.values())
            return Script({self.command: reply})
        return Script(rcpt={address.partition("@")[0]: reply for address, reply in self.refused.items()})


def attacks(kind: type[Daemon]) -> Iterator[Attack]:
    """Yield each reply alone and beside other recipients, those at other commands, hostile addresses, hostile mail."""
    for name, reply in REPLIES.items():
        yield Attack(name, {f"kim@{name}.refusing.example": fill(reply, VICTIM)})
        if "\n" in reply.replace("\r\n", "") or len(fill(reply, f"fine@mixed-{name}.refusing.example")) > 2_000:
            continue  # what follows answers the next command, or ends the session: the others are refused indeed
        mixed = f"mixed-{name}"
        kim, lee, fine = (f"{who}@{mixed}.refusing.example" for who in ("kim", "lee", "fine"))
        yield Attack(mixed, {kim: fill(reply, fine), lee: FULL}, (lee, fine))
    for name, (command, reply) in STAGES.items():
        both = [f"{who}@{name}.refusing.example" for who in ("kim", "lee")]
        # Before RCPT nobody was named, so nobody's address is at fault: if only the report says what was refused.
        spared = tuple(both) if command in {"CONNECT", "MAIL"} and kind.names_commands else ()
        yield Attack(name, dict.fromkeys(both, fill(REPLIES[reply], VICTIM)), spared, command)
    for name, local in ADDRESSES.items():
        yield Attack(name, {f"{fill(local, VICTIM)}@{name}.refusing.example": PLAIN}, (), "END")
    for name, body in MAILS.items():
        yield Attack(name, {f"kim@{name}.refusing.example": PLAIN}, body=fill(body, VICTIM))


def fill(text: str, victim: str) -> str:
    return text.replace("{victim}", victim)


def octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def send(port: int, chosen: Mapping[str, Attack]) -> None:
    """Hand all messages to the server; it may refuse some addresses itself, and so send no bounce."""
    for attack in chosen.values():
        header = f"From: news@{BACK}\r\nTo: {attack.recipients[0]}\r\nMessage-ID: <{attack.name}@{BACK}>\r\n"
        with (
            suppress(smtplib.SMTPRecipientsRefused),
            smtplib.SMTP("127.0.0.1", port, "client.sender.example", timeout=60) as client,
        ):
            client.sendmail(f"{attack.name}@{BACK}", attack.recipients, octets(header + attack.body), ["BODY=8BITMIME"])


def bounces(kind: type[Daemon], chosen: Mapping[str, Attack]) -> dict[str, list[bytes]]:
    """Return what the server sent back, by the name of the attack."""
    scripts = {attack.domain: attack.script() for attack in chosen.values()}
    folder = Path(tempfile.mkdtemp(prefix="undeliverable-"))
    try:
        with Remotes(scripts | {BACK: Script()}) as remotes:
            server = kind(folder, remotes)
            server.start()
            try:
                send(server.port, chosen)
                wait(remotes.accepted, {attack.name for attack in chosen.values()})
            finally:
                server.stop()
            return sorted_by_name(remotes.accepted)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait(accepted: list[str], names: set[str]) -> None:
    """Wait until there is a bounce of each, or until no more come."""
    start = last = time.monotonic()
    count = 0
    while (now := time.monotonic()) - start < ENOUGH and now - last < QUIET:
        time.sleep(0.2)
        if len(accepted) != count:
            count, last = len(accepted), now
            if names <= set(sorted_by_name(list(accepted))):
                last -= QUIET - 2


def sorted_by_name(accepted: list[str]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for text in accepted:
        raw = anonymous(text.encode("latin-1"))
        name, at, domain = parseaddr(str(message_from_bytes(raw)["To"]))[1].partition("@")
        if at and domain == BACK:
            found.setdefault(name, []).append(raw)
    return found


def anonymous(raw: bytes) -> bytes:
    """Return the message as it was before SMTP, without the names of this machine."""
    raw = raw.removesuffix(b"\r\n.\r\n") + b"\r\n"
    raw = raw.replace(b"\r\n..", b"\r\n.").replace(b"\r\n", b"\n")
    for name in {socket.getfqdn(), socket.gethostname()} - {"localhost"}:
        raw = re.sub(rb"\b%s\b" % re.escape(name.encode()), b"mx.sender.example", raw)
    return re.sub(rb"\b127\.0\.([12])\.", lambda match: REMOTE[match[1]], raw)


# --- the command --------------------------------------------------------------------------------------------------------


def collect(kind: type[Daemon], to: Path) -> int:
    """Write all bounces and their table to a folder; return how many attacks brought no bounce."""
    chosen = {attack.name: attack for attack in attacks(kind)}
    found = bounces(kind, chosen)
    to.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name, attack in chosen.items():
        for number, raw in enumerate(found.get(name, [])):
            file = f"{kind.__name__.lower()}-{name}{f'-{number}' if number else ''}.eml"
            (to / file).write_bytes(raw)
            refused = reported(raw, attack.refused) if len(found[name]) > 1 else attack.refused
            rows.append({"file": file, "command": attack.command, "refused": refused, "spared": attack.spared})
            print(file, *(broken(parse(raw), refused, attack.spared) or ["keeps the law"]), sep="\n    ")
    with open(to / "table.jsonl", "w", encoding="ascii") as table:
        table.writelines(json.dumps(row) + "\n" for row in rows)
    lost = chosen.keys() - found.keys()
    print("no bounce:", *sorted(lost))
    return len(lost)


def reported(raw: bytes, refused: Mapping[str, str]) -> dict[str, str]:
    """Return those that one of several bounces is about, by its fields; it may quote what was said to the others."""
    fields = set(re.findall(rb"(?im)^Final-Recipient: *rfc822; *(.+)$", raw))
    return {address: reply for address, reply in refused.items() if address.encode() in fields}


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in SERVERS:
        print(f"usage: python -m tests.live.forge {{{','.join(SERVERS)}}} FOLDER", file=sys.stderr)
        return 2
    kind = SERVERS[sys.argv[1]]
    if kind.lacks:
        print(f"skipped: {kind.lacks}", file=sys.stderr)
        return 0
    return 1 if collect(kind, Path(sys.argv[2])) else 0


if __name__ == "__main__":
    sys.exit(main())
