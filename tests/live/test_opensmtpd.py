"""OpenSMTPD hands bounces over, to a program and by LMTP, and refuses suppressed recipients by a filter."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.serving import serving
from undeliverable.serve import records
from undeliverable.store import SuppressionList
from undeliverable.verp import Signer

from .remote import Remotes, Script
from .senders import ALONE, START_OPENSMTPD, OpenSMTPD
from .servers import LIFE, LMTP, PIPE, ROOT
from .test_dovecot_sieve import BOUNCE, KIM, SECRET
from .trusted import Gate

HOOK: Final = ROOT / "docs" / "examples" / "hooks" / "opensmtpd"
PATIENCE: Final = 40
SUPPRESSED, OTHER = "kim@remote.example", "lee@remote.example"


class Gateway(Gate, OpenSMTPD):
    """OpenSMTPD with a recipe of the documentation."""

    program = OpenSMTPD.program
    lacks = OpenSMTPD.lacks

    def __init__(self, folder: Path, remotes: Remotes, extra: str) -> None:
        super().__init__(folder, remotes)
        self._extra = extra

    @property
    def log(self) -> Path:
        return self.folder / "stdout"

    def command(self) -> list[str]:
        listen, *rest = self._extra.splitlines() or [""]
        routes = "".join(
            f'action "{domain}" relay host smtp://{place}:{port}\nmatch from any for domain "{domain}" action "{domain}"\n'
            for domain, (place, port) in self.routes.items()
        )
        configuration = self.folder / "smtpd.conf"
        filters, recipe = (
            "\n".join(line for line in rest if line.startswith("filter ")),
            "\n".join(line for line in rest if not line.startswith("filter ")),
        )
        recipe = self._here(recipe).replace('"@" = "bounces"', f'"@" = "{self.user}"')
        configuration.write_text(
            f"{filters}\nlisten on 127.0.0.1 port {self.port} hostname mx.sender.example {listen}\n{recipe}\n{routes}",
            encoding="utf-8",
        )
        configuration.chmod(0o600)
        return [*ALONE, START_OPENSMTPD, "start", str(LIFE), str(self.program), "-d", "-f", str(configuration)]


@pytest.fixture
def folder() -> Iterator[Path]:
    reason = Gateway.lacks if "LIVE_TESTS" in os.environ else "LIVE_TESTS is not set: .ci/live runs these"
    if reason is not None:
        pytest.skip(reason)
    path = Path(tempfile.mkdtemp(prefix="opensmtpd-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize(("name", "domain"), [("smtpd.conf", PIPE), ("smtpd-lmtp.conf", LMTP)])
def test_a_bounce_comes_into_the_list(folder: Path, name: str, domain: str) -> None:
    signer = Signer(f"bounces+{{token}}@{domain}", {"k": SECRET})
    path = signer.sign(KIM, id="1", day=datetime.now(UTC).date())
    recipe = (HOOK / name).read_text(encoding="ascii").replace(PIPE, domain)
    with Remotes({}) as remotes:
        server = Gateway(folder, remotes, f"\n{recipe}")
        server.write_keys(SECRET)
        server.record_sent(domain, {"1": KIM})
        with server.service() if domain == LMTP else nullcontext():
            server.start()
            try:
                with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as client:
                    client.sendmail("", [path], BOUNCE)
                wait_for(server.taken[domain], server)
            finally:
                server.stop()
    (record,) = records.read(server.taken[domain])
    assert record["envelope"] == {"sender": "", "recipients": [path]}
    with SuppressionList(server.lists[domain]) as known:
        assert known.is_suppressed(KIM)


def wait_for(path: Path, server: Gateway) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline, server.log.read_text(encoding="utf-8", errors="replace")[-4000:]
        time.sleep(0.2)


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked", "service down"])
def test_a_filter_refuses_suppressed_recipients(folder: Path, *, is_asked: bool) -> None:
    place, look_ups = folder / "list.db", folder / "look-ups"
    with SuppressionList(place) as known:
        known.suppress(SUPPRESSED, who="lee", why="asked for it")
    program = folder / "filter-suppressed"
    shutil.copy(HOOK / "filter-suppressed", program)
    extra = f'filter "suppressed"\nfilter "suppressed" proc-exec "{program} {look_ups}"'
    service = serving("--socketmap", f"unix:{look_ups}", "--list", place) if is_asked else nullcontext()
    with Remotes({"remote.example": Script()}) as remotes, service:
        if is_asked:
            subprocess.run(["chmod", "0666", look_ups], check=True)  # instead of the group that the page asks for
        server = Gateway(folder, remotes, extra)
        server.start()
        try:
            with smtplib.SMTP("127.0.0.1", server.port, timeout=30) as client:
                client.ehlo()
                client.mail("news@sender.example")
                answers = {to: client.rcpt(to) for to in (SUPPRESSED, OTHER)}
        finally:
            server.stop()
    assert answers[OTHER][0] == 250
    assert (answers[SUPPRESSED][0] == 550) is is_asked, server.log.read_text(encoding="utf-8")
    assert (b"5.7.1" in answers[SUPPRESSED][1]) is is_asked
