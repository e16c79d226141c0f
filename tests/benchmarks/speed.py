"""How fast messages and replies are judged, against what the standard library needs just to parse the messages."""

from __future__ import annotations

import email
import gc
import re
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
            re.purge()  # see reader.py
            gc.collect()
            began = time.process_time()
            for item in items:
                work(item)
            best[number] = min(best[number], time.process_time() - began)
    return best


def _nothing() -> None:
    """Nothing is remembered that had to be forgotten before a pass."""


def replies_in(mails: Sequence[bytes]) -> list[str]:
    """The distinct replies in the mails."""
    return sorted({verdict.reply for raw in mails for verdict in parse(raw) if verdict.reply})


def classify_against_yardstick(mails: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """Uncached `classify` of the distinct replies that stand in the mails."""
    knowledge = Knowledge.builtin()
    replies = replies_in(mails)
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
    own["classify/rules"] = with_many / with_few
