"""Every fixture cut, flipped, shuffled and renamed: never a crash, and rarely another verdict.

Here some of the damage is done, so that it takes seconds. All of it, with a table of what became of the verdicts::

    python -m tests.test_damage
"""

from __future__ import annotations

import argparse
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.test_fixtures import EXPECTED
from undeliverable import BounceType, Report, parse

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
MAILS: Final = tuple(sorted(row["file"] for row in EXPECTED))  # not those that are hard or forged on purpose
Damage = Callable[[bytes], Iterator[bytes]]

_BOUNDARY: Final = re.compile(rb'boundary="?([^"\r\n;]+)', re.IGNORECASE)
_CLASSES: Final = {
    "digits": b"0123456789",
    "letters": b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "line ends": b"\n",
    "blanks": b" \t",
    "specials": b"<>@.,;:\"'()[]\\/-=_?+&#%!*$",
}


def tenths(raw: bytes) -> Iterator[bytes]:
    """The first tenth, the first two, ..."""
    return (raw[: len(raw) * tenth // 10] for tenth in range(10))


def lines(raw: bytes) -> Iterator[bytes]:
    """All that stands before each line, and the same in the middle of the line."""
    at = 0
    for line in raw.splitlines(keepends=True):
        yield raw[:at]
        yield raw[: at + len(line) // 2]
        at += len(line)


def beheaded(raw: bytes) -> Iterator[bytes]:
    """All that stands after some line."""
    kept = raw.splitlines(keepends=True)
    return (b"".join(kept[number:]) for number in range(1, len(kept), 3))


def flips(octets: bytes) -> Damage:
    """Octets of one class become others: one at a time, here and there."""

    def damage(raw: bytes) -> Iterator[bytes]:
        source = random.Random(zlib.crc32(raw))
        places = [at for at, octet in enumerate(raw) if octet in octets]
        for _ in range(min(12, len(places))):
            at = source.choice(places)
            yield raw[:at] + bytes((source.randrange(256),)) + raw[at + 1 :]

    return damage


def dropped_lines(raw: bytes) -> Iterator[bytes]:
    """One line is missing."""
    kept = raw.splitlines(keepends=True)
    return (b"".join(kept[:number] + kept[number + 1 :]) for number in range(0, len(kept), 2))


def boundary_of(raw: bytes) -> bytes:
    found = _BOUNDARY.search(raw)
    return found[1] if found else b""


def swapped_parts(raw: bytes) -> Iterator[bytes]:
    """Two neighbouring parts of the outer multipart change places."""
    boundary = boundary_of(raw)
    if not boundary:
        return
    pieces = re.split(rb"\r?\n--" + re.escape(boundary) + rb"(?=\r?\n)", raw)
    for number in range(1, len(pieces) - 1):
        swapped = [*pieces[:number], pieces[number + 1], pieces[number], *pieces[number + 2 :]]
        yield (b"\n--" + boundary).join(swapped)


def renamed_boundaries(raw: bytes) -> Iterator[bytes]:
    """The boundary that is declared is not the one in use; or a delimiter line is lost."""
    boundary = boundary_of(raw)
    if not boundary:
        return
    yield raw.replace(boundary, b"another", 1)
    yield raw.replace(b"--" + boundary, b"--another")
    yield raw.replace(b"--" + boundary + b"--", b"")
    pieces = raw.split(b"--" + boundary)
    for number in range(1, len(pieces)):
        yield (b"--" + boundary).join(pieces[:number]) + (b"--" + boundary).join([b"", *pieces[number:]])[
            len(boundary) + 2 :
        ]


def mixed_line_ends(raw: bytes) -> Iterator[bytes]:
    """LF, CRLF and CR CR LF in one message."""
    kept = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for seed in range(3):
        source = random.Random(seed)
        yield b"".join(line + source.choice((b"\n", b"\r\n", b"\r\r\n")) for line in kept)


def high_octets(raw: bytes) -> Iterator[bytes]:
    """As after a gateway that cleared the eighth bit, or set it."""
    yield bytes(octet & 0x7F for octet in raw)
    yield raw.replace(b" ", b"\xa0")
    yield raw.replace(b"\n\n", b"\n\0\n")


DAMAGE: Final[dict[str, Damage]] = {
    "cut at every tenth": tenths,
    "cut at every line": lines,
    "without the first lines": beheaded,
    "a line lost": dropped_lines,
    **{f"{name} flipped": flips(octets) for name, octets in _CLASSES.items()},
    "parts swapped": swapped_parts,
    "boundaries renamed": renamed_boundaries,
    "line ends mixed": mixed_line_ends,
    "octets of a gateway": high_octets,
}

FATES: Final = ("same", "undetermined", "lost", "class", "changed", "new")


@cache
def whole(file: str) -> Report:
    return parse((FIXTURES / file).read_bytes())


def fates(before: Report, after: Report) -> Iterator[str]:
    """What became of each recipient's verdict; `changed` where hard has become soft or the other way round.

    `class` is a failure that became another kind of report, or none that became one; `new` are recipients that nobody
    named before.
    """
    found = {verdict.recipient: verdict for verdict in after.verdicts}
    for verdict in before.verdicts:
        now = found.pop(verdict.recipient, None)
        if now is None:
            yield "lost"
        elif now.bounce_type is verdict.bounce_type:
            yield "same"
        elif now.bounce_type is BounceType.UNDETERMINED:
            yield "undetermined"
        elif now.bounce_type is None or verdict.bounce_type is None:
            yield "class"
        else:
            yield "undetermined" if verdict.bounce_type is BounceType.UNDETERMINED else "changed"
    for name in found:
        if name is not None:
            yield "new"


def hurt(file: str, name: str, most: int | None = None) -> Iterator[tuple[bytes, Report]]:
    """A fixture after each damage of one kind; only some of them if `most` says how many."""
    pieces = DAMAGE[name]((FIXTURES / file).read_bytes())
    found = list(pieces)
    if most is not None and len(found) > most:
        found = random.Random(zlib.crc32(file.encode())).sample(found, most)
    for raw in found:
        yield raw, parse(raw)


def table(most: int | None, show: str = "") -> dict[str, Counter[str]]:
    """The fates of all verdicts, by damage."""
    counts: dict[str, Counter[str]] = {}
    for name in DAMAGE:
        count = counts[name] = Counter()
        for file in MAILS:
            for raw, report in hurt(file, name, most):
                assert_sound(report)
                each = list(fates(whole(file), report))
                count.update(each)
                count["mails"] += 1
                if show and show in each:
                    print(
                        f"{name}: {file}, {len(raw)} octets, {[(str(v.recipient), str(v.reason), str(v.bounce_type)) for v in report.verdicts]}"
                    )
    return counts


def assert_sound(report: Report) -> None:
    assert [remark for remark in report.remarks if " failed: " in remark] == []
    assert report.to_dict()["kind"]


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_crashes_nothing(name: str) -> None:
    reports = [report for file in MAILS for _, report in hurt(file, name, 2)]
    assert reports
    for report in reports:
        assert_sound(report)


def test_a_hard_verdict_does_not_become_soft_by_a_cut() -> None:
    total = sum(
        (Counter(fates(whole(file), report)) for file in MAILS for _, report in hurt(file, "cut at every tenth")),
        Counter[str](),
    )
    assert total["same"]
    assert total["changed"] <= CHANGED_BY_CUTS


CHANGED_BY_CUTS: Final = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, help="at most so many of each kind per fixture")
    parser.add_argument("--show", default="", choices=FATES, help="name the damage that had this fate")
    options = parser.parse_args()
    counts = table(options.most, options.show)
    columns = ("mails", *FATES)
    print(f"{'':28s}" + "".join(f"{column:>14s}" for column in columns))
    for name, count in counts.items():
        print(f"{name:28s}" + "".join(f"{count[column]:14,}" for column in columns))


if __name__ == "__main__":
    main()
