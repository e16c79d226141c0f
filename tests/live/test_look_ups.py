"""The recipes for look-ups: a real mail server refuses recipients whom the list suppresses, and still relays for nobody else."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import serving
from undeliverable.serve._look_ups import reject_text
from undeliverable.store import SuppressionList

from .remote import Remotes
from .servers import ROOT, Daemon, Exim, Postfix

PAGE = ROOT / "docs" / "howto" / "refuse-suppressed-recipients.md"
OURS, STRANGER = "127.0.0.2", "127.0.0.3"
SOCKET = "/run/undeliverable/look-ups"
_REPLACED = {"mynetworks", "relay_domains", "smtpd_relay_restrictions", "transport_maps", "default_transport"}


def recipe(title: str) -> str:
    found = re.search(
        rf"^```text\n# {re.escape(title)}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


class AskingPostfix(Postfix):
    def __init__(self, folder: Path, remotes: Remotes, socket: Path) -> None:
        super().__init__(folder, remotes)
        self._socket = socket

    def _configure(self) -> None:
        super()._configure()
        settings = recipe("main.cf").replace(SOCKET, str(self._socket))
        path = self.folder / "etc" / "main.cf"
        kept = [
            line for line in path.read_text(encoding="utf-8").splitlines() if line.split(" ", 1)[0] not in _REPLACED
        ]
        own = ["mynetworks = 127.0.0.2/32", "relay_domains = ours.example", "default_transport = smtp"]
        path.write_text("\n".join([*kept, *own, settings, ""]), encoding="utf-8")


class AskingExim(Exim):
    def __init__(self, folder: Path, remotes: Remotes, socket: Path) -> None:
        super().__init__(folder, remotes)
        self._socket = socket

    def _configuration(self) -> str:
        acl = recipe("acl_check_rcpt").replace(SOCKET, str(self._socket))
        relay = "deny\n  domains = !+local_domains\n  hosts = !127.0.0.2\n  message = relay not permitted\n"
        text = super()._configuration()
        text = text.replace("  accept hosts = 127.0.0.1\n", f"{relay}{acl}accept\n")
        return f"domainlist local_domains = ours.example\n{text}"


@pytest.fixture(params=[AskingPostfix, AskingExim], ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[AskingPostfix | AskingExim]:
    found: type[AskingPostfix | AskingExim] = request.param
    reason: str | None = found.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' users reach, unlike those of pytest."""
    path = Path(tempfile.mkdtemp(prefix="look-ups-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def codes(server: Daemon, client: str, *recipients: str) -> list[tuple[int, bytes]]:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=30, source_address=(client, 0)) as session:
        session.ehlo("client.example")
        session.mail("news@ours.example")
        return [session.rcpt(recipient) for recipient in recipients]


def test_a_suppressed_recipient_is_refused_and_relaying_stays_forbidden(
    kind: type[AskingPostfix | AskingExim], folder: Path
) -> None:
    place, socket = folder / "list.db", folder / "look-ups"
    with SuppressionList(place) as known:
        for address in ("kim@example.org", "postmaster@example.org"):
            known.suppress(address, who="lee", why="asked for it")
    (folder / "server").mkdir()
    everybody = ("kim@example.org", "KIM@Example.ORG", "lee@example.org", "postmaster@example.org")
    with Remotes({}) as remotes, serving("--socketmap", f"unix:{socket}", "--list", place):
        server = kind(folder / "server", remotes, socket)
        subprocess.run(["chmod", "0666", socket], check=True)  # instead of the group that the page asks for
        server.start()
        try:
            ours = codes(server, OURS, *everybody)
            strangers = codes(server, STRANGER, *everybody, "lee@ours.example")
        finally:
            server.stop()
    assert [code // 100 for code, _ in ours] == [5, 5, 2, 2], server.log.read_text(encoding="utf-8")
    assert all(b"5.7.1" in text and reject_text().encode() in text for _, text in ours[:2])
    assert [code // 100 for code, _ in strangers] == [5, 5, 5, 5, 2]
    assert all(b"relay" in text.lower() and b"suppressed" not in text for _, text in strangers[:4])
