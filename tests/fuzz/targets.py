"""The targets: octets in, nothing out; `AssertionError` or any other exception where a promise is broken."""

from __future__ import annotations

import json
import os
import pickle
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.fuzz import structures
from tests.fuzz.choices import Choices
from undeliverable import Knowledge, KnowledgeError, Report, Verdict, classify, iter_log, parse
from undeliverable.cli._neutral import neutral_cell

FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
PATIENCE: Final = 0.5
"""Seconds of CPU time that any input may take..."""
PER_OCTET: Final = 20e-6
"""... and how many more for each of its octets: hundreds of times what is usual, far below what is not linear."""


@cache
def seeds() -> tuple[bytes, ...]:
    """The mails and logs of fixtures/, to begin with."""
    found = sorted(path for path in FIXTURES.rglob("*") if path.suffix in {".eml", ".log"})
    if not found:
        raise FileNotFoundError(FIXTURES)
    return tuple(path.read_bytes() for path in found)


def _knowledge() -> Knowledge:
    return Knowledge.builtin()


def check_verdict(verdict: Verdict) -> None:
    """A verdict can be explained, and says the same after a journey."""
    assert verdict.explain(verbose=True, lang="de").startswith(verdict.explain(lang="de"))
    assert str(verdict)
    assert pickle.loads(pickle.dumps(verdict)) == verdict


def check_report(report: object, remarks_only: bool = False) -> None:
    """What is true of every report."""
    assert isinstance(report, Report)
    assert [remark for remark in report.remarks if remark.startswith("the reader ") and " failed: " in remark] == []
    text = json.dumps(report.to_dict())
    assert "\n" not in text
    assert text.isascii()
    for verdict in () if remarks_only else report.verdicts[:20]:
        check_verdict(verdict)
        assert neutral_cell(verdict.recipient).isprintable()
        assert neutral_cell(verdict.reply).isprintable()


def read_mail(data: bytes) -> None:
    """Octets as a message."""
    check_report(parse(data))


def read_tree(data: bytes) -> None:
    """A tree of parts with damage."""
    read_mail(structures.mail(Choices(data)).encode("utf-8", "replace"))


def read_headers(data: bytes) -> None:
    """Header soup."""
    read_mail((structures.header(Choices(data)) + "\nbody\n").encode("latin-1", "replace"))


def read_fields(data: bytes) -> None:
    """Soup of fields and words in a report."""
    read_mail(structures.report(Choices(data)).encode("utf-8", "replace"))


def read_dialogue(data: bytes) -> None:
    """A report in words."""
    read_mail(structures.transcript(Choices(data)).encode("utf-8", "replace"))


def read_reply(data: bytes) -> None:
    """A reply, as text and as octets."""
    choices = Choices(data)
    host, command = choices.pick((None, "mx.example.org", "", ".", "x" * 300)), choices.pick((None, "rcpt", "data"))
    text = structures.reply(choices)
    check_verdict(classify(text, host=host, command=command))
    check_verdict(classify(text.encode("latin-1", "replace"), trace=True))


def read_log(data: bytes) -> None:
    """Lines of logs."""
    lines = structures.log(Choices(data))
    for report in iter_log(lines if len(data) % 2 else [line.encode("latin-1", "replace") for line in lines]):
        check_report(report, remarks_only=True)


def read_raw_log(data: bytes) -> None:
    """Octets as a log."""
    for report in iter_log(data.split(b"\n")):
        check_report(report, remarks_only=True)


def read_rules(data: bytes) -> None:
    """A rule file: knowledge that can be used, or one error that says where."""
    _load(structures.rules(Choices(data)).encode("utf-8", "replace"))


def read_raw_rules(data: bytes) -> None:
    """Octets as a rule file."""
    _load(data)


def _load(text: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml", delete=False) as file:
        file.write(text)
    try:
        classify("550 5.1.1 no such user", knowledge=_knowledge().with_file(file.name))
    except KnowledgeError:
        pass
    finally:
        os.unlink(file.name)


@dataclass(frozen=True, slots=True)
class Target:
    """A function that octets are given to, and how to make octets for it.

    :ivar raw: octets stand for themselves and are made from seeds, or else they are decisions.
    """

    run: Callable[[bytes], None]
    raw: bool = False

    def made(self, source: random.Random) -> bytes:
        """Octets to try."""
        return mutated(source, source.choice(seeds())) if self.raw else source.randbytes(source.choice((64, 256, 1024)))


TARGETS: Final[dict[str, Target]] = {
    "mail": Target(read_mail, raw=True),
    "tree": Target(read_tree),
    "headers": Target(read_headers),
    "fields": Target(read_fields),
    "dialogue": Target(read_dialogue),
    "reply": Target(read_reply),
    "log": Target(read_log),
    "raw-log": Target(read_raw_log, raw=True),
    "rules": Target(read_rules),
    "raw-rules": Target(read_raw_rules, raw=True),
}

TOKENS: Final = (
    *(
        token.encode("utf-8", "replace")
        for token in (
            *structures.ENDS,
            *structures.REPLIES,
            *structures.ADDRESSES,
            *structures.TRANSCRIPT,
            *structures.HTML,
            *structures.VALUES,
        )
    ),
    b"--",
    b"\n--b\n",
    b"=?",
    b"?=",
    b"\0",
    b"\xff",
    b";",
    b":",
    b"\n\n",
    b"Content-Type: multipart/mixed; boundary=b\n\n",
)


def mutated(source: random.Random, data: bytes) -> bytes:
    """`data` with some changes: octets, lines, tokens, pieces of another seed."""
    for _ in range(source.randrange(1, 6)):
        data = source.choice(MUTATIONS)(source, data)
    return data


def _span(source: random.Random, data: bytes) -> tuple[int, int]:
    start = source.randrange(len(data) + 1)
    return start, min(len(data), start + source.choice((1, 8, 64, 512)))


def _cut(source: random.Random, data: bytes) -> bytes:
    start, end = _span(source, data)
    return data[:start] + data[end:]


def _repeat(source: random.Random, data: bytes) -> bytes:
    start, end = _span(source, data)
    return data[:end] + data[start:end] * source.choice((1, 2, 50)) + data[end:]


def _flip(source: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), source.choice((1, 4, 32)))):
        changed[source.randrange(len(changed))] = source.randrange(256)
    return bytes(changed)


def _token(source: random.Random, data: bytes) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.choice(TOKENS) + data[at:]


def _splice(source: random.Random, data: bytes) -> bytes:
    other = source.choice(seeds())
    return data[: _span(source, data)[0]] + other[_span(source, other)[0] :]


def _shuffle(source: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    one, two = source.randrange(len(lines)), source.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"".join(lines)


def _truncate(source: random.Random, data: bytes) -> bytes:
    return data[: source.randrange(len(data) + 1)]


MUTATIONS: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _cut,
    _repeat,
    _flip,
    _flip,
    _token,
    _token,
    _splice,
    _shuffle,
    _truncate,
)


def timed(target: Target, data: bytes) -> None:
    """Runs the target; `AssertionError` where it takes more time than any input of that length may, three times in turn."""
    for _ in range(3):
        began = time.process_time()
        target.run(data)
        taken = time.process_time() - began
        if taken < PATIENCE + PER_OCTET * len(data):
            return
    raise AssertionError(f"{taken:.2f} s for {len(data)} octets")


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Octets without end, the same for the same seed; the seeds themselves first, where they can be given as they are."""
    if target.raw:
        yield from seeds()
    source = random.Random(seed)
    while True:
        yield target.made(source)
