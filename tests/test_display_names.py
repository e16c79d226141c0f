"""A display name is no part of an address: the answer for ``D <A>`` is the answer for ``A``, wherever an address goes in.

What is no address is refused by whatever adds to a list, and never raises where a list is looked up.
"""

from __future__ import annotations

import io
import json
import smtplib
from datetime import UTC, datetime
from email.utils import formataddr
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clocks import LINEAR, growth
from tests.suppression_words import event
from undeliverable import address_identity, bare_address, classify, from_exception, from_refused, is_same_address
from undeliverable.cli import main
from undeliverable.proof import SentTable
from undeliverable.serve._api_fields import of_object
from undeliverable.serve._look_ups import _is_address
from undeliverable.serve._problems import Fault
from undeliverable.serve._routes import ROUTES
from undeliverable.store import AddressError, PatternError, SuppressionList, export_records, read_import
from undeliverable.suppression import EventKind, ListEvent

NAMED: Final = (
    ("Kim <kim@example.org>", "kim@example.org"),
    ("<kim@example.org>", "kim@example.org"),
    (" < kim@example.org > ", "kim@example.org"),
    ('"Lee, Kim" <kim@example.org>', "kim@example.org"),
    ("Lee, Kim <kim@example.org>", "kim@example.org"),
    ('"Kim \\"K\\" <x@example.com>" <kim@example.org>', "kim@example.org"),
    ('Kim "K <kim@example.org>', "kim@example.org"),
    ("kim@example.org <kim@example.org>", "kim@example.org"),
    ("=?utf-8?q?J=C3=B6rg?= <kim@example.org>", "kim@example.org"),
    ("金 <kim@example.org>", "kim@example.org"),
    ("kim@example.org (Kim)", "kim@example.org"),
    ("(Kim (at) home) kim@example.org (a \\) b@c)", "kim@example.org"),
    ("Kim <kim@example.org> (Kim)", "kim@example.org"),
    ('Kim <"two word"@example.org>', '"two word"@example.org'),
    ('"a <b@c>" <"d <e@f>"@example.org>', '"d <e@f>"@example.org'),
    ("Kim <kim@[192.0.2.1]>", "kim@[192.0.2.1]"),
)
BARE: Final = (
    "kim@example.org",
    "*@example.org",
    "kim..lee@example.org",
    "kim.@example.org",
    "o'brien+news=x@example.org",
    "グ@bücher.example",
    "kim@localhost",
    "kim@example.org.",
    '"a <b@c>"@example.org',
    '"a(b)"@example.org',
    '"a@b"@example.org',
    r'"\"kim\""@example.org',
    '""@example.org',
    "kim@[IPv6:2001:db8::1]",
)
NONE: Final = (
    "",
    "not an address",
    "kim",
    "<>",
    "<kim>",
    "@",
    "kim@",
    "kim@.",
    "Kim <kim@>",
    '"kim@example.org"',
    "kim@exa mple.org",
    "lee kim@example.org",
    "a@b@example.org",
    "lee@example.org kim@example.org",
    "lee@example.org, kim@example.org",
    "lee@example.org;kim@example.org",
    "lee@example.org, Kim <kim@example.org>",
    "Lee <lee@example.org>, Kim <kim@example.org>",
    "Kim <kim@example.org",
    "kim@example.org>",
    'Kim " <a"b@example.org>',
    "kim@example.org (Kim",
    "kim\r\n@example.org",
    "kim@example.org\r\nx",
    "kim\0@example.org",
    "kim\x85@example.org",
    "kim\u2028@example.org",
    "kim\ud800@example.org",
    '"kim\n"@example.org',
    "mailto:kim@example.org",
)

_WORDS: Final = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=20)
_ODD: Final = st.text(alphabet='aB"\\ <>()@,;:.é', max_size=8)
DISPLAY_NAMES: Final = st.one_of(_WORDS, _ODD)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


LOCALS: Final = st.one_of(
    st.text(alphabet="abcXYZ019._+-='é", min_size=1, max_size=10), st.text('aB"\\ <>()@,;:é', max_size=8).map(quoted)
)
DOMAINS: Final = st.sampled_from(
    ["example.org", "EXAMPLE.com", "bücher.example", "xn--bcher-kva.example", "[192.0.2.1]"]
)
ADDRESSES: Final = st.builds("{}@{}".format, LOCALS, DOMAINS)
NASTY: Final = st.text(alphabet='aA@"\\. <>(),;\uff08\uff09\uff1c\uff1e\u3002\uff20\n\0\ud800', max_size=14)


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_the_address_is_what_counts(text: str, expected: str) -> None:
    assert bare_address(text) == expected
    assert address_identity(text) == address_identity(expected)
    assert is_same_address(text, expected)


@pytest.mark.parametrize("text", BARE)
def test_an_address_stays_as_it_is(text: str) -> None:
    assert bare_address(text) == bare_address(f" {text}\n") == text


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address(text: str) -> None:
    assert bare_address(text) is None


@given(DISPLAY_NAMES, ADDRESSES)
def test_a_name_changes_nothing(name: str, address: str) -> None:
    for named in (
        f"{quoted(name)} <{address}>",
        f"{quoted(name)}<{address}>",
        f"<{address}>",
        f"x {quoted(name)} y <{address}>",
    ):
        assert address_identity(named) == address_identity(address)
        assert bare_address(named) in {address, None}
    assert bare_address(f"{quoted('Kim')} <{address}>") == bare_address(address) == address


@given(_WORDS, st.text("abcXYZ019._+-", min_size=1, max_size=10))
def test_names_as_mail_programs_write_them(name: str, local: str) -> None:
    address = f"{local}@example.org"
    assert address_identity(formataddr((name, address))) == address_identity(address)
    loose = name.translate(dict.fromkeys(map(ord, "<>(),;@"), " "))
    assert address_identity(f"{loose} <{address}>") == address_identity(address)


@given(st.one_of(NASTY, st.text(max_size=60)), st.booleans())
def test_any_text_has_a_form_that_stays(text: str, case_matters: bool) -> None:
    once = address_identity(text, case_matters=case_matters)
    assert address_identity(once, case_matters=case_matters) == once
    bare = bare_address(text)
    if bare is not None:
        assert bare_address(bare) == bare
        assert address_identity(bare) == address_identity(text)


@pytest.mark.parametrize("text", ["<", '"', "(", "()", '"\\', 'a "', "(\\", "a@", "a<", ",@<", "\\"])
def test_no_text_takes_more_time_than_its_length(text: str) -> None:
    def read(number: int) -> None:
        for tail in ("", "<a@b>", "@>", ")", '">'):
            bare_address(text * number + tail)
            address_identity(text * number + tail)

    assert growth(read, 20_000) < LINEAR


# --- lists


@pytest.fixture(scope="module")
def shared() -> SuppressionList:
    return SuppressionList(":memory:")


@settings(max_examples=40)
@given(name=DISPLAY_NAMES, address=ADDRESSES, adds=st.booleans())
def test_a_list_answers_for_the_address(shared: SuppressionList, name: str, address: str, adds: bool) -> None:
    named = f"{quoted(name)} <{address}>"
    if adds and bare_address(named) is not None:
        shared.suppress(named)
        assert shared.is_suppressed(address)
    assert shared.is_suppressed(named) is shared.is_suppressed(address)
    assert [off for _, off in shared.check([named])] == [off for _, off in shared.check([address])]
    assert list(shared.filter([named])) == ([] if shared.is_suppressed(address) else [named])
    assert shared.get(named) == shared.get(address)


@pytest.mark.parametrize(("text", "address"), NAMED)
def test_whatever_adds_takes_the_address(text: str, address: str) -> None:
    with SuppressionList(":memory:") as known:
        assert len(known.suppress(text).suppressed) == 1
        assert known.is_suppressed(address)
        assert [entry.shown for entry in known.entries()] == [address]
        assert known.history(text) == known.history(address) != ()
        assert known.reactivate(text, why="works").released
        known.record([(text, event(0, "hard"))])
        assert len(known) == 1
        assert known.forget(text)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_refused_and_stops_nothing(text: str) -> None:
    with SuppressionList(":memory:") as known:
        known.suppress("kim@example.org")
        with pytest.raises((AddressError, PatternError)):
            known.suppress(text)
        with pytest.raises((AddressError, PatternError)):
            known.reactivate(text, why="x")
        assert not known.is_suppressed(text)
        assert list(known.filter([text])) == [text]
        assert known.find(text) == ()
        assert len(known) == 1


def test_the_error_names_the_text_and_is_a_value_error() -> None:
    with SuppressionList(":memory:") as known:
        with pytest.raises(ValueError, match="'not an address' is no address; expected one such as"):
            known.suppress("not an address")
        with pytest.raises(AddressError) as raised:
            known.suppress("x" * 100_000)
        assert len(str(raised.value)) < 300
        with pytest.raises(PatternError, match="All"):
            known.suppress("All <*@example.org>")


def test_what_was_sent_has_no_names(tmp_path: Path) -> None:
    path = tmp_path / "sent.csv"
    path.write_text('recipient,id\n"Lee, Kim <kim@example.org>",42\n', encoding="utf-8")
    assert SentTable.from_file(path).address_of("42") == "kim@example.org"
    with SuppressionList(":memory:") as known:
        known.record_sent([("Kim <kim@example.org>", "42", None)])
        assert known.address_of("42") == "kim@example.org"
    path.write_text('recipient,id\n"kim@example.org, lee@example.org",42\n', encoding="utf-8")
    with pytest.raises(ValueError, match="the recipient is no address"):
        SentTable.from_file(path)


# --- files to import


def test_an_import_takes_the_address_and_names_what_is_none() -> None:
    text = (
        'email,created\n"Lee, Kim <kim@example.org>",1\n"a@example.org, b@example.org",2\nx\n"lee@example.org",3\n'
        "ann@,4\n"
    )
    source = read_import(io.BytesIO(text.encode()))
    assert [address for address, _ in source] == ["kim@example.org", "lee@example.org"]
    assert (source.rows, source.skips, source.bad) == (5, 3, 3)
    assert source.faults == [
        "row 2: 'a@example.org, b@example.org' is no address", "line 4: 1 cell instead of 2", "row 5: 'ann@' is no address",
    ]  # fmt: skip


def test_a_row_with_a_name_is_the_same_event() -> None:
    keys = {
        made.key
        for cell in ("kim@example.org", "Kim <kim@example.org>", "<KIM@example.org>")
        for _, made in read_import(io.BytesIO(f"email,created\n{cell},1\n".encode()))
    }
    assert len(keys) == 1


def test_own_records_with_names_and_without_addresses() -> None:
    line = '{"address": "%s", "events": [{"kind": "delivery", "time": "2026-01-01T00:00:00+00:00", "key": "k"}]}\n'
    texts = ("Kim <kim@example.org>", "not an address", "kim@example.org\\u0000", "*@example.org")
    source = read_import(io.BytesIO("".join(line % text for text in texts).encode()))
    assert [address for address, _ in source] == ["kim@example.org"]
    assert (source.rows, source.bad, source.patterns) == (4, 2, 1)
    assert source.faults == ["row 2: 'not an address' is no address", r"row 3: 'kim@example.org\x00' is no address"]


def test_a_list_comes_out_and_goes_in_with_the_address() -> None:
    with SuppressionList(":memory:") as known, SuppressionList(":memory:") as other:
        known.suppress('Kim <"two word"@example.org>')
        text = "".join(
            json.dumps(record) + "\n" for record in export_records(known, datetime(2026, 11, 30, tzinfo=UTC))
        )
        source = read_import(io.BytesIO(text.encode()))
        other.record(source)
        assert source.bad == 0
        assert other.is_suppressed('"two word"@example.org')


# --- the command


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    place = tmp_path / "list.db"
    code, out, _ = run("suppressions", "add", "Lee <lee@example.org>", str(place))
    assert (code, out) == (0, "lee@example.org: suppressed\n")
    code, out, said = run("suppressions", "add", "not an address", str(place))
    assert (code, out) == (2, "")
    assert "'not an address' is no address" in said
    file = tmp_path / "send.txt"
    file.write_text('Lee <lee@example.org>\n"Lee, L" <LEE@example.org>\n<lee@example.org>\nKim <kim@example.org>\n')
    assert run("suppressions", "filter", str(file), str(place))[1] == "Kim <kim@example.org>\n"
    file.write_text('email\nKim <kim@example.org>\n"ann@example.org, bob@example.org"\n')
    code, _, said = run("suppressions", "import", str(file), str(place))
    assert code == 1
    assert "send.txt: 1 bad row left out: row 2: 'ann@example.org, bob@example.org' is no address" in said
    code, out, _ = run("suppressions", "reactivate", "Kim <kim@example.org>", "--why", "works", str(place))
    assert (code, out) == (0, "kim@example.org: reactivated\n")


# --- verdicts


def test_a_refusal_names_the_address() -> None:
    refused = {"Kim <kim@example.org>": (550, b"5.1.1 no such user")}
    verdicts = (
        *from_refused(refused),
        *from_exception(smtplib.SMTPRecipientsRefused(refused)),
        classify("550 5.1.1 no such user", recipient="Kim <kim@example.org>"),
    )
    assert [verdict.recipient for verdict in verdicts] == ["kim@example.org"] * 3
    (odd,) = from_refused({"not an address": (550, b"5.1.1 no such user")})
    assert odd.recipient == "not an address"


def test_what_a_client_refused_stops_the_address() -> None:
    (verdict,) = from_refused({'"Lee, Kim" <kim@example.org>': (550, b"5.1.1 no such user")})
    with SuppressionList(":memory:") as known:
        made = ListEvent.of(verdict, datetime(2026, 1, 1, tzinfo=UTC), kind=EventKind.BOUNCE)
        known.record([(str(verdict.recipient), made)])
        assert known.is_suppressed("Kim <kim@example.org>")


# --- servers


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("Kim <kim@example.org>", True),
        ("two word@example.org", True),  # Postfix may ask without the quotes
        ("<postmaster@example.org>", False),
        ("Kim <abuse@example.org>", False),
        ("<>", False),
    ],
)
def test_a_mail_server_asks_for_addresses(key: str, expected: bool) -> None:
    assert _is_address(key) is expected


def faults_of(name: str, value: object) -> list[Fault]:
    (route,) = (route for route in ROUTES if route.name == name)
    faults: list[Fault] = []
    of_object(route.body, value, "", faults)
    return faults


@pytest.mark.parametrize("text", NONE)
@pytest.mark.parametrize("route", ["add", "reactivate"])
def test_the_api_takes_addresses_only(route: str, text: str) -> None:
    ((place, detail),) = faults_of(route, {"address": text, "why": "x"})
    assert place == "/address"
    assert detail.startswith("must be one address of at most 1000 characters")


@pytest.mark.parametrize("name", ["why", "who"])
def test_the_api_takes_words_of_some_length(name: str) -> None:
    body = {"address": "Kim <kim@example.org>", "why": "x"}
    assert faults_of("add", body | {name: "é" * 1000}) == []
    ((place, detail),) = faults_of("add", body | {name: "x" * 1_000_000})
    assert (place, detail) == (f"/{name}", "must have at most 1000 characters, not 1000000")
