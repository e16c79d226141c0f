"""Addresses before they are sent to: the pure judgement of records, and look-ups against a DNS server on loopback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import dns.resolver
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clocks import LINEAR, growth
from tests.dns_server import GARBAGE, NXDOMAIN, REFUSED, SERVFAIL, SILENCE, DnsServer, dns_server
from undeliverable.check import (
    Answer,
    Cause,
    Checked,
    Lookups,
    Next,
    Records,
    _addresses,
    _lookups,
    check_addresses,
    judge,
)
from undeliverable.store import SuppressionList

MX = ((10, "mx.example.org"),)


@pytest.mark.parametrize(
    ("records", "cause", "hosts"),
    [
        (Records(Answer.RECORDS, MX, Answer.RECORDS), Cause.EXISTENCE_UNCERTAIN, ("mx.example.org",)),
        (
            Records(Answer.RECORDS, ((20, "b"), (10, "a"), (30, "a")), Answer.RECORDS),
            Cause.EXISTENCE_UNCERTAIN,
            ("a", "b"),
        ),
        (Records(Answer.RECORDS, ((0, ""),)), Cause.NULL_MX, ()),
        # RFC 7505 3 forbids others beside it; who publishes them wants mail.
        (Records(Answer.RECORDS, ((0, ""), (10, "a")), Answer.RECORDS), Cause.EXISTENCE_UNCERTAIN, ("a",)),
        (Records(Answer.RECORDS, MX, Answer.NO_NAME), Cause.MX_UNRESOLVABLE, ("mx.example.org",)),
        (Records(Answer.RECORDS, MX, Answer.NO_DATA), Cause.MX_UNRESOLVABLE, ("mx.example.org",)),
        (Records(Answer.RECORDS, MX, Answer.FAILED, "no"), Cause.LOOKUP_FAILED, ("mx.example.org",)),
        (Records(Answer.RECORDS, MX), Cause.LOOKUP_FAILED, ("mx.example.org",)),
        (Records(Answer.NO_NAME), Cause.DOMAIN_UNKNOWN, ()),
        (Records(Answer.FAILED, why="SERVFAIL"), Cause.LOOKUP_FAILED, ()),
        (Records(Answer.NO_DATA, address=Answer.RECORDS), Cause.EXISTENCE_UNCERTAIN, ("example.org",)),
        (Records(Answer.NO_DATA, address=Answer.NO_DATA), Cause.NO_MAIL_HOST, ()),
        (Records(Answer.NO_DATA, address=Answer.NO_NAME), Cause.NO_MAIL_HOST, ()),
        (Records(Answer.NO_DATA, address=Answer.FAILED, why="late"), Cause.LOOKUP_FAILED, ()),
        (Records(Answer.NO_DATA), Cause.LOOKUP_FAILED, ()),
        # Nobody else's mail server is at these addresses; one that can be reached is enough.
        (
            Records(Answer.RECORDS, MX, Answer.RECORDS, found=("127.0.0.1", "::1")),
            Cause.MX_NOT_PUBLIC,
            ("mx.example.org",),
        ),
        (Records(Answer.RECORDS, MX, Answer.RECORDS, found=("10.0.0.1",)), Cause.MX_NOT_PUBLIC, ("mx.example.org",)),
        (
            Records(Answer.RECORDS, MX, Answer.RECORDS, found=("10.0.0.1", "198.51.100.1")),
            Cause.EXISTENCE_UNCERTAIN,
            ("mx.example.org",),
        ),
        (Records(Answer.NO_DATA, address=Answer.RECORDS, found=("0.0.0.0",)), Cause.MX_NOT_PUBLIC, ()),
        (
            Records(Answer.NO_DATA, address=Answer.RECORDS, found=("2001:db8::1",)),
            Cause.EXISTENCE_UNCERTAIN,
            ("example.org",),
        ),
    ],
)
def test_what_records_say(records: Records, cause: Cause, hosts: tuple[str, ...]) -> None:
    finding = judge("example.org", records)
    assert (finding.cause, finding.hosts) == (cause, hosts)
    if cause is Cause.LOOKUP_FAILED:
        assert finding.detail == records.why


HOSTS = st.tuples(st.integers(0, 100), st.sampled_from(["", "a", "b"]))


@given(st.sampled_from(Answer), st.lists(HOSTS, max_size=4), st.none() | st.sampled_from(Answer))
def test_any_records_are_judged(mx: Answer, exchangers: list[tuple[int, str]], address: Answer | None) -> None:
    finding = judge("example.org", Records(mx, tuple(exchangers), address))
    # Nobody is given up for a failure of DNS, and nobody is called good without a place that mail can go to.
    assert (finding.cause is Cause.EXISTENCE_UNCERTAIN) <= bool(finding.hosts)
    if mx is Answer.FAILED or (mx is Answer.NO_DATA and address is Answer.FAILED):
        assert finding.cause is Cause.LOOKUP_FAILED


def test_nothing_is_called_valid() -> None:
    words = " ".join((*Cause, *Next, *(cause.meaning for cause in Cause)))
    assert "valid" not in words
    assert all(cause.meaning.endswith(".") for cause in Cause)


ZONE = {
    "good.example": ("MX 10 mx.good.example.",),
    "mx.good.example": ("A 192.0.2.1",),
    "only-v6.example": ("MX 10 v6.good.example.",),
    "v6.good.example": ("AAAA 2001:db8::1",),
    "second.example": ("MX 10 gone.example.", "MX 20 mx.good.example."),
    "shaky.example": ("MX 10 broken.example.", "MX 20 gone.example."),
    "null.example": ("MX 0 .",),
    "implicit.example": ("A 192.0.2.2",),
    "implicit-v6.example": ("AAAA 2001:db8::2",),
    "empty.example": ("TXT nothing",),
    "lost.example": ("MX 10 gone.example.",),
    "broken.example": SERVFAIL,
    "closed.example": REFUSED,
    "silent.example": SILENCE,
    "garbage.example": GARBAGE,
    "MX half.example": (),
    "A half.example": SERVFAIL,
    "AAAA half.example": ("AAAA 2001:db8::3",),
    "MX worse.example": (),
    "A worse.example": SERVFAIL,
    "AAAA worse.example": (),
    "gone.example": NXDOMAIN,
    "xn--mller-kva.example": ("MX 10 mx.good.example.",),
    "gmial.com": ("MX 10 mx.good.example.",),
}


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with dns_server(ZONE) as running:
        yield running


@pytest.fixture(scope="module")
def lookups(server: DnsServer) -> Iterator[Lookups]:
    with Lookups(nameservers=["127.0.0.1"], port=server.port, timeout=60) as found:
        yield found


@pytest.fixture(scope="module")
def hasty(server: DnsServer) -> Iterator[Lookups]:
    """For what is never answered; without canaries, since a busy machine may answer them too late."""
    with Lookups(nameservers=["127.0.0.1"], port=server.port, timeout=0.6, canaries=()) as found:
        yield found


@pytest.mark.parametrize(
    ("domain", "cause", "detail"),
    [
        ("good.example", Cause.EXISTENCE_UNCERTAIN, "MX mx.good.example"),
        ("GOOD.example", Cause.EXISTENCE_UNCERTAIN, "MX mx.good.example"),
        ("only-v6.example", Cause.EXISTENCE_UNCERTAIN, "MX v6.good.example"),
        ("second.example", Cause.EXISTENCE_UNCERTAIN, "MX gone.example"),
        ("shaky.example", Cause.LOOKUP_FAILED, "A of broken.example: SERVFAIL"),
        ("implicit.example", Cause.EXISTENCE_UNCERTAIN, "no MX, mail goes to the domain's address"),
        ("implicit-v6.example", Cause.EXISTENCE_UNCERTAIN, "no MX, mail goes to the domain's address"),
        ("müller.example", Cause.EXISTENCE_UNCERTAIN, "MX mx.good.example"),
        ("null.example", Cause.NULL_MX, "null MX"),
        ("empty.example", Cause.NO_MAIL_HOST, "empty.example has neither MX nor address"),
        ("lost.example", Cause.MX_UNRESOLVABLE, "MX gone.example has no address"),
        ("gone.example", Cause.DOMAIN_UNKNOWN, "gone.example does not exist"),
        ("broken.example", Cause.LOOKUP_FAILED, "MX of broken.example: SERVFAIL"),
        ("closed.example", Cause.LOOKUP_FAILED, "MX of closed.example: REFUSED"),
        ("half.example", Cause.EXISTENCE_UNCERTAIN, "no MX, mail goes to the domain's address"),
        ("worse.example", Cause.LOOKUP_FAILED, "A of worse.example: SERVFAIL"),
    ],
)
def test_domains(lookups: Lookups, domain: str, cause: Cause, detail: str) -> None:
    (found,) = check_addresses([f"kim@{domain}"], lookups=lookups)
    assert (found.cause, found.detail) == (cause, detail)


def test_silence_is_no_answer(hasty: Lookups) -> None:
    (found,) = check_addresses(["kim@silent.example"], lookups=hasty)
    assert (found.cause, found.detail) == (Cause.LOOKUP_FAILED, "MX of silent.example: no answer in time")


def test_garbage_is_no_answer(hasty: Lookups) -> None:
    (found,) = check_addresses(["kim@garbage.example"], lookups=hasty)
    assert found.cause is Cause.LOOKUP_FAILED
    assert found.next is Next.CHECK_AGAIN
    assert found.detail


@pytest.mark.parametrize(
    "address",
    ["", "  ", "kim", "kim@", "@good.example", "kim@@good.example", "a..b@good.example", "kim@good_example.example", "kim@nodot", "kim@localhost",
     "Kim <kim@good.example>", "kim@[192.0.2.1]", "x" * 65 + "@good.example", "kim@" + "x" * 3000, "kim@good.example\nlee@good.example",
     "kim@exa mple.org", "\ud800@good.example", "\0@good.example"],
)  # fmt: skip
def test_what_is_no_address(lookups: Lookups, address: str) -> None:
    (found,) = check_addresses([address], lookups=lookups)
    assert found.cause is Cause.SYNTAX
    assert found.next is Next.LEAVE_OUT
    assert found.detail.endswith(".")
    assert found.address == address


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30) | st.from_regex(r"[a-z]{1,3}@gone\.example", fullmatch=True), max_size=8))
def test_every_text_comes_out_once_and_in_order(addresses: list[str]) -> None:
    with Lookups(nameservers=["127.0.0.1"], port=9, timeout=0.01, concurrency=2, canaries=()) as dead:
        found = list(check_addresses(addresses, lookups=dead))
    assert [one.address for one in found] == addresses
    assert all(one.detail for one in found)


def test_a_whole_list(lookups: Lookups, tmp_path: Path) -> None:
    addresses = [
        "kim@good.example", " Kim@Good.Example ", "nobody", "lee@good.example", "mia@gmial.com", "noa@hotmial.con", '"a b"@good.example',
    ]  # fmt: skip
    with SuppressionList(tmp_path / "list.db") as known:
        known.suppress("LEE@good.example")
        found = list(check_addresses(addresses, lookups=lookups, against=known))
    assert [(one.cause, one.next, one.suggestion) for one in found] == [
        (Cause.EXISTENCE_UNCERTAIN, Next.SEND, None),
        (Cause.DUPLICATE, Next.LEAVE_OUT, None),
        (Cause.SYNTAX, Next.LEAVE_OUT, None),
        (Cause.SUPPRESSED, Next.LEAVE_OUT, None),
        (Cause.EXISTENCE_UNCERTAIN, Next.REVIEW, "mia@gmail.com"),
        (Cause.DOMAIN_UNKNOWN, Next.LEAVE_OUT, "noa@hotmail.com"),
        (Cause.EXISTENCE_UNCERTAIN, Next.SEND, None),
    ]
    assert found[1].detail == "the same as address 1"
    assert found[4].to_dict() == {
        "address": "mia@gmial.com", "cause": "existence_uncertain", "next": "review", "detail": "MX mx.good.example",
        "domain": "gmial.com", "hosts": ["mx.good.example"], "suggestion": "mia@gmail.com", "marks": ["disposable"],
    }  # fmt: skip


def test_suppressed_addresses_are_not_asked_for(server: DnsServer) -> None:
    class All:
        def check(self, addresses: Iterable[str], /) -> Iterator[tuple[str, bool]]:
            return ((address, True) for address in addresses)

    with Lookups(nameservers=["127.0.0.1"], port=server.port) as fresh:
        before = len(server.asked)
        (found,) = check_addresses(["kim@good.example"], lookups=fresh, against=All())
    assert found.cause is Cause.SUPPRESSED
    assert len(server.asked) == before


def test_a_domain_is_asked_for_once_an_hour(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lookups, "_ATTEMPT", 60.0)  # no packet is sent again on a busy machine
    now = [0.0]
    with Lookups(
        nameservers=["127.0.0.1"], port=server.port, timeout=60, concurrency=1, clock=lambda: now[0], canaries=()
    ) as fresh:

        def asked() -> int:
            before = len(server.asked)
            assert list(check_addresses(["a@good.example", "b@good.example", "c@second.example"], lookups=fresh))
            return len(server.asked) - before

        # MX and A of one; of the other MX, A of the first host, and the second host is known already.
        assert asked() == 4
        assert asked() == 0
        now[0] = 3_601.0
        assert asked() == 4


def test_memory_is_bounded(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lookups, "_KEPT", 1)
    monkeypatch.setattr(_addresses, "_AHEAD", 1)
    with Lookups(nameservers=["127.0.0.1"], port=server.port) as fresh:
        given_ = ["a@good.example", "a@null.example", "b@good.example"]
        found = [one.cause for one in check_addresses(given_, lookups=fresh)]
    assert found == [Cause.EXISTENCE_UNCERTAIN, Cause.NULL_MX, Cause.EXISTENCE_UNCERTAIN]


def test_look_ups_of_ones_own_and_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    class Immediate(Lookups):
        closed = False

        def __init__(self) -> None:
            super().__init__(nameservers=["127.0.0.1"], port=9, timeout=0.01, canaries=())

        def close(self) -> None:
            Immediate.closed = True
            super().close()

    monkeypatch.setattr(_addresses, "Lookups", Immediate)
    (found,) = check_addresses(["kim@good.example"])
    assert found.cause is Cause.LOOKUP_FAILED
    assert Immediate.closed


@pytest.mark.parametrize("options", [{"timeout": 0.0}, {"concurrency": 0}, {"nameservers": ["dns.example"]}])
def test_options_that_cannot_be_used(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be more than 0|dns\.example"):
        Lookups(**options)  # type: ignore[arg-type]


def test_a_system_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> object:
        raise dns.resolver.NoResolverConfiguration("none")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(dns.resolver, "Resolver", none)
    with pytest.raises(OSError, match="none"):
        Lookups()


@pytest.mark.parametrize("error", [OSError("unreachable"), dns.resolver.YXDOMAIN()])  # type: ignore[no-untyped-call]
def test_whatever_goes_wrong_is_no_answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> object:
        raise error

    with Lookups(nameservers=["127.0.0.1"], port=9, canaries=()) as fresh:
        monkeypatch.setattr(fresh._resolver, "resolve", fail)
        (found,) = check_addresses(["kim@good.example"], lookups=fresh)
    assert (found.cause, found.detail) == (Cause.LOOKUP_FAILED, f"MX of good.example: {type(error).__name__}")


def test_the_system_knows_its_name_servers() -> None:
    try:
        with Lookups() as own:
            assert own._resolver.nameservers
    except OSError as error:
        pytest.skip(f"no name server: {error}")


def test_errors_without_an_answer() -> None:
    assert _lookups._code(SimpleNamespace(kwargs={})) == "no server answered"  # type: ignore[arg-type]
    tried = ("udp", False, 53, OSError("unreachable"), None)
    assert _lookups._code(SimpleNamespace(kwargs={"errors": [tried]})) == "unreachable"  # type: ignore[arg-type]


def test_ten_thousand_addresses_of_two_thousand_domains() -> None:
    assert growth(check_many, 10_000, tries=1) < LINEAR


def check_many(number: int) -> None:
    """Check so many addresses, five of each domain."""
    domains = number // 5
    kinds = (("MX 10 mx.good.example.",), ("MX 0 .",), ("A 192.0.2.3",), ("TXT none",), NXDOMAIN, SERVFAIL)
    zone = {f"d{each}.example": kinds[each % len(kinds)] for each in range(domains)} | {
        "mx.good.example": ("A 192.0.2.1",)
    }
    addresses = [f"user{each}@d{each % domains}.example" for each in range(number)]
    with dns_server(zone) as running, Lookups(nameservers=["127.0.0.1"], port=running.port, timeout=60) as fresh:
        found = list(check_addresses(addresses, lookups=fresh))
    assert [one.address for one in found] == addresses
    expected = (
        Cause.EXISTENCE_UNCERTAIN, Cause.NULL_MX, Cause.EXISTENCE_UNCERTAIN, Cause.NO_MAIL_HOST, Cause.DOMAIN_UNKNOWN, Cause.LOOKUP_FAILED,
    )  # fmt: skip
    assert [one.cause for one in found] == [expected[each % domains % 6] for each in range(number)]


def test_a_result_is_a_value() -> None:
    assert Checked("a", Cause.SYNTAX) == Checked("a", Cause.SYNTAX)
