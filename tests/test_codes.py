from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable import ReplyCode, StatusCode, find_reply_code, find_status, registered
from undeliverable.codes._registry import REGISTERED

classes = st.sampled_from((2, 4, 5))
numbers = st.integers(0, 999)


@given(classes, numbers, numbers)
def test_a_status_reads_back_what_it_writes(class_: int, subject: int, detail: int) -> None:
    status = StatusCode(class_, subject, detail)
    assert StatusCode.parse(str(status)) == status
    assert StatusCode.parse(f" {status}\n") == status
    assert status.is_permanent is (class_ == 5)
    assert status.is_transient is (class_ == 4)
    for pattern in ("*.*.*", "x.X.*", f"{class_}.*.*", f"x.{subject}.{detail}", f"{class_}.{subject}.*", str(status)):
        assert status.matches(pattern)


@pytest.mark.parametrize("text", ["", "5", "5.1", "5.1.1.1", "3.1.1", "1.1.1", "5.01.1", "5.1.1000", "a.b.c", "5.1.x"])
def test_what_is_no_status(text: str) -> None:
    with pytest.raises(ValueError, match="enhanced status"):
        StatusCode.parse(text)


@pytest.mark.parametrize("pattern", ["", "5", "5.1", "5.1.1.1", "5.1.y", "5..1", "**.1.1"])
def test_what_is_no_pattern_of_a_status(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        StatusCode(5, 1, 1).matches(pattern)


@pytest.mark.parametrize(
    ("pattern", "fits"), [("5.1.1", True), ("5.1.2", False), ("4.1.1", False), ("x.1.1", True), ("5.7.*", False)]
)
def test_a_status_against_a_pattern(pattern: str, fits: bool) -> None:
    assert StatusCode(5, 1, 1).matches(pattern) is fits


def test_statuses_have_an_order() -> None:
    assert sorted((StatusCode(5, 1, 10), StatusCode(5, 1, 2), StatusCode(4, 7, 1))) == [
        StatusCode(4, 7, 1),
        StatusCode(5, 1, 2),
        StatusCode(5, 1, 10),
    ]


@given(st.integers(2, 5), st.integers(0, 5), st.integers(0, 9))
def test_a_reply_code_reads_back_what_it_writes(first: int, second: int, third: int) -> None:
    code = ReplyCode.parse(f"{first}{second}{third}")
    assert code == first * 100 + second * 10 + third
    assert code.is_permanent is (first == 5)
    assert code.is_transient is (first == 4)
    for pattern in (str(int(code)), f"{first}xx", f"{first}{second}*", "xXx"):
        assert code.matches(pattern)
    assert not code.matches(f"{first}{second}{(third + 1) % 10}")


@pytest.mark.parametrize("text", ["", "55", "5500", "199", "600", "560", "5a0", "+550"])
def test_what_is_no_reply_code(text: str) -> None:
    with pytest.raises(ValueError, match="reply code"):
        ReplyCode.parse(text)


@pytest.mark.parametrize("pattern", ["", "55", "5500", "5y0"])
def test_what_is_no_pattern_of_a_reply_code(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        ReplyCode(550).matches(pattern)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("550 5.1.1 unknown", "5.1.1"),
        ("550-5.1.1 unknown", "5.1.1"),
        ("refused (#5.7.1)", "5.7.1"),
        ("[5.2.2] full", "5.2.2"),
        ("5.7.1: no", "5.7.1"),
        ("4.2.0.", "4.2.0"),
        ("host 192.5.1.1 says no", None),
        ("postfix-5.1.1 is old", None),
        ("v5.1.1", None),
        ("5.1.1.2", None),
        ("kim@5.1.1", None),
        ("on 5.1.11-beta", None),
        ("nothing", None),
    ],
)
def test_a_status_in_text(text: str, status: str | None) -> None:
    found = find_status(text)
    assert (None if found is None else str(found)) == status


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("550 no", 550),
        ("550-no", 550),
        ("said: 421 later", 421),
        ("(554)", 554),
        ("550", 550),
        ("a550 b", None),
        ("5501", None),
        ("10.550.1.1", None),
        ("599 no", None),
    ],
)
def test_a_reply_code_in_text(text: str, code: int | None) -> None:
    assert find_reply_code(text) == code


def test_the_first_code_from_a_place_on() -> None:
    text = "450 4.2.1 later, 550 5.1.1 no"
    assert (find_status(text), find_status(text, 6)) == (StatusCode(4, 2, 1), StatusCode(5, 1, 1))
    assert (find_reply_code(text), find_reply_code(text, 1)) == (450, 550)
    assert (find_status(text, 25), find_reply_code(text, 18)) == (None, None)


@given(st.text(max_size=200))
def test_searching_never_raises(text: str) -> None:
    for found in (find_status(text), find_reply_code(text)):
        assert found is None or str(found)


def test_the_registry_names_each_code_once_and_leaves_out_none() -> None:
    codes = [(row[0], row[1]) for row in REGISTERED]
    assert [code for code, times in Counter(codes).items() if times > 1] == []
    assert {subject for subject, _ in codes} == set(range(8))  # RFC 3463 3: X.0.XXX to X.7.XXX
    gaps = {(subject, detail) for subject, last in dict(sorted(codes)).items() for detail in range(last)} - set(codes)
    assert gaps == set()


@pytest.mark.parametrize("class_", [2, 4, 5])
def test_the_registry_leaves_the_class_out(class_: int) -> None:
    entry = registered(StatusCode(class_, 1, 1))
    assert entry is not None
    assert str(entry) == "X.1.1"
    assert entry.title == "Bad destination mailbox address"
    assert entry.rfcs


def test_what_is_not_registered() -> None:
    assert registered(StatusCode(5, 999, 999)) is None
