"""The words that vectors use for events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from undeliverable import Advice, BounceType, Fault, Reason
from undeliverable.suppression import EventKind, ListEvent

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _bounce(bounce_type: BounceType, reason: Reason) -> dict[str, Any]:
    advice = {BounceType.HARD: Advice.SUPPRESS, BounceType.UNDETERMINED: Advice.REVIEW}.get(bounce_type, reason.advice)
    return {
        "kind": EventKind.BOUNCE, "bounce_type": bounce_type, "reason": reason, "fault": reason.fault, "advice": advice,
    }  # fmt: skip


WORDS: dict[str, dict[str, Any]] = {
    "hard": _bounce(BounceType.HARD, Reason.USER_UNKNOWN),
    "soft": _bounce(BounceType.SOFT, Reason.SYSTEM_ERROR),
    "full": _bounce(BounceType.SOFT, Reason.MAILBOX_FULL),
    "flow": _bounce(BounceType.SOFT, Reason.RATE_LIMITED),
    "sender": _bounce(BounceType.SOFT, Reason.BLOCKLISTED),
    "content": _bounce(BounceType.SOFT, Reason.SPAM_CONTENT),
    "undetermined": _bounce(BounceType.UNDETERMINED, Reason.UNDEFINED),
    **{
        str(kind): {"kind": kind}
        for kind in (
            EventKind.COMPLAINT, EventKind.DELIVERY, EventKind.SUPPRESSION, EventKind.REACTIVATION, EventKind.EXPIRY,
        )
    },
}  # fmt: skip

assert WORDS["sender"]["fault"] is Fault.SENDER


def event(day: float, word: str, key: str = "", **more: Any) -> ListEvent:
    return ListEvent(time=BEGIN + timedelta(days=day), key=key or f"{day}:{word}", **(WORDS[word] | more))


def history(rows: Iterable[tuple[float, str]]) -> list[ListEvent]:
    return [event(day, word, f"{number}") for number, (day, word) in enumerate(rows)]
