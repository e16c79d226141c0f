"""The words that vectors use for events, and the files of the ready policies with their vectors."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import undeliverable
from undeliverable import Advice, BounceType, Fault, Reason
from undeliverable.suppression import EventKind, ListEvent

FOLDER = Path(undeliverable.__file__).parent / "data" / "suppression"
POLICIES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HELD_FOR = timedelta(days=1)


def _bounce(bounce_type: BounceType, reason: Reason) -> dict[str, Any]:
    advice = {BounceType.HARD: Advice.SUPPRESS, BounceType.UNDETERMINED: Advice.REVIEW}.get(bounce_type, reason.advice)
    return {
        "kind": EventKind.BOUNCE, "bounce_type": bounce_type, "reason": reason, "fault": reason.fault, "advice": advice,
    }  # fmt: skip


WORDS: dict[str, dict[str, Any]] = {
    "hard": _bounce(BounceType.HARD, Reason.USER_UNKNOWN),
    "held": _bounce(BounceType.HARD, Reason.USER_UNKNOWN),
    "soft": _bounce(BounceType.SOFT, Reason.SYSTEM_ERROR),
    "full": _bounce(BounceType.SOFT, Reason.MAILBOX_FULL),
    "flow": _bounce(BounceType.SOFT, Reason.RATE_LIMITED),
    "sender": _bounce(BounceType.SOFT, Reason.BLOCKLISTED),
    "content": _bounce(BounceType.SOFT, Reason.SPAM_CONTENT),
    "undetermined": _bounce(BounceType.UNDETERMINED, Reason.UNDEFINED),
    "hearsay": {"kind": EventKind.SUPPRESSION, "hearsay": True},
    **{str(kind): {"kind": kind} for kind in EventKind if kind is not EventKind.BOUNCE},
}

assert WORDS["sender"]["fault"] is Fault.SENDER


def event(day: float, word: str, key: str = "", **more: Any) -> ListEvent:
    time = BEGIN + timedelta(days=day)
    held = {"held_until": time + HELD_FOR} if word == "held" else {}
    return ListEvent(time=time, key=key or f"{day}:{word}", **(WORDS[word] | held | more))


def history(rows: Iterable[tuple[float, str]]) -> list[ListEvent]:
    return [event(day, word, f"{number}") for number, (day, word) in enumerate(rows)]
