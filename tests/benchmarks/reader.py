"""One reader of messages in a process of its own, which passes over all of them whenever it is asked.

    python tests/benchmarks/reader.py NAME FILE       # a line on standard input: a pass; prints CPU seconds
    python tests/benchmarks/reader.py NAME FILE N     # N passes, then the end: for valgrind, which counts a process

It runs under any Python, with any version of the library on its path: it imports nothing of these benchmarks. Regular
expressions that `re` remembers are forgotten before each pass. Up to Python 3.12 `email` compiles one for each boundary, and
no real stream of mail repeats its boundaries, as the passes over the same messages do.
"""

from __future__ import annotations

import gc
import logging
import pathlib
import re
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[bytes], object]


def packed(mails: list[bytes]) -> bytes:
    """Messages as `unpacked` reads them, one after the other behind their lengths."""
    return b"".join(struct.pack(">Q", len(raw)) + raw for raw in mails)


def unpacked(data: bytes) -> list[bytes]:
    mails, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">Q", data, at)
        mails.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    return mails


def _nothing() -> None:
    pass


def undeliverable() -> tuple[Work, Callable[[], None]]:
    from undeliverable import Knowledge, parse

    knowledge = Knowledge.builtin()
    return lambda raw: parse(raw, knowledge=knowledge).to_dict(), knowledge.clear_cache


def records() -> tuple[Work, Callable[[], None]]:
    """The record of a report that was read before, as JSON."""
    found = _found()
    return lambda raw: found(raw).to_json(), _nothing


def pickled() -> tuple[Work, Callable[[], None]]:
    """A report that was read before through a pickle, as between processes."""
    import pickle

    found = _found()
    return lambda raw: pickle.loads(pickle.dumps(found(raw), 5)), _nothing


def _found() -> Callable[[bytes], Any]:
    """Return what gives the report of a message, which is read in the first pass, the one that does not count.

    What is found when it is first asked for, such as the confidence, is found then: to find it is reading.
    """
    from undeliverable import parse

    kept: dict[bytes, Any] = {}

    def report_of(raw: bytes) -> Any:  # a report
        report = kept.get(raw)
        if report is None:
            report = kept[raw] = parse(raw)
            report.to_dict()
        return report

    return report_of


def standard() -> tuple[Work, Callable[[], None]]:
    from email import message_from_bytes

    return message_from_bytes, _nothing


def flufl() -> tuple[Work, Callable[[], None]]:
    from email import message_from_bytes

    from flufl.bounce import all_failures

    logging.disable()  # it writes a traceback for each odd header, which would count as its work

    def read(raw: bytes) -> object:
        try:
            return all_failures(message_from_bytes(raw))
        except Exception:  # noqa: BLE001 - its detectors raise on odd headers
            return None

    return read, _nothing


def replies() -> tuple[Work, Callable[[], None]]:
    """Judging replies, in UTF-8, that nobody has seen."""
    from undeliverable import Knowledge, classify

    knowledge = Knowledge.builtin()
    return lambda text: classify(text.decode(), knowledge=knowledge), knowledge.clear_cache


def replies_by_rules() -> tuple[Work, Callable[[], None]]:
    """The same without the second opinion, which the first version did not have."""
    from undeliverable import Knowledge, classify

    knowledge = Knowledge.builtin().without_opinion()
    return lambda text: classify(text.decode(), knowledge=knowledge), knowledge.clear_cache


READERS = {
    "classify": replies,
    "classify-rules": replies_by_rules,
    "undeliverable": undeliverable,
    "json": records,
    "pickle": pickled,
    "email": standard,
    "flufl": flufl,
}


def one_pass(work: Work, before: Callable[[], None], mails: list[bytes]) -> float:
    """CPU seconds of a pass, which begins with nothing remembered of the one before."""
    before()
    re.purge()
    gc.collect()
    began = time.process_time()
    for raw in mails:
        work(raw)
    return time.process_time() - began


def counted_passes(work: Work, before: Callable[[], None], mails: list[bytes], number: int) -> None:
    """Pass so often, for instructions to be counted: no full collection of garbage before each, which would count as work."""
    for _ in range(number):
        before()
        re.purge()
        for raw in mails:
            work(raw)


def main() -> None:
    name, file, *passes = sys.argv[1:]
    mails = unpacked(pathlib.Path(file).read_bytes())
    work, before = READERS[name]()
    if passes:
        counted_passes(work, before, mails, int(passes[0]))
        return
    print("ready Python", sys.version.split()[0], flush=True)
    for _ in sys.stdin:
        print(one_pass(work, before, mails), flush=True)


if __name__ == "__main__":
    main()
