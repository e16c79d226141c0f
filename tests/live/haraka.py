"""A real Haraka in a folder of its own, with the plugin of the documentation, and the service that it asks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import smtplib
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.serving import Server as Service
from tests.serving import serving
from undeliverable.serve import records

from .remote import Remotes, Script
from .servers import LIFE, ROOT, Daemon

HOOK: Final = ROOT / "docs" / "examples" / "hooks" / "haraka"
PATIENCE: Final = 60.0
SENDER: Final = "news@sender.example"
PROGRAM: Final = Path(os.environ.get("HARAKA", "/nonexistent")) / "node_modules" / "Haraka" / "bin" / "haraka"
TOKEN: Final = "a token of the live tests only"  # not a secret
SECRET: Final = "a secret of the live tests only"  # not a secret
# Stands in for what an installation has by itself: clients that may relay, and MX records.
ROUTES: Final = """\
'use strict';
exports.hook_connect = function (next, connection) { connection.relaying = true; next(); };
exports.hook_get_mx = function (next, hmail, domain) {
    const place = this.config.get('routes.json')[domain];
    return place ? next(OK, { priority: 0, exchange: place[0], port: place[1] }) : next();
};
"""
SECRETS: Final = f"""\
[haraka]
header = "X-Webhook-Secret"
secret = "{SECRET}"

[api.haraka]
token = "{TOKEN.replace(" ", "-")}"
scopes = ["classify", "suppressions:read", "suppressions:write"]
"""


def lacking() -> str | None:
    """Why Haraka cannot be run here, or None."""
    if "LIVE_TESTS" not in os.environ:
        return "LIVE_TESTS is not set: .ci/live runs these"
    if not PROGRAM.exists():
        return "HARAKA names no folder into which npm has installed Haraka"
    return None if shutil.which("node") and shutil.which("timeout") else "node or timeout(1) is not installed"


@dataclass(frozen=True)
class Recording(Script):
    """A script that remembers which recipients it was asked for."""

    asked: list[str] = field(default_factory=list)

    def answer(self, line: str) -> str:
        if line.upper().startswith("RCPT"):
            self.asked.append(line.partition("<")[2].partition(">")[0])
        return super().answer(line)


class Haraka(Daemon):
    """The server; its log is what it writes to standard output.

    :param service: the port of the service that the plugin asks.
    """

    program = str(PROGRAM)

    def __init__(
        self,
        folder: Path,
        remotes: Remotes,
        service: int,
        *,
        always_split: bool = True,
        **settings: Mapping[str, object],
    ) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, remotes)
        self.spool = folder / "outcomes"
        self._service = service
        self._settings = settings
        self._always_split = str(always_split).lower()
        self._configure()

    def command(self) -> list[str]:
        return ["timeout", "--kill-after=5", str(LIFE), "node", str(PROGRAM), "-c", str(self.folder)]

    def log(self) -> str:
        return (self.folder / "stdout").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it at once, as a power failure does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)  # timeout(1) leads a group of its own
        self._process.wait(20)

    def _configure(self) -> None:
        config, plugins = self.folder / "config", self.folder / "plugins"
        shutil.copytree(PROGRAM.parents[1] / "config", config)  # as `haraka --install` does
        plugins.mkdir()
        shutil.copy(HOOK / "undeliverable.js", plugins)
        shutil.copy(HOOK.parent / "undeliverable-client.js", plugins)
        (plugins / "routes.js").write_text(ROUTES, encoding="ascii")
        files = {
            "me": "mx.sender.example",
            "host_list": "",
            "plugins": "routes\nundeliverable",
            "smtp.ini": f"listen=127.0.0.1:{self.port}\nnodes=0",
            "log.ini": "[main]\nlevel=info\ntimestamps=true",
            "outbound.ini": f"enable_tls=false\nlocal_mx_ok=true\nalways_split={self._always_split}\ntemp_fail_intervals=5s*9",
            "routes.json": json.dumps(self.routes),
            "undeliverable.token": TOKEN.replace(" ", "-"),
            "undeliverable.secret": SECRET,
            "undeliverable.ini": self._ini(),
        }
        for name, text in files.items():
            (config / name).write_text(f"{text}\n", encoding="ascii")

    def spooled(self) -> list[str]:
        """Return the names of the files with outcomes that the service has not taken."""
        return sorted(path.name for path in self.spool.iterdir()) if self.spool.is_dir() else []

    def _ini(self) -> str:
        """Return the settings of the documentation, with the places of this test."""
        text = (HOOK / "undeliverable.ini").read_text(encoding="ascii")
        text = text.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{self._service}")
        text = text.replace("/var/spool/haraka-undeliverable", str(self.spool))
        for section, values in self._settings.items():
            for name, value in values.items():
                head, mark, rest = text.partition(f"[{section}]")
                assert mark, section
                lines = [f"{name}={value}" if line.startswith(f"{name}=") else line for line in rest.splitlines()]
                text = "\n".join([head + mark, *lines])
        return text


@dataclass
class Outcomes:
    """What the service has taken: the file of records and the list."""

    folder: Path
    port: int

    @property
    def records(self) -> Path:
        return self.folder / "records.jsonl"

    @property
    def addresses(self) -> Path:
        return self.folder / "list.db"

    def found(self) -> list[dict[str, Any]]:
        """Return all records."""
        return list(records.read(self.records)) if self.records.exists() else []

    @contextmanager
    def service(self) -> Iterator[Service]:
        """Run the service at the port, with the rules in the folder."""
        secrets, rules = self.folder / "secrets.toml", self.folder / "rules.toml"
        secrets.write_text(SECRETS, encoding="ascii")
        secrets.chmod(0o600)
        with serving(
            "--http", f"127.0.0.1:{self.port}", "--secrets", secrets, "--service", HOOK / "haraka.toml",
            "--to", self.records, "--into", self.addresses, "--rules", rules,
        ) as server:  # fmt: skip
            yield server

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Ask the service."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN.replace(' ', '-')}"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            found: dict[str, Any] = json.load(response)
        return found


def send(port: int, *recipients: str) -> dict[str, tuple[int, bytes]]:
    """Send a message to each; return what was refused."""
    refused: dict[str, tuple[int, bytes]] = {}
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        for to in recipients:
            message = f"From: {SENDER}\nTo: {to}\nMessage-ID: <{to}>\nSubject: Hello\n\nHello!\n"
            try:
                client.sendmail(SENDER, [to], message)
            except smtplib.SMTPRecipientsRefused as error:
                refused |= error.recipients
    return refused


def wait(until: Callable[[], bool], haraka: Haraka) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, haraka.log()[-8000:]
        time.sleep(0.2)
