"""The hooks of the documentation: they are complete, and run with a stand-in for the mail server where that cannot be had.

The live tests run those of Haraka, Dovecot and OpenSMTPD in the real program.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from undeliverable import classify, parse_webhook
from undeliverable.webhooks import load_service

ROOT: Final = Path(__file__).parents[1]
HOOKS: Final = ROOT / "docs" / "examples" / "hooks"
PAGES: Final = ROOT / "docs" / "howto"
NODE, RUBY = shutil.which("node"), shutil.which("ruby")
LUA: Final = shutil.which("lua5.4") or shutil.which("lua")
CHECKS: Final[dict[str, tuple[str | None, str]]] = {".js": (NODE, "--check"), ".lua": (LUA, "-e"), ".rb": (RUBY, "-c")}
SCRIPTS: Final = sorted(path for path in HOOKS.rglob("*") if path.suffix in CHECKS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(HOOKS).as_posix())
def test_a_script_has_no_fault_of_syntax(path: Path) -> None:
    program, option = CHECKS[path.suffix]
    if program is None:
        pytest.skip(f"no program here that reads {path.suffix}")
    what = f"assert(loadfile({str(path)!r}))" if path.suffix == ".lua" else str(path)
    subprocess.run([program, option, what], check=True, timeout=120, capture_output=True)


def test_every_file_is_shown_or_offered_by_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    for path in HOOKS.rglob("*.*"):
        if path.is_file():
            assert f"../examples/hooks/{path.relative_to(HOOKS).as_posix()}" in pages, path


@pytest.mark.parametrize("name", ["haraka", "zonemta"])
def test_a_service_reads_what_its_plugin_posts(name: str) -> None:
    service = load_service(HOOKS / name / f"{name}.toml")  # reads its examples
    plugin = (HOOKS / name / "undeliverable.js").read_text(encoding="ascii")
    text = (HOOKS / name / f"{name}.toml").read_text(encoding="ascii")
    for key in re.findall(r'^\w+ = "(\w+)"$', text.partition("[event]")[2].partition("[events]")[0], re.MULTILINE):
        assert re.search(rf"\b{key}\b", plugin), key
    assert parse_webhook(service, '{"events": []}') == ()


def test_the_settings_of_haraka_are_those_that_its_plugin_reads() -> None:
    plugin = (HOOKS / "haraka" / "undeliverable.js").read_text(encoding="ascii")
    section = "main"
    for line in (HOOKS / "haraka" / "undeliverable.ini").read_text(encoding="ascii").splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        if "=" in line and not line.startswith(";"):
            assert re.search(rf"\b{section}\??\.{line.partition('=')[0]}\b", plugin), line


# --- with a stand-in for the mail server ---------------------------------------------------------------------------


class Service(BaseHTTPRequestHandler):
    """The answers of `undeliverable serve --http`, as far as the hooks ask."""

    protocol_version = "HTTP/1.1"
    posted: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:  # http.server's name
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps(self._answer(body)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self, body: Any) -> object:  # JSON
        if self.path == "/v1/classify":
            return [classify(one["reply"], command=one.get("command")).to_dict() for one in body]
        if self.path == "/v1/suppressions/check":
            return {
                "results": [{"address": to, "suppressed": to.startswith("suppressed@")} for to in body["addresses"]]
            }
        self.posted.extend(body["events"])
        return {}

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def url() -> Iterator[str]:
    Service.posted.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def zonemta(tmp_path: Path) -> Path:
    shutil.copy(HOOKS / "zonemta" / "undeliverable.js", tmp_path)
    shutil.copy(HOOKS / "undeliverable-client.js", tmp_path)
    (tmp_path / "token").write_text("a token\n", encoding="ascii")
    return tmp_path


def run_zonemta(folder: Path, url: str, patience: int = 200) -> dict[str, Any]:
    done = subprocess.run(
        [
            str(NODE),
            str(ROOT / "tests" / "hooks" / "zonemta.js"),
            str(folder),
            url,
            str(folder / "spool"),
            str(patience),
        ],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(NODE is None, reason="no node here")
def test_the_plugin_for_zonemta_acts_on_advice_and_stops_suppressed_recipients(zonemta: Path, url: str) -> None:
    result = run_zonemta(zonemta, url)
    found, minute = result["found"], 60_000
    refused = {"code": 550, "text": "5.7.1 Recipient is suppressed by this sending system", "action": None}
    assert (found["rcpt"], found["rcpt_other"], found["fetch_other"]) == (refused, None, None)
    assert (found["fetch"]["code"], found["fetch"]["action"]) == (550, "reject")
    assert found["dead"] == {"action": "reject", "waits": None, "count": None}
    assert found["grey"] == {"action": "defer", "waits": [15 * minute, 7 * minute, 8 * minute], "count": 17}
    assert (found["last"]["action"], found["network"]["action"], found["delivered"]) == (None, None, None)
    assert any("classified dead@remote.example type=hard reason=user_unknown" in line for line in result["logs"])


@pytest.mark.skipif(NODE is None, reason="no node here")
def test_the_plugin_for_zonemta_posts_outcomes_that_its_service_reads(zonemta: Path, url: str) -> None:
    run_zonemta(zonemta, url)
    service = load_service(HOOKS / "zonemta" / "zonemta.toml")
    reports = parse_webhook(service, json.dumps({"events": Service.posted}))
    kinds = [(str(report.kind), str(report.verdicts[0].recipient).partition("@")[0]) for report in reports]
    assert kinds == [
        ("suppressed", "suppressed"),
        ("bounce", "dead"),
        ("delay", "grey"),
        ("bounce", "last"),
        ("delay", "net"),
        ("delivered", "fine"),
    ]
    assert not list((zonemta / "spool").iterdir())


@pytest.mark.skipif(NODE is None, reason="no node here")
def test_the_plugin_for_zonemta_leaves_everything_to_it_without_the_service(zonemta: Path) -> None:
    result = run_zonemta(zonemta, "http://127.0.0.1:1", patience=3)
    found = result["found"]
    assert [found[name] for name in ("rcpt", "rcpt_other", "fetch", "fetch_other")] == [None] * 4
    assert [found[name]["action"] for name in ("dead", "grey", "last", "network")] == [None] * 4
    assert sum(len(json.loads(path.read_bytes())["events"]) for path in (zonemta / "spool").iterdir()) == 5


@pytest.mark.skipif(LUA is None, reason="no Lua here")
def test_the_module_for_kumomta_does_what_its_page_says() -> None:
    done = subprocess.run(
        [str(LUA), str(ROOT / "tests" / "hooks" / "kumo.lua"), str(HOOKS / "kumomta" / "undeliverable.lua")],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    found = dict(line.split("\t") for line in done.stdout.splitlines())
    gone = "550 5.7.1 Recipient is suppressed by this sending system"
    assert found == {
        "rewrite 550 retry": "450",
        "rewrite 451 give_up": "550",
        "rewrite 550 give_up": "nil",
        "rewrite 451 retry": "nil",
        "rewrite down": "nil",
        "rcpt down": "nil",
        "rcpt suppressed": gone,
        "rcpt other": "nil",
        "rcpt ours": "nil",
        "generated suppressed": gone,
        "requeue": "other",
        "record taken": "200 said",
        "record refused": "450 401 said",
        "warnings": "2",
    }
