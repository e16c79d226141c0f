"""Makes docs/howto/webhooks/NAME.md from the tables of the services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from undeliverable.verdict import Kind
from undeliverable.webhook_auth import WINDOWS
from undeliverable.webhooks import SERVICES, Service
from undeliverable.webhooks._service import Meaning


def pages() -> dict[str, str]:
    """Return every page by its path."""
    return {f"docs/howto/webhooks/{service.name}.md": "\n".join(_page(service)) + "\n" for service in SERVICES}


def _page(service: Service) -> Iterator[str]:
    window = WINDOWS.get(service.name) if service.scheme is None else service.scheme.window
    made_from = f"data/services/{service.name}.toml" if service.seen else f"webhooks/{service.name}.py"
    yield f"# {service.title}\n"
    yield f"*This page is made from `undeliverable/{made_from}`: `python -m tests.generate` writes it.*\n"
    yield f"Name: `{service.name}`. Source: <{service.source}>.\n"
    if service.seen:
        yield f"Made from {service.seen}.\n"
    yield f"Signature: {service.signature}." + ("" if window is None else f" Accepted for {_time(window)}.") + "\n"
    yield "## Events\n"
    yield from _table("event", service.events, hard_by_class=bool(service.classes))
    if service.classes:
        yield "\n## Classes\n"
        yield "A class counts where the receiving server's reply gives no cause; a reply that gives one always decides.\n"
        yield from _table("class", service.classes)


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
