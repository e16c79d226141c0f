"""Memory of one message: the peak of large ones in proportion to their size, and that reading them piece by piece changes nothing."""

from __future__ import annotations

import base64
import quopri
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.benchmarks.scale import peak
from tests.benchmarks.shapes import EVERY, HEAD, PLAIN, noise
from undeliverable import Knowledge, compiled, parse
from undeliverable._mime.headers import unfold
from undeliverable._mime.html import render
from undeliverable._mime.part import read
from undeliverable._mime.repairs import VALUE_LIMIT, Repair
from undeliverable._mime.transfer import decode_transfer
from undeliverable._smtp.transcripts import read_dialogue

KB = 1000
SLACK = 1.0 if sys.version_info[:2] == (3, 11) and not compiled else 1.3

# Items or octets, and how many times their size messages take, themselves included: what was measured and a tenth more. `SLACK` is for other versions of Python and compiled modules.
MOST = {
    "attachment": (400 * KB, 1.2), "attachment, CRLF": (400 * KB, 1.2), "text": (400 * KB, 2.3), "text, CRLF": (400 * KB, 3.3),
    "text, CR": (400 * KB, 3.4), "CR CR LF": (400 * KB, 2.7), "undeclared charset": (400 * KB, 4.6), "HTML": (400 * KB, 2.7),
    "HTML, CRLF": (400 * KB, 3.3), "HTML blanks": (400 * KB, 3.3), "base64": (400 * KB, 3.1),
    "base64 with noise": (400 * KB, 3.3), "quoted-printable": (400 * KB, 3.8), "long line": (400 * KB, 2.3),
    "encoded words": (400 * KB, 2.4), "a@a, in From": (400 * KB, 4.1), "parameters": (10_000, 4.4),
    "header lines, folded": (50_000, 2.6), "<<< lines": (30_000, 3.7),
}  # fmt: skip


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge.builtin()


@pytest.mark.parametrize("name", MOST)
def test_a_large_message_takes_little_memory(name: str, knowledge: Knowledge) -> None:
    (shape, _), (size, most) = EVERY[name], MOST[name]
    parse(shape(size >> 6), knowledge=knowledge)  # loads what is loaded when it is first needed
    raw = shape(size)
    assert peak(lambda: parse(raw, knowledge=knowledge)) / len(raw) + 1 <= most * SLACK


# ----------------------------------------------------------------------------------------------------------------
# Read piece by piece, a text is what it is as a whole.


def test_long_html_is_rendered_as_short_html() -> None:
    unit = "<p>Kim &amp; Lee  said&nbsp; 550 no </p>"
    assert render(unit * 3000) == "\n\n".join([render(unit).strip("\n")] * 3000) + "\n"


def test_long_text_before_a_tag_is_rendered_as_short_text() -> None:
    assert render("<p>" + "some words " * 20_000 + "</p>end").split() == ["some", "words"] * 20_000 + ["end"]


@pytest.mark.parametrize(
    "unit", ["some words\n", "word &nbsp; word  ", "word&nbsp;\n\tand &amp; more ", "x" * 9000 + " ", "&nbsp"]
)
def test_long_text_without_tags_is_rendered_as_short_text(unit: str) -> None:
    words = unit * (40_000 // len(unit))
    assert render(words).split() == words.replace("&nbsp;", " ").replace("&nbsp", " ").replace("&amp;", "&").split()
    assert "  " not in render(words)


@pytest.mark.parametrize(("quoted", "is_own"), [("kim@example.org", True), ("lee@example.org", False)])
def test_a_quotation_below_much_text_is_the_notifications_own_where_it_names_nobody_else(
    quoted: str, is_own: bool
) -> None:
    above = "<p>kim@example.org</p>" + "<br>one more line" * 3000
    found = render(f"{above}<blockquote>{quoted}<br>550 no such user</blockquote>")
    assert ("550 no such user" in found) is is_own


def test_comments_are_left_out_of_html_of_any_size() -> None:
    assert render("a<!-- b -->c<style>d</style>e" * 2000).split() == ["a", *["c", "ea"] * 1999, "c", "e"]


def test_quoted_printable_of_any_size_is_decoded() -> None:
    octets = "Grüße an Kim = Lee\n".encode() * 20 * KB
    assert decode_transfer(quopri.encodestring(octets), "quoted-printable", _none) == octets


@pytest.mark.parametrize(
    ("end", "repair"), [(b"=", Repair.QUOTED_PRINTABLE_CUT), (b"=zz and more", Repair.QUOTED_PRINTABLE_GARBAGE)]
)
def test_stray_equals_signs_are_noted_behind_any_number_of_lines(end: bytes, repair: Repair) -> None:
    notes: list[Repair] = []
    decode_transfer(b"line =20 \n" * 20 * KB + end, "quoted-printable", notes.append)
    assert notes == [repair]


@pytest.mark.parametrize(
    ("damage", "decoded", "repair"),
    [
        (
            lambda text: text + b"\n--\nA mailing list\n",
            lambda octets: octets + b"\n\n--\nA mailing list\n",
            Repair.BASE64_GARBAGE,
        ),
        (
            lambda text: text[:770] + text[770:].replace(b"\n", b"*\n"),  # from the eleventh line on
            lambda octets: octets,
            Repair.BASE64_GARBAGE,
        ),
        (lambda text: text.rstrip()[:-1], lambda octets: octets[:-1], Repair.BASE64_CUT),
    ],
    ids=["footer", "noise", "short"],
)
def test_damaged_base64_of_any_size_is_decoded_as_far_as_it_goes(
    damage: Callable[[bytes], bytes], decoded: Callable[[bytes], bytes], repair: Repair
) -> None:
    octets = noise(150 * KB + 2)
    notes: list[Repair] = []
    found = decode_transfer(damage(base64.encodebytes(octets)), "base64", notes.append)
    expected = decoded(octets)
    assert found[: len(expected) - 3] == expected[:-3]
    assert notes == [repair]


@given(st.text("a \t\n\xe9", min_size=1, max_size=60))
@example("kim@example.org,\n\t")
@example("\n")
def test_a_long_value_is_unfolded_as_a_short_one_is(line: str) -> None:
    value = f" {line * (40 * KB // len(line))} lee@example.org\n"
    assert unfold(value) == " ".join(words.strip() for words in value.split("\n")).strip()
    assert unfold(line) == " ".join(words.strip() for words in line.split("\n")).strip()


@pytest.mark.parametrize("field", ["Subject", "Content-Type"])
def test_of_a_long_value_the_beginning_is_read(field: str) -> None:
    remarks: list[str] = []
    part = read(f"X-A: b\n{field}: text/plain; {'x' * 2 * VALUE_LIMIT}\n\nHi\n".encode(), remarks)
    assert (part.header(field.lower()) or "").startswith("text/plain; xxx")
    assert len(part.header(field.lower()) or "") <= VALUE_LIMIT
    assert Repair.LONG_HEADER in remarks


def test_a_long_list_of_recipients_is_read_to_its_end() -> None:
    names = [f"kim{number}@example.org" for number in range(5000)]
    part = read(f"X-Failed-Recipients: {', '.join(names)}\n\nHi\n".encode(), [])
    assert part.header("x-failed-recipients") == ", ".join(names)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("", "One line\n"),
        ("Content-Type: text/plain; charset=utf-8\n", "Grüße an alle\n"),
        ("Content-Type: text/plain; charset=utf-7\n", "1 +- 1 is 2\n"),
        ("Content-Type: text/plain; charset=iso-2022-jp\n", "\x1b$B4A;z\x1b(B or not\n"),
        ("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n", "One =3D 1\n"),
        ("Content-Type: application/x-log\n", "Onelineofmanylettersbutwithoutanyblankinit.Onelineofmanylettersbutwithoutanyblankinit.\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_large_text_is_decoded_as_a_small_one_is(head: str, words: str, end: str) -> None:
    def text(number: int) -> str:
        return read((head + "\n" + words * number).replace("\n", end).encode(), []).text

    assert text(10 * KB) == text(1) * 10 * KB


@pytest.mark.parametrize("times", [3, 300, 3000])
def test_replies_that_are_repeated_decide_nothing_more(times: int) -> None:
    def replies(text: str) -> dict[str | None, str | None]:
        raw = HEAD + PLAIN + "\nYour message could not be delivered.\n\n" + text
        return {verdict.recipient: verdict.reply for verdict in parse(raw.encode()).verdicts}

    told = "550 5.1.1 no such user\n\n450 4.2.1 try again\n\n"
    assert replies("kim@example.org\n\n" + told * times) == {"kim@example.org": "550 5.1.1 no such user"}
    both = "kim@example.org\n\nlee@example.org\n\n"
    assert replies(both + told * times) == replies(both + told * 2)


def test_of_a_reply_without_end_the_last_line_counts() -> None:
    (facts,) = read_dialogue(
        ">>> RCPT To:<kim@example.org>\n" + "<<< 550-5.1.1 no\n<<< and more\n" * 4000 + "<<< 450 4.2.1 later\n", ""
    )
    assert facts.reply is not None
    assert facts.reply.code == 450
    assert len(facts.reply.text) < 50 * KB


def _none(repair: Repair) -> None:
    raise AssertionError(repair)
