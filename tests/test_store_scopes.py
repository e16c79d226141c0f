"""Scopes, whole domains, and the record of what was sent; on SQLite and on PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.suppression_words import BEGIN, event
from undeliverable import Proof
from undeliverable.proof import Prover, Sent, read_sent
from undeliverable.store import AddressIdentity, StoreError, SuppressedDomain, SuppressionList, read_import
from undeliverable.store._domains import domain_named, is_pattern
from undeliverable.store._scopes import is_below, visible

KIM = "kim@example.org"
DAY = timedelta(days=1)
NAMES = st.lists(st.sampled_from(["acme", "acm", "news"]), max_size=3).map("/".join)


@pytest.fixture
def lists(place: str) -> Iterator[dict[str, SuppressionList]]:
    """One list, opened in several scopes."""
    found = {name: SuppressionList(place, scope=name) for name in ("", "acme", "acme/news", "acme/shop", "other")}
    yield found
    for known in found.values():
        known.close()


# --- scopes ---------------------------------------------------------------------------------------------------------


def test_a_look_up_sees_its_scope_and_those_above(lists: dict[str, SuppressionList]) -> None:
    seen_by = {
        "": ["", "acme", "acme/news", "acme/shop", "other"],
        "acme": ["acme", "acme/news", "acme/shop"],
        "acme/news": ["acme/news"],
        "acme/shop": ["acme/shop"],
        "other": ["other"],
    }
    for scope, known in lists.items():
        address = f"of.{scope.replace('/', '.')}x@example.org"
        assert known.suppress(address).new == 1
        assert [name for name, other in lists.items() if other.is_suppressed(address)] == seen_by[scope]
        assert [name for name, other in lists.items() if not list(other.filter([address]))] == seen_by[scope]
        assert [name for name, other in lists.items() if other.get(address)] == [scope]
        assert [name for name, other in lists.items() if other.history(address)] == [scope]
    assert lists[""].scopes() == ("acme", "acme/news", "acme/shop", "other")


def test_each_scope_has_its_own_history_of_an_address(lists: dict[str, SuppressionList]) -> None:
    lists[""].record([(KIM, event(0, "soft", "a"))])  # before there are tenants
    lists["acme"].record([(KIM, event(1, "hard", "a"))])
    lists["acme/news"].record([(KIM, event(2, "complaint", "b"))])
    assert [entry.scope for entry in lists["acme/news"].find(KIM)] == ["acme/news", "acme", ""]
    assert [entry.scope for entry in lists["other"].find(KIM)] == [""]
    lists["acme"].reactivate(KIM, why="alive", at=BEGIN + 3 * DAY)
    assert not lists["acme"].is_suppressed(KIM)
    assert lists["acme/news"].is_suppressed(KIM)
    assert not lists["acme/shop"].is_suppressed(KIM)
    for scope, known in lists.items():
        number = 0 if scope in {"acme/shop", "other"} else 1
        assert len(known) == len(list(known.entries())) == known.stats().addresses == number
    assert [lists[name].stats().events for name in ("", "acme", "acme/news", "other")] == [1, 2, 1, 0]
    assert [entry.shown for entry in lists["acme/news"].entries(suppressed=True)] == [KIM]


def test_the_global_scope_of_a_list_with_tenants_takes_only_what_is_proved(lists: dict[str, SuppressionList]) -> None:
    everybody = lists[""]
    assert everybody.record([(KIM, event(0, "hard"))]).new == 1, "there are no tenants yet"
    everybody.reactivate(KIM, why="alive", at=BEGIN + DAY)
    lists["acme"].record([("ann@example.org", event(0, "hard")), (KIM, event(0, "hard", "x", proof=Proof.MATCHED))])
    assert lists["acme"].is_suppressed(KIM)
    for proof in (None, Proof.MATCHED, Proof.UNPROVED):
        outcome = everybody.record([(KIM, event(2, "hard", f"{proof}", proof=proof))])
        assert (outcome.new, outcome.ignored) == (0, 1)
    rows = io.BytesIO(b"email\nann@example.org\n")
    assert everybody.record(read_import(rows)).ignored == 1
    assert everybody.get("ann@example.org") is None
    assert not everybody.is_suppressed(KIM)
    assert everybody.suppress("ann@example.org").new == 1, "what the operator decides"
    for number, proof in enumerate((Proof.TOKEN, Proof.SIGNED, Proof.OWN)):
        assert everybody.record([(f"{number}@example.org", event(2, "hard", proof=proof))]).new == 1
        assert lists["other"].is_suppressed(f"{number}@example.org")


def test_a_tenant_with_a_domain_alone_is_a_tenant(lists: dict[str, SuppressionList]) -> None:
    lists["acme"].suppress_domain("example.org")
    assert lists[""].scopes() == ("acme",)
    assert lists[""].record([(KIM, event(0, "hard"))]).ignored == 1


def test_forgetting_includes_what_is_below(lists: dict[str, SuppressionList]) -> None:
    for known in lists.values():
        known.suppress(KIM)
    assert lists["acme"].forget(KIM)
    assert [name for name, known in lists.items() if known.get(KIM)] == ["", "other"]
    lists["acme"].reactivate(KIM, why="back")
    assert lists["acme"].stats().forgotten == 0
    assert lists["acme/news"].stats().forgotten == 1
    assert lists[""].stats().forgotten == 0
    assert lists[""].forget(KIM)
    assert [name for name, known in lists.items() if known.get(KIM)] == []
    assert all(known.is_suppressed(KIM) for known in lists.values())
    assert lists["other"].record([(KIM, event(1, "hard"))]).forgotten == 1
    assert not lists["other"].forget(KIM)


@given(NAMES, NAMES)
def test_what_is_seen_lies_above(one: str, other: str) -> None:
    assert (other in visible(one)) is is_below(one, other)
    assert visible(one)[0] == one
    assert visible(one)[-1] == ""
    assert list(visible(one)) == sorted(visible(one), key=len, reverse=True)


@pytest.mark.parametrize("name", ["/", "a/", "/a", "a//b", "a b", "ä", "a\n", "x" * 65, "/".join("abcdefghi")])
def test_what_is_no_scope_is_an_error(name: str) -> None:
    with pytest.raises(StoreError, match="invalid scope"):
        SuppressionList(":memory:", scope=name)


# --- whole domains --------------------------------------------------------------------------------------------------


def test_a_whole_domain(place: str) -> None:
    with SuppressionList(place) as known:
        known.record(
            [(KIM, event(0, "soft")), ("lee@sub.example.org", event(0, "soft")), ("a@b.net", event(0, "hard"))]
        )
        assert known.suppress_domain("*@Example.ORG", who="ann", why="closed", at=BEGIN) == 1
        assert known.domains() == (SuppressedDomain("example.org", "", BEGIN, "ann", "closed"),)
        assert known.stats().domains == 1
        wanted = [KIM, "Max@EXAMPLE.org", "lee@sub.example.org", "kim@notexample.org", "a@b.net", "example.org"]
        assert [off for _, off in known.check(wanted)] == [True, True, False, False, True, False]
        assert known.covering("max@example.org") == known.domains()
        assert not known.is_suppressed(KIM, BEGIN - DAY)
        assert known.domains(BEGIN - DAY) == ()
        assert known.reactivate_domain("example.org", why="open", at=BEGIN + DAY) == 1
        assert not known.is_suppressed(KIM)
        assert known.is_suppressed(KIM, BEGIN), "as it was then"
        assert known.domains() == known.covering(KIM) == ()
        with pytest.raises(StoreError, match="not suppressed as a whole"):
            known.reactivate_domain("example.org", why="again")
        known.suppress_domain("example.org", at=BEGIN + 2 * DAY)
        known.suppress_domain("example.org", why="at the same time", at=BEGIN + 2 * DAY)
        (found,) = known.domains()
        assert found.why == "at the same time"


def test_a_whole_domain_in_a_scope(lists: dict[str, SuppressionList]) -> None:
    lists["acme/news"].record([(KIM, event(0, "soft"))])
    lists[""].record([("lee@example.org", event(0, "soft", proof=Proof.OWN))])
    assert lists["acme"].suppress_domain("example.org") == 1
    assert [name for name, known in lists.items() if known.is_suppressed(KIM)] == ["acme", "acme/news", "acme/shop"]
    assert [name for name, known in lists.items() if known.domains()] == ["acme"]
    assert [found.scope for found in lists["acme/shop"].covering(KIM)] == ["acme"]
    with pytest.raises(StoreError, match="not suppressed as a whole"):
        lists["acme/news"].reactivate_domain("example.org", why="only the own scope can")
    assert lists[""].suppress_domain("@example.org") == 2
    assert all(known.is_suppressed(KIM) for known in lists.values())


def test_a_domain_has_one_form(place: str) -> None:
    with SuppressionList(place, identity=AddressIdentity(without_dots=True)) as known:
        known.suppress_domain("*@BÜCHER.example")
        assert known.is_suppressed("kim@xn--bcher-kva.example")
        known.suppress_domain("googlemail.com")
        assert known.is_suppressed("kim@gmail.com")


@pytest.mark.parametrize(
    "text", ["", "@", "*", "*@", "a@b.net", "*@*.example.org", "*.example.org", "a b", ".", "*@@x"]
)
def test_what_is_no_domain_is_an_error(text: str) -> None:
    with pytest.raises(StoreError, match="invalid domain"):
        domain_named(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("*@example.org", True),
        (" *@example.org ", True),
        ("@example.org", True),
        ("kim*@example.org", True),
        ("kim@*.example.org", True),
        ('"kim*"@example.org', False),
        ("kim@example.org", False),
        ("example.org", False),
    ],
)
def test_patterns_are_refused_as_addresses(address: str, expected: bool) -> None:
    assert is_pattern(address) is expected
    with SuppressionList(":memory:") as known:
        if not expected:
            if "@" in address:
                assert known.suppress(address).new == 1
            return
        for change in (known.suppress, lambda address: known.reactivate(address, why="x")):
            with pytest.raises(StoreError, match="add-domain"):
                change(address)
        assert len(known) == 0


def test_an_import_makes_no_wildcard(place: str) -> None:
    rows = "email\n*@evil.test\nkim@example.org\n@evil.test\n"
    source = read_import(io.BytesIO(rows.encode()))
    with SuppressionList(place) as known:
        assert known.record(source).new == 1
        assert (source.rows, source.skips, source.bad, source.patterns) == (3, 2, 0, 2)
        assert source.named_patterns == ["row 1: *@evil.test", "row 3: @evil.test"]
        assert not known.is_suppressed("kim@evil.test")
        assert known.domains() == ()
    own = '{"address": "*@evil.test", "events": [{"kind": "suppression", "time": "2026-01-01", "key": "k"}]}\n'
    source = read_import(io.BytesIO((own * 11).encode()))
    assert list(source) == []
    assert (source.patterns, len(source.named_patterns)) == (11, 10)


# --- what was sent --------------------------------------------------------------------------------------------------


def test_the_list_knows_what_was_sent(place: str) -> None:
    rows = [
        ("Kim@Example.org", "42", "<1@example.com>"),
        ("lee@example.org", "43", None),
        ("ann@example.org", None, "many@example.com"),
        ("bob@example.org", None, "<many@example.com>"),
        ("kim@example.org", "campaign", None),
        ("lee@example.org", "campaign", None),
        ("eve@example.org", "same", None),
        ("EVE@example.org", "same", "<2@example.com>"),
    ]
    with SuppressionList(place) as known:
        sent: Sent = known
        assert known.record_sent(rows) == len(rows)
        assert known.record_sent(rows) == 0
        assert sent.address_of("42") == "Kim@Example.org"
        assert sent.address_of("43") == "lee@example.org"
        assert sent.address_of("44") is None
        assert sent.address_of("") is None
        assert sent.address_of("campaign") is None, "of several addresses it is none"
        assert (sent.address_of("SAME") or "").lower() == "eve@example.org"
        assert sent.recipients_of("1@example.com") == ("Kim@Example.org",)
        assert sorted(sent.recipients_of("<many@example.com>")) == ["ann@example.org", "bob@example.org"]
        assert sent.recipients_of("3@example.com") == sent.recipients_of("") == ()
        assert Prover(sent=sent).address_of("42") == "Kim@Example.org"


def test_what_was_sent_is_known_in_all_scopes(lists: dict[str, SuppressionList]) -> None:
    lists["acme"].record_sent([(KIM, "42", None)])
    assert {known.address_of("42") for known in lists.values()} == {KIM}
    assert not lists["acme"].forget(KIM), "the record is the platform's"
    assert lists[""].forget(KIM)
    assert lists["acme"].address_of("42") is None


def test_what_was_sent_is_dropped_after_a_time(place: str) -> None:
    with SuppressionList(place) as known:
        known.record_sent([(KIM, "1", None)], day=BEGIN.date())
        known.record_sent([(KIM, "2", None)], day=BEGIN.date() + DAY)
        known.tidy(BEGIN + 60 * DAY)
        assert known.address_of("1") == KIM
        known.tidy(BEGIN + 61 * DAY)
        assert known.address_of("1") is None
        assert known.address_of("2") == KIM
        known.record_sent([(KIM, "3", None)])
        known.tidy()
        assert [known.address_of(name) for name in ("2", "3")] == [None, KIM]


@pytest.mark.parametrize("row", [("kim", "1", None), (KIM, None, None), (KIM, "", "")])
def test_a_row_that_says_nothing_is_an_error(row: tuple[str, str | None, str | None]) -> None:
    with SuppressionList(":memory:") as known, pytest.raises(StoreError, match="not a row of what was sent"):
        known.record_sent([row], day=date(2026, 1, 1))


def test_strange_rows_are_kept(place: str) -> None:
    strange = ("\udcff\0@example.org", "\udcff\0", "<" + "x" * 5_000 + ">")
    with SuppressionList(place) as known:
        assert known.record_sent([strange]) == 1
        assert known.record_sent([strange]) == 0
        assert known.address_of("\udcff\0") == "\\udcff\\x00@example.org"
        assert known.recipients_of("x" * 5_000) == ("\\udcff\\x00@example.org",)


def test_rows_of_a_file_are_read_one_after_the_other() -> None:
    rows = read_sent(iter(["recipient,id\n", "kim@example.org,1\n", "nobody,2\n"]))
    assert [(row.line, row.problem is None) for row in rows] == [(2, True), (3, False)]
