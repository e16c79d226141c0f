"""Steps of bytecode that a mail takes: the same number on every machine, so that a change of 3 % can be told from none.

Instructions of the processor (`instructions`) say more, but need valgrind and a minute. Steps are counted by
`sys.settrace` in seconds, and depend on nothing but the minor version of Python: what is remembered is forgotten before, and
each message is read three times, the last of which counts: by then everything is imported and compiled.

    python -m tests.benchmarks.steps            # count, and compare with the recorded figures
    python -m tests.benchmarks.steps --record   # record them, where a change is meant to cost what it costs
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Final

from undeliverable import Knowledge, classify, parse

FIXTURES: Final = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "bounces"
RECORDED: Final = pathlib.Path(__file__).with_name("steps.json")
MOST: Final = 1.03
"""How much more than recorded is too much."""
GROUPS: Final = ("exim-*.eml", "postfix-*.eml", "qmail-*.eml", "sendmail-*.eml", "odd-*.eml")
EACH: Final = 12
"""Messages of a group that are counted, evenly chosen."""


def version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def counted() -> dict[str, int]:
    """Steps per message, or per reply, of each group."""
    knowledge = Knowledge.builtin()
    found: dict[str, int] = {}
    replies: list[str] = []
    for pattern in GROUPS:
        mails = [path.read_bytes() for path in _some(sorted(FIXTURES.glob(pattern)))]
        if mails:
            replies += [one.reply for raw in mails for one in parse(raw, knowledge=knowledge) if one.reply]
            found[pattern] = _mean(lambda raw: parse(raw, knowledge=knowledge).to_dict(), mails, knowledge)
    found["replies"] = _mean(lambda text: classify(text, knowledge=knowledge), sorted({*replies}), knowledge)
    return found


def grown(found: Mapping[str, int], recorded: Mapping[str, int]) -> list[str]:
    """What takes more than the recorded number of steps, in words."""
    return [
        f"{name}: {found[name]:,} steps instead of {before:,}, {found[name] / before - 1:+.1%}"
        for name, before in recorded.items()
        if found.get(name, 0) > before * MOST
    ]


def _some(paths: Sequence[pathlib.Path]) -> Sequence[pathlib.Path]:
    return paths[:: max(len(paths) // EACH, 1)][:EACH]


def _mean(work: Callable[[Any], object], items: Sequence[Any], knowledge: Knowledge) -> int:
    for _ in range(2):
        knowledge.clear_cache()
        for item in items:
            work(item)
    knowledge.clear_cache()
    return round(sum(_steps(work, item) for item in items) / len(items))


def _steps(work: Callable[[Any], object], item: object) -> int:
    number = 0

    def traced(frame: FrameType, event: str, _: object) -> Any:
        nonlocal number
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            number += 1
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        work(item)
    finally:
        sys.settrace(before)
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help=f"write the figures to {RECORDED.name}")
    options = parser.parse_args()
    every: dict[str, dict[str, int]] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    found = counted()
    for name, number in found.items():
        before = every.get(version(), {}).get(name)
        print(
            f"{name:16s} {number:8,} steps"
            + ("" if before is None else f"  recorded {before:8,}  {number / before - 1:+.1%}")
        )
    if options.record:
        RECORDED.write_text(json.dumps({**every, version(): found}, indent=1, sort_keys=True) + "\n")
        return 0
    return len(grown(found, every.get(version(), {})))


if __name__ == "__main__":
    sys.exit(main())
