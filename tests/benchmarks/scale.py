"""How time and memory grow with the size of one mail, of a log and of a rule file: doubling sizes, the exponent, the peak."""

from __future__ import annotations

import gc
import math
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tests.benchmarks.shapes import EVERY, MB
from undeliverable import Knowledge, classify, iter_log, parse

Item = TypeVar("Item")

SIZES = 6  # each twice the one before
PASSES = 5
CALM = 0.002  # seconds: below, the clock and the constant costs are what is measured


def scale_of_mails(_: Sequence[bytes], own: dict[str, float]) -> Iterator[str]:
    """Each shape of `shapes.EVERY` at doubling sizes up to the one it is held to."""
    knowledge = Knowledge.builtin()
    parse(b"", knowledge=knowledge)
    worst = hungriest = 0.0
    for name, (shape, most) in EVERY.items():
        exponent, ratio, line = _growth(name, [shape(most >> step) for step in reversed(range(SIZES))], knowledge)
        worst, hungriest = max(worst, exponent), max(hungriest, ratio)
        yield line
    own |= {"scale/exponent": worst, "scale/memory": hungriest}
    yield f"worst exponent {worst:.2f}, most memory {hungriest:.1f} x the mail"


def _growth(name: str, mails: Sequence[bytes], knowledge: Knowledge) -> tuple[float, float, str]:
    times = _seconds(lambda raw: parse(raw, knowledge=knowledge).to_dict(), mails, before=knowledge.clear_cache)
    exponent = slope([len(raw) for raw in mails], times)
    # Limits bound what large mails take: a smaller one may take more of its size. Below a megabyte some 100 KB that the
    # head of any text takes would be what is measured: there the largest one counts alone.
    counted = [raw for raw in mails[-3:] if len(raw) >= MB] or mails[-1:]
    ratio = max(peak(lambda: parse(raw, knowledge=knowledge)) / len(raw) + 1 for raw in counted)  # noqa: B023
    size = len(mails[-1]) / 1e6
    return (
        exponent,
        ratio,
        (
            f"{name:34s} {size:6.2f} MB {times[-1] * 1000:8.1f} ms  {times[-1] * 1000 / size:7.1f} ms/MB  "
            f"exponent {exponent:5.2f}  peak {ratio:5.1f} x the mail"
        ),
    )


def scale_of_logs(_: Sequence[bytes], __: dict[str, float]) -> Iterator[str]:
    """Log lines that belong together, and lines that are long."""
    line = "Nov 16 09:12:33 mx postfix/smtp[9]: {0:09X}: to=<kim{0}@example.org>, relay=none, delay=1, dsn=4.4.1, status=deferred (no)"
    for name, texts in {
        "10,000 log lines": [[line.format(n) for n in range(10_000 >> step)] for step in (3, 2, 1, 0)],
        "10,000 log lines of one message": [[line.format(7)] * (10_000 >> step) for step in (3, 2, 1, 0)],
        "one log line of 2 MB": [[line.format(7) + "x 550 5.1.1 " * (170_000 >> step)] for step in (3, 2, 1, 0)],
    }.items():
        times = _seconds(lambda lines: list(iter_log(lines)), texts, before=Knowledge.builtin().clear_cache)
        exponent = slope([sum(map(len, lines)) for lines in texts], times)
        yield f"{name:34s} {times[-1] * 1000:8.1f} ms  exponent {exponent:5.2f}"


def scale_of_rules(_: Sequence[bytes], __: dict[str, float]) -> Iterator[str]:
    """A rule file of up to 5,000 rules: loading it."""
    numbers = [5_000 >> step for step in (3, 2, 1, 0)]
    times = _seconds(with_rules, numbers)
    yield f"{'5,000 rules':34s} {times[-1] * 1000:8.1f} ms  exponent {slope(numbers, times):5.2f}"


def with_rules(number: int) -> Knowledge:
    """The built-in knowledge below so many rules of a file, ready to be used."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(_rules(number))
        file.flush()
        knowledge = Knowledge.builtin().with_file(file.name)
        classify("550 5.1.1 phrase number 7 of ours", knowledge=knowledge)  # what is made when it is first needed
        return knowledge


def _rules(number: int) -> str:
    return "\n".join(
        f'[[rule]]\nid = "r{n}"\nwhen = {{ reply = "550", words = "phrase number {n} of ours" }}\nthen = {{ reason = "user_unknown" }}\n'
        for n in range(number)
    )


def _seconds(
    work: Callable[[Item], object], items: Sequence[Item], before: Callable[[], object] = gc.collect
) -> list[float]:
    """CPU seconds of `work` on each item, the best of several passes over all of them.

    What else the machine does meets small and large ones alike. Each time begins with what `before` leaves: replies
    that are remembered from the pass before would be all of a small message's, and none of a large one's.
    """
    best = [math.inf] * len(items)
    for _ in range(PASSES):
        for number, item in enumerate(items):
            before()
            gc.collect()
            began = time.process_time()
            work(item)
            best[number] = min(best[number], time.process_time() - began)
    return best


def peak(work: Callable[[], object]) -> int:
    """How many octets were in use at once, above what was in use before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def slope(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The exponent of growth: least squares over the measurements that are long enough to be told from noise."""
    steps = list(zip(sizes, times, strict=True))
    calm = [(size, seconds) for size, seconds in steps if seconds >= CALM]
    if len(calm) < 2:
        return 0.0
    xs = [math.log(size) for size, _ in calm]
    ys = [math.log(seconds) for _, seconds in calm]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)
