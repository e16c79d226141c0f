"""The ways from a bounce to a suppression list, as the command goes them: `classify`, `pipe`, `serve --lmtp`."""

from __future__ import annotations

import io
import os
import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Final

from undeliverable.cli import main
from undeliverable.store import SuppressionList
from undeliverable.suppression import AddressState, ListEvent
from undeliverable.verp import Signer

from .serving import serving

FIXTURES: Final = Path(__file__).resolve().parent.parent / "fixtures"
DOMAIN: Final = "example.com"
PATTERN: Final = f"bounces+{{token}}@{DOMAIN}"
KEY: Final = b"0123456789abcdef"
SIGNER: Final = Signer(PATTERN, {"a": KEY})
PLAIN: Final = f"bounces@{DOMAIN}"
"""The bounce address without a token, which everybody knows."""


def today() -> date:
    return datetime.now(UTC).date()


def path_of(address: str, *, id: str = "7", day: date | None = None) -> str:  # noqa: A002 # the record's own word
    """Return the return path of a message that was mailed to `address`."""
    return SIGNER.sign(address, id=id, day=day or today())


def forgery(name: str) -> bytes:
    """Return a forged mail by its name, wherever it stands among the fixtures."""
    (found, *_) = [*(FIXTURES / "forgery").glob(name), *(FIXTURES / "cases" / "mails").rglob(name)]
    return found.read_bytes()


def keys_in(folder: Path) -> list[str]:
    """Return the options that prove by tokens."""
    file = folder / "keys"
    file.write_text(f"a {KEY.hex()}\n", encoding="ascii")
    file.chmod(0o600)
    return [f"--return-path={PATTERN}", f"--keys={file}"]


def run(*arguments: str | Path) -> tuple[int, str]:
    """Run the command, and return its status and what it says on standard error."""
    error, output = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stderr(error), redirect_stdout(output):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as left:
            status = int(left.code or 0)
    return status, error.getvalue()


Stored = dict[str, tuple[AddressState, tuple[ListEvent, ...]]]


class Way:
    """A way into one list.

    :param take: give a message that came to some envelope recipients to the list, and return the status; 0 if it was taken.
    """

    def __init__(self, place: Path, take: Callable[..., int]) -> None:
        self.place = place
        self._take = take

    def take(self, raw: bytes, *recipients: str) -> int:
        return self._take(raw, recipients)

    def stored(self) -> Stored:
        """Return everything that the list holds, by address."""
        with SuppressionList(self.place) as known:
            return {entry.address: (entry.state, known.history(entry.address)) for entry in known.entries()}

    def standing(self, address: str) -> str | None:
        found = self.stored().get(address)
        return None if found is None else str(found[0].standing)


def mailed(raw: bytes, *recipients: str, received: datetime | None = None) -> bytes:
    """Return a message as the own mail server puts it into a mailbox."""
    to = "".join(f"Delivered-To: {recipient}\n" for recipient in recipients)
    time = f"{received or datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
    return f"{to}Received: from mx.evil.org by in.{DOMAIN} (Postfix) with ESMTP; {time}\n".encode() + raw


def _classify(folder: Path, options: list[str], raw: bytes, recipients: tuple[str, ...]) -> int:
    file = folder / "mail.eml"
    file.write_bytes(mailed(raw, *recipients))
    return run("classify", file, *options)[0]


def _pipe(folder: Path, options: list[str], raw: bytes, recipients: tuple[str, ...]) -> int:
    with standard_input(folder, raw):
        return run("pipe", "--sender=", *(f"--recipient={recipient}" for recipient in recipients), *options)[0]


@contextmanager
def standard_input(folder: Path, raw: bytes) -> Iterator[None]:
    """Put a message onto file descriptor 0."""
    file = folder / "stdin"
    file.write_bytes(raw)
    saved = os.dup(0)
    try:
        with file.open("rb") as opened:
            os.dup2(opened.fileno(), 0)
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)


def deliver(port: int, raw: bytes, recipients: tuple[str, ...]) -> int:
    """Send a message by LMTP, its line ends as SMTP has them; return 0 if it was taken, else the code of the refusal."""
    with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
        try:
            client.sendmail("", recipients, re.sub(rb"\r?\n", b"\r\n", raw))
        except smtplib.SMTPDataError as error:
            return error.smtp_code
    return 0


WAYS: Final = ("classify", "pipe", "lmtp")


@contextmanager
def way(name: str, folder: Path, *options: str) -> Iterator[Way]:
    """Yield a way into the list ``list.db`` in a folder."""
    place = folder / "list.db"
    given = ["--into", str(place), *options]
    if name != "lmtp":
        yield Way(place, partial(_classify if name == "classify" else _pipe, folder, given))
        return
    with serving("--lmtp", "127.0.0.1:0", "--domain", DOMAIN, *given) as server:
        yield Way(place, partial(deliver, server.ports[0]))
        assert server.stop() == 0
