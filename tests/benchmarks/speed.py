"""How fast messages and replies are judged, against what the standard library needs just to parse the messages."""

from __future__ import annotations

import email
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from undeliverable import Knowledge, classify, parse

Item = TypeVar("Item")
PASSES = 5


def seconds(
    work: Callable[[Item], object], items: Sequence[Item], before: Callable[[], object] = lambda: None
) -> float:
    """CPU seconds of the best of several passes over `items`; `before` runs ahead of each pass, untimed."""
    best = float("inf")
    for _ in range(PASSES):
        before()
        gc.collect()
        began = time.process_time()
        for item in items:
            work(item)
        best = min(best, time.process_time() - began)
    return best


def parse_against_peers(mails: Sequence[bytes]) -> Iterator[str]:
    """`parse(raw).to_dict()` against `email.message_from_bytes` alone, and against flufl.bounce with its parse."""
    knowledge = Knowledge.builtin()
    ours = seconds(lambda raw: parse(raw, knowledge=knowledge).to_dict(), mails, knowledge.clear_cache)
    yardstick = seconds(email.message_from_bytes, mails)
    flufl = seconds(_flufl, mails)
    yield f"parse().to_dict()          {len(mails) / ours:9,.0f} mails/s"
    yield f"email.message_from_bytes   {len(mails) / yardstick:9,.0f} mails/s   parse is {yardstick / ours:5.2f} x as fast"
    yield f"flufl.bounce               {len(mails) / flufl:9,.0f} mails/s   parse is {flufl / ours:5.2f} x as fast"


def _flufl(raw: bytes) -> object:
    from flufl.bounce import all_failures

    try:
        return all_failures(email.message_from_bytes(raw))
    except Exception:  # noqa: BLE001 - its detectors raise on odd headers
        return None


def classify_against_yardstick(mails: Sequence[bytes]) -> Iterator[str]:
    """Uncached `classify` of the distinct replies that stand in the mails."""
    knowledge = Knowledge.builtin()
    replies = sorted({v.reply for raw in mails for v in parse(raw, knowledge=knowledge).verdicts if v.reply})
    ours = seconds(lambda text: classify(text, knowledge=knowledge), replies, knowledge.clear_cache)
    yardstick = seconds(email.message_from_bytes, mails)
    rate, base = len(replies) / ours, len(mails) / yardstick
    yield f"{len(replies)} distinct replies, {rate:,.0f} replies/s uncached = {rate / base:.1f} x the yardstick of {base:,.0f} mails/s"
