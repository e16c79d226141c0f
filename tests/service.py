"""Requests to the HTTP API in this process, right through ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

TOKEN = "not-a-secret-but-long-enough"
SECRETS = f"""\
[api.all]
token = "{TOKEN}"
scopes = ["parse", "classify", "suppressions:read", "suppressions:write", "metrics"]

[api.reader]
token = ["{TOKEN}-reader", "{TOKEN}-reader-next"]
scopes = "suppressions:read"
"""
JSON = {"content-type": "application/json"}
MAIL = {"content-type": "message/rfc822"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json"
        found = self.json
        assert (found["type"], found["status"]) == ("about:blank", self.status)
        return found["code"]


async def ask(
    app: Any,
    method: str,
    target: str,
    body: bytes | Iterable[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    *,
    token: str | None = None,
) -> Answer:
    """Send one request, its body in the blocks that are given."""
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1:8080", **(headers or {})}
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    blocks = [body] if isinstance(body, bytes) else [*body]
    sent: list[Any] = []

    async def receive() -> Any:
        if not blocks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": blocks.pop(0), "more_body": bool(blocks)}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in given.items()]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode("latin-1", "replace"), "headers": raw,
    }  # fmt: skip
    await app(scope, receive, send)
    start, end = sent
    return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"])


def asked(app: Any, method: str, target: str, body: Any = b"", headers: Any = None, **more: Any) -> Answer:
    """Send one request in an event loop of its own; what is no octets is sent as JSON."""
    if not isinstance(body, bytes):
        body, headers = json.dumps(body).encode(), headers or JSON
    return asyncio.run(ask(app, method, target, body, headers, **more))


def secrets_file(folder: Path, text: str = SECRETS) -> Path:
    path = folder / "secrets.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path
