"""Services of users' own, at the endpoint and in rules; requests by GET, and the answers that Firehose expects."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.serving import serving
from undeliverable import Knowledge, KnowledgeError, parse_webhook
from undeliverable.cli import main
from undeliverable.serve import records
from undeliverable.serve._secrets_file import read_secrets
from undeliverable.serve.http import Endpoint, Webhooks
from undeliverable.webhook_auth import HeaderSecret, UrlSecret
from undeliverable.webhooks import Service, load_service

SERVICE: Final = """\
title = "Harbour Mail"
body = "batch.items[]"
[signature]
scheme = "hmac-sha256"
header = "X-Harbour-Signature"
encoding = "base64"
signed = "{timestamp}\\n{body}"
timestamp = "X-Harbour-Time"
[event]
type = "state"
class = "cause"
id = "uid"
recipient = "rcpt"
reply = "smtp.text"
date = "at"
[events]
returned = "bounce"
waiting = "delay"
arrived = "delivered"
[classes]
no_berth = { is = "hard", reason = "user_unknown" }
[[example]]
body = '{"batch": {"items": [{"state": "returned", "cause": "no_berth", "rcpt": "kim@example.org"}]}}'
expect = { kind = "bounce", recipient = "kim@example.org", reason = "user_unknown" }
"""
RULES: Final = """\
[[service]]
name = "harbour"
[[policy]]
when = { service = "harbour", class = "no_berth" }
then = { label = "no-berth" }
"""
EVENTS: Final = {
    "batch": {
        "items": [
            {"state": "returned", "cause": "no_berth", "uid": "e1", "rcpt": "kim@example.org", "at": "2026-11-21T21:16:19Z"},
            {"state": "waiting", "uid": "e2", "rcpt": "lee@example.org", "smtp": {"text": "452 4.2.2 mailbox full"}},
        ]
    }
}  # fmt: skip


@pytest.fixture
def described(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.toml"
    path.write_text(SERVICE, encoding="utf-8")
    return path


@pytest.fixture
def harbour(described: Path) -> Service:
    return load_service(described)


def secrets(folder: Path, text: str) -> Path:
    path = folder / "secrets.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def signed(body: bytes, key: bytes = b"key") -> dict[str, str]:
    stamp = str(int(time.time()))
    digest = hmac.new(key, f"{stamp}\n".encode() + body, hashlib.sha256).digest()
    return {"X-Harbour-Time": stamp, "X-Harbour-Signature": base64.b64encode(digest).decode()}


def asking(app: Webhooks, method: str, path: str, **request: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a.example") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


def test_a_server_takes_a_described_service_without_code(described: Path, tmp_path: Path) -> None:
    assert len(SERVICE.splitlines()) <= 25
    rules, file = tmp_path / "ours.toml", tmp_path / "events.jsonl"
    rules.write_text(RULES, encoding="utf-8")
    options = ["--secrets", secrets(tmp_path, '[harbour]\nkey = "key"\n'), "--service", described, "--rules", rules]
    body = json.dumps(EVENTS).encode()
    with serving("--http", "127.0.0.1:0", "--to", file, *options) as server:
        url = f"http://127.0.0.1:{server.ports[0]}/webhooks/harbour"
        assert httpx.post(url, content=body, headers=signed(body, b"wrong"), timeout=60).status_code == 401
        assert httpx.post(url, content=body + b" ", headers=signed(body), timeout=60).status_code == 401
        for taken in (2, 0):
            answer = httpx.post(url, content=body, headers=signed(body), timeout=60)
            assert (answer.status_code, answer.json()) == (200, {"taken": taken, "known": 2 - taken})
        assert server.stop() == 0
    found: list[Any] = [*records.read(file)]
    gone, late = found
    assert (gone["event"]["service"], gone["event"]["id"], gone["kind"]) == ("harbour", "e1", "bounce")
    (verdict,) = gone["verdicts"]
    assert (verdict["label"], verdict["reason"], verdict["proof"]) == ("no-berth", "user_unknown", "signed")
    assert (late["kind"], late["verdicts"][0]["reason"]) == ("delay", "mailbox_full")


def test_a_rule_file_names_services_of_ones_own(harbour: Service, tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(RULES, encoding="utf-8")
    known = Knowledge.builtin().with_file(path)
    (report, _) = parse_webhook(harbour, EVENTS, knowledge=known)
    assert report.verdicts[0].label == "no-berth"
    policy = {"when": {"service": "harbour"}, "then": {"label": "theirs"}}
    assert parse_webhook(harbour, EVENTS, knowledge=known.with_rules([policy]))[0].verdicts[0].label == "theirs"
    assert main(["rules", "check", str(path)]) == 0
    path.write_text(RULES.replace('name = "harbour"', 'name = "harbor"'), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"did you mean harbor\?.*\[\[service\]\]"):
        Knowledge.builtin().with_file(path)


def test_every_service_of_a_file_has_a_secret(harbour: Service, described: Path, tmp_path: Path, capsys: Any) -> None:
    found = read_secrets(secrets(tmp_path, '[harbour]\nkey = "key"\n[postmark]\npath = "p"\n'), [harbour])
    assert {name: one.service for name, one in found.items()} == {"harbour": harbour, "postmark": None}
    with pytest.raises(KnowledgeError, match="is missing: how the requests"):
        read_secrets(secrets(tmp_path, '[postmark]\npath = "p"\n'), [harbour])
    with pytest.raises(KnowledgeError, match=r"unknown service; expected one of .*harbour"):
        read_secrets(secrets(tmp_path, '[harbor]\nkey = "key"\n[harbour]\nkey = "key"\n'), [harbour])
    command = ["serve", "--http", "127.0.0.1:0", "--to", str(tmp_path / "a.jsonl"), "--service", str(described)]
    assert main(command) == 2
    assert "--secrets is required" in capsys.readouterr().err
    described.write_text(SERVICE.replace("[events]", "[evnts]"), encoding="utf-8")
    assert main([*command, "--secrets", str(secrets(tmp_path, '[harbour]\nkey = "key"\n'))]) == 2
    assert "harbour.toml:16" in capsys.readouterr().err


QUERY: Final = "status=Error&category=NoMailbox&to=kim%40example.org&transaction=t1"


def test_events_that_come_by_get(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    app = Webhooks({"elastic_email": Endpoint(UrlSecret("s3cret")), "azure": Endpoint(UrlSecret("s3cret"))}, to=file)
    place = "/webhooks/elastic_email/s3cret"
    assert asking(app, "GET", f"{place}?{QUERY}").json() == {"taken": 1, "known": 0}
    assert asking(app, "POST", place, content=QUERY).json() == {"taken": 0, "known": 1}
    record: Any = next(records.read(file))
    assert (record["event"]["id"], record["verdicts"][0]["recipient"]) == ("t1", "kim@example.org")
    assert asking(app, "GET", f"/webhooks/elastic_email/guess?{QUERY}").status_code == 401
    assert asking(app, "GET", f"{place}?a=b").status_code == 400
    assert asking(app, "GET", place).status_code == 405
    assert asking(app, "HEAD", f"{place}?{QUERY}").status_code == 200
    assert asking(app, "GET", f"/webhooks/azure/s3cret?{QUERY}").status_code == 405
    assert asking(app, "GET", f"/webhooks/sendgrid?{QUERY}").status_code == 404


def test_firehose_gets_the_answer_that_it_expects(tmp_path: Path) -> None:
    event = {"eventType": "Delivery", "mail": {"destination": ["kim@example.org"]}}
    data = base64.b64encode(json.dumps(event).encode()).decode()
    body = {"requestId": "r-1", "timestamp": 1578090901599, "records": [{"data": data}]}
    app = Webhooks({"amazon_ses": Endpoint(HeaderSecret("X-Amz-Firehose-Access-Key", "k"))}, to=tmp_path / "a.jsonl")
    headers = {"X-Amz-Firehose-Request-Id": "r-1", "X-Amz-Firehose-Access-Key": "k"}
    before = time.time_ns() // 1_000_000
    answer = asking(app, "POST", "/webhooks/amazon_ses", json=body, headers=headers)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (set(told), told["requestId"]) == ({"requestId", "timestamp"}, "r-1")
    assert before <= told["timestamp"] <= time.time_ns() // 1_000_000
    refused = asking(app, "POST", "/webhooks/amazon_ses", json=body, headers={"X-Amz-Firehose-Request-Id": "r-1"})
    assert refused.status_code == 401
    assert refused.json()["errorMessage"] == "not proved"
    assert len(list(records.read(tmp_path / "a.jsonl"))) == 1
