"""How fast messages and replies are judged, against what the standard library needs just to parse the messages."""

from __future__ import annotations

import email
import gc
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from tests.benchmarks.scale import with_rules
from undeliverable import Knowledge, classify, parse

Item = TypeVar("Item")
Work: TypeAlias = tuple[Callable[[Item], object], Callable[[], object]]
"""What is done with each item, and what before each pass, untimed."""
PASSES = 5


def seconds(*works: Work[Item], items: Sequence[Item]) -> list[float]:
    """CPU seconds that each of `works` needs for all `items`, the best of several passes.

    The passes alternate, so that what else the machine does meets all of them.
    """
    best = [float("inf")] * len(works)
    for _ in range(PASSES):
        for number, (work, before) in enumerate(works):
            before()
            gc.collect()
            began = time.process_time()
            for item in items:
                work(item)
            best[number] = min(best[number], time.process_time() - began)
    return best


def parse_against_peers(mails: Sequence[bytes]) -> Iterator[str]:
    """`parse(raw).to_dict()` against `email.message_from_bytes` alone, and against flufl.bounce with its parse."""
    logging.disable()  # flufl.bounce writes a traceback for each odd header, which would count as its work
    knowledge = Knowledge.builtin()
    ours, yardstick, flufl = seconds(
        (lambda raw: parse(raw, knowledge=knowledge).to_dict(), knowledge.clear_cache),
        (email.message_from_bytes, _nothing),
        (_flufl, _nothing),
        items=mails,
    )
    yield f"parse().to_dict()          {len(mails) / ours:9,.0f} mails/s"
    yield f"email.message_from_bytes   {len(mails) / yardstick:9,.0f} mails/s   parse is {yardstick / ours:5.2f} x as fast"
    yield f"flufl.bounce               {len(mails) / flufl:9,.0f} mails/s   parse is {flufl / ours:5.2f} x as fast"
    written = _seconds_of_records(mails, knowledge)
    (read,) = seconds((lambda raw: parse(raw, knowledge=knowledge), knowledge.clear_cache), items=mails)
    yield f"to_dict() and JSON         {1e6 * written / len(mails):9,.1f} us a mail = {written / read:4.0%} of parse() alone"


def _seconds_of_records(mails: Sequence[bytes], knowledge: Knowledge) -> float:
    """What the public record of all mails takes, as JSON; each report is a new one, for it remembers its keys."""
    best = float("inf")
    for _ in range(PASSES):
        reports = [parse(raw, knowledge=knowledge) for raw in mails]
        gc.collect()
        began = time.process_time()
        for report in reports:
            json.dumps(report.to_dict())
        best = min(best, time.process_time() - began)
    return best


def _nothing() -> None:
    """Nothing is remembered that had to be forgotten before a pass."""


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
    (ours,) = seconds((lambda text: classify(text, knowledge=knowledge), knowledge.clear_cache), items=replies)
    (yardstick,) = seconds((email.message_from_bytes, _nothing), items=mails)
    rate, base = len(replies) / ours, len(mails) / yardstick
    yield f"{len(replies)} distinct replies, {rate:,.0f} replies/s uncached = {rate / base:.1f} x the yardstick of {base:,.0f} mails/s"
    few, many = (with_rules(number) for number in (500, 5_000))
    with_few, with_many = seconds(
        (lambda text: classify(text, knowledge=few), few.clear_cache),
        (lambda text: classify(text, knowledge=many), many.clear_cache),
        items=replies,
    )
    yield f"with 500 rules of one's own {len(replies) / with_few:,.0f} replies/s, with 5,000 {len(replies) / with_many:,.0f}"
