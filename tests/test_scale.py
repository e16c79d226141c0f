"""Every shape of the scale benchmark, small: no reader fails, and what is left out is said. Times are the benchmark's business."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.benchmarks.scale import peak, slope
from tests.benchmarks.shapes import EVERY, SMALL, STATUS, Shape, report
from undeliverable import parse
from undeliverable._dsn.groups import FIELD_LIMIT, group_fields
from undeliverable._mime.part import read
from undeliverable._mime.repairs import FIELDS_LIMIT, HEADER_LIMIT, TEXT_LIMIT, VALUE_LIMIT, Repair
from undeliverable._mime.structure import REWRITTEN, normalise_line_endings


@pytest.mark.parametrize("name", [*EVERY, *SMALL])
def test_no_reader_fails(name: str) -> None:
    shape: Shape
    shape, most = EVERY[name] if name in EVERY else (SMALL[name], 0)
    found = parse(shape(most >> 6))
    assert [remark for remark in found.remarks if " failed: " in remark] == []
    assert found.to_dict()["schema"] == 2


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_the_exponent_is_found(exponent: float) -> None:
    sizes = [1000, 2000, 4000, 8000]
    assert slope(sizes, [(size / 1000) ** exponent for size in sizes]) == pytest.approx(exponent)
    assert slope(sizes, [0.0] * 4) == 0.0


@pytest.mark.parametrize("filler", [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 64 * 1024 - 3])
@pytest.mark.parametrize("run", [b"\r\n", b"\r\r\n", b"\r", b"\r\r", b"\r\r\r\r\r\n", b"\r" * 70_000])
def test_line_ends_of_a_large_message_are_those_of_a_small_one(filler: int, run: bytes) -> None:
    before, after = b"x" * filler, b"y\r" * 10
    small = normalise_line_endings(b"x" + run + after, lambda _: None)
    large = normalise_line_endings(before + run + after + b"z" * REWRITTEN, lambda _: None)
    assert large[filler:-REWRITTEN] == small[1:]


@pytest.mark.parametrize(("kind", "limit"), [("text/plain", TEXT_LIMIT), ("message/delivery-status", FIELDS_LIMIT)])
@pytest.mark.parametrize("line", [b"X-A: b\n", b"X" * 5000], ids=["lines", "one line"])
def test_a_body_is_read_to_its_limit(kind: str, limit: int, line: bytes) -> None:
    remarks: list[str] = []
    body = line * (limit // len(line) + 1)
    part = read(b"Content-Type: " + kind.encode() + b"\n\n" + body, remarks)
    assert limit - 998 <= len(part.text) <= limit
    assert Repair.TOO_LONG in remarks


def test_fields_below_their_limit_are_read_to_the_end() -> None:
    remarks: list[str] = []
    body = b"X-A: b\n" * (TEXT_LIMIT // 7 + 10)
    assert len(read(b"Content-Type: message/delivery-status\n\n" + body, remarks).text) == len(body)
    assert Repair.TOO_LONG not in remarks


def test_a_field_that_repeats_without_end_is_cut() -> None:
    groups = group_fields(
        "\nFinal-Recipient: rfc822; kim@example.org\n" + "Diagnostic-Code: smtp; 550 no\n" * 10_000, []
    )
    assert FIELD_LIMIT <= len(groups.recipients[0][5] or "") < FIELD_LIMIT + 100


def test_what_was_cut_behind_an_address_is_not_part_of_it() -> None:
    remarks: list[str] = []
    groups = group_fields(
        "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; kim@example.org\nOrigi", remarks
    )
    assert groups.recipients[0][0] == "rfc822; kim@example.org"
    assert remarks == ["lines behind final-recipient that are no field were passed over"]


def test_the_same_remark_many_times_is_one() -> None:
    group = "\n\nFinal-Recipient: rfc822; kim{}@example.org\nAction: lost\nStatus: 5.1.1"
    found = parse(report(status=STATUS + "".join(group.format(number) for number in range(150)) + "\n").encode())
    assert len(found.remarks) < 5 < len(found.verdicts)


@pytest.mark.parametrize("subject", ["Subject: no\n", "Subject : no\n"])
@pytest.mark.parametrize(
    ("before", "found", "is_long"), [(HEADER_LIMIT - 100, "no", False), (HEADER_LIMIT, None, True)]
)
def test_a_header_block_is_searched_to_its_limit(subject: str, before: int, found: str | None, is_long: bool) -> None:
    remarks: list[str] = []
    filler = "X-A: b\n" * 300  # more lines than are read at once
    part = read(f"{filler}X-B: {'x' * (before - len(filler) - 6)}\n{subject}\nHi\n".encode(), remarks)
    assert part.header("subject") == found
    assert (Repair.LONG_HEADER in remarks) is is_long
    assert len(part.header_block) <= HEADER_LIMIT
    assert part.text == "Hi\n"


def test_a_field_is_read_to_the_limit() -> None:
    remarks: list[str] = []
    part = read(b"Subject:" + b"x" * (2 * HEADER_LIMIT) + b"\nFrom: kim@example.org\n\nHi\n", remarks)
    assert part.header("subject") == "x" * VALUE_LIMIT
    assert part.header("from") == "kim@example.org"
    assert remarks == [Repair.LONG_HEADER]


@pytest.mark.parametrize("level", ["message", "part"])
@pytest.mark.parametrize(
    "parameters",
    ["".join(f"; boundary*{number}*=%62" for number in range(500_000)), '; boundary="' + '\\"' * 5_000_000 + '"'],
    ids=["pieces", "quoted pairs"],
)
def test_parameters_take_little_memory(parameters: str, level: str) -> None:
    """As objects they take ten times their size and more: they are read to the limit of header blocks."""
    head = f"Content-Type: multipart/mixed{parameters}\n\nbody\n"
    outer = "Content-Type: multipart/mixed; boundary=outer\n\n--outer\n" if level == "part" else ""
    raw = (outer + head).encode()
    tracemalloc.start()
    try:
        remarks = parse(raw).remarks
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(raw) > 9_000_000
    assert peak + len(raw) <= 3 * len(raw)
    assert Repair.LONG_HEADER in remarks


@pytest.mark.parametrize(("name", "most"), [("text before the recipient", 5.2), ("text without a report", 3.4)])
def test_a_paragraph_without_end_takes_little_memory(name: str, most: float) -> None:
    """As lines and sentences with their places it took 67 times its size, as far as an unknown text was read."""
    shape, _ = EVERY[name]
    parse(shape(3_000))
    raw = shape(400_000)
    assert peak(lambda: parse(raw)) + len(raw) <= most * len(raw)
