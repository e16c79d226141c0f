"""Makes docs/howto/webhooks/NAME.md: how a service is set up, a bounce of it and the code that reads it, and its tables.

The steps and the place of the secret are in ``set_up.toml`` beside this module; a sample is the first bounce among the
examples that the tests read, and what is read of it is what the library says.
"""

from __future__ import annotations

import json
import pprint
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypedDict

from tests.service_examples import EXAMPLES
from undeliverable import WebhookError
from undeliverable.verdict import Kind
from undeliverable.webhook_auth import WINDOWS
from undeliverable.webhooks import SERVICES, Service, parse_webhook
from undeliverable.webhooks._service import Meaning


class SetUp(TypedDict):
    """What one does at a service, where its secret is, and how a request is proved."""

    steps: list[str]
    where: str
    secret: str


HERE: Final = Path(__file__).parent
SET_UP: Final[Mapping[str, SetUp]] = tomllib.loads((HERE / "set_up.toml").read_text(encoding="utf-8"))
HOST: Final = "https://hooks.example.com/webhooks"
USER: Final = 'Basic("hooks", "a long password")'
SECRETS: Final = {
    "key": ('"the key"', 'key = "the key"', "{host}/{name}"),
    "basic": (
        USER,
        'username = "hooks"\npassword = "a long password"',
        "https://hooks:a%20long%20password@hooks.example.com/webhooks/{name}",
    ),
    "url": ('UrlSecret("a-long-random-word")', 'path = "a-long-random-word"', "{host}/{name}/a-long-random-word"),
    "header": (
        'HeaderSecret("X-Secret", "a long word")',
        'header = "X-Secret"\nsecret = "a long word"',
        "{host}/{name}",
    ),
    "sns": (
        "Sns(TOPICS, CERTIFICATES)",
        'topics = ["arn:aws:sns:eu-west-1:123456789012:bounces"]\ncertificates = "certificates"',
        "{host}/{name}",
    ),
}
"""For each way to prove a request: the secret in Python, in the file of secrets, and the URL."""


def pages() -> dict[str, str]:
    """Return every page by its path."""
    return {f"docs/howto/webhooks/{service.name}.md": "\n".join(_page(service)) + "\n" for service in SERVICES}


def _page(service: Service) -> Iterator[str]:
    window = WINDOWS.get(service.name) if service.scheme is None else service.scheme.window
    made_from = f"data/services/{service.name}.toml" if service.seen else f"webhooks/{service.name}.py"
    yield f"# Receive bounces from {service.title}\n"
    yield f"*This page is made from `{made_from}` and `set_up.toml`: `python -m tests.generate` writes it.*\n"
    yield from _set_up(service)
    yield "## What an event means\n"
    yield f"Documentation of the service: <{service.source}>.\n"
    if service.seen:
        yield f"Made from {service.seen}.\n"
    yield f"Signature: {service.signature}." + ("" if window is None else f" Accepted for {_time(window)}.") + "\n"
    yield from _table("event", service.events, hard_by_class=bool(service.classes))
    if service.classes:
        yield "\n## Classes\n"
        yield "A class counts where the receiving server's reply gives no cause; a reply that gives one always decides.\n"
        yield from _table("class", service.classes)


def _set_up(service: Service) -> Iterator[str]:
    known = SET_UP[service.name]
    yield "## Set it up\n"
    yield from (f"{number}. {step}" for number, step in enumerate(known["steps"], 1))
    yield f"\n**Secret.** {known['where']}\n"
    yield "The menus are named as the service documents them; they change, and no account was clicked through for this page.\n"
    if known["secret"] == "none":
        yield from _signal()
        return
    secret, table, url = SECRETS[known["secret"]]
    address = url.format(host=HOST, name=service.name)
    yield f"**URL.** `{address}`, behind a proxy that has a certificate, for the [ready endpoint](../webhooks.md#a-ready-endpoint):\n"
    yield f"```text\n# secrets.toml\n[{service.name}]\n{table}\n```\n"
    yield "```sh\nundeliverable serve --http 127.0.0.1:8080 --secrets secrets.toml --to events.jsonl --into list.db\n```\n"
    yield "## Or in your own code\n"
    name = secret.partition("(")[0]
    imports = "" if name.startswith('"') else f"{name}, "
    yield "```pycon\n>>> from undeliverable import Proof, parse_webhook"
    yield f">>> from undeliverable.webhook_auth import {imports}verify"
    yield ">>> def receive(body, headers, url=None):"
    yield f'...     verify("{service.name}", body, headers, {secret}, url=url)  # raises what is not proved: answer 401'
    yield f'...     reports = parse_webhook("{service.name}", body, headers=headers)'
    yield "...     return [report.proved(Proof.SIGNED) for report in reports]\n\n```\n"
    yield from _sample(service)


def _sample(service: Service) -> Iterator[str]:
    case, kind = _bounce(service)
    yield "## A bounce\n"
    yield "```pycon"
    shown = pprint.pformat(case["body"], width=110, sort_dicts=False).splitlines()
    yield f">>> body = {shown[0]}"
    yield from (f"... {line}" for line in shown[1:])
    more = f', content_type="{case["content_type"]}"' if kind else ""
    yield f'>>> for report in parse_webhook("{service.name}", body{more}):'
    yield "...     for verdict in report:"
    yield "...         print(verdict.recipient, verdict.bounce_type, verdict.reason, verdict.advice)"
    reports = parse_webhook(service.name, case["body"], **kind)
    yield from (f"{one.recipient} {one.bounce_type} {one.reason} {one.advice}" for report in reports for one in report)
    yield "\n```\n"


def _bounce(service: Service) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the first example that is a bounce with a reason, and what has to be said to read it."""
    for case in EXAMPLES.get(service.name) or _fixtures(service.name):
        for kind in ({}, {"content_type": case["content_type"]}):
            try:
                reports = parse_webhook(service.name, case["body"], **kind)
            except WebhookError:
                continue
            if any(report.kind is Kind.BOUNCE and report.verdicts and report.verdicts[0].reason for report in reports):
                return case, kind
    raise LookupError(service.name)


def _fixtures(name: str) -> list[dict[str, Any]]:
    path = HERE.parents[1] / "fixtures" / "webhooks" / f"{name}.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return cases


def _signal() -> Iterator[str]:
    yield "```text\n# not run on this page: the tests give it events as Anymail makes them"
    yield "@receiver(tracking)"
    yield "def handle(sender, event, esp_name, **kwargs):"
    yield "    report = from_anymail(event, esp_name)"
    yield "    with SuppressionList(settings.SUPPRESSION_LIST) as known:"
    yield "        known.record_report(report)\n```\n"


def _table(title: str, rows: Mapping[str, Meaning], *, hard_by_class: bool = False) -> Iterator[str]:
    yield f"| {title} | kind | bounce type | reason | says |"
    yield "|---|---|---|---|---|"
    for name, row in rows.items():
        kind = "the event's" if row.kind is None else f"`{row.kind}`"
        bounce_type = "by reply or class" if hard_by_class and row == Meaning(Kind.BOUNCE) else _type(row)
        yield f"| `{name}` | {kind} | {bounce_type} | {f'`{row.reason}`' if row.reason else ''} | {_said(row)} |"


def _type(row: Meaning) -> str:
    found = row.bounce_type or (row.reason.bounce_type if row.reason else None)
    return "" if found is None or row.kind is Kind.DELAY else str(found)


def _said(row: Meaning) -> str:
    words = {True: "for the moment", False: "for good", None: ""}[row.temporary]
    return "; ".join(filter(None, (words, "gave up" if row.expired else "", row.remark or "")))


def _time(window: timedelta) -> str:
    minutes = int(window.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} hour{'s' if minutes >= 120 else ''}"
