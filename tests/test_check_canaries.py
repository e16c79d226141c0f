"""Name servers that err: nobody is left out because of them, and one line says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dns_server import CANARIES, NXDOMAIN, REFUSED, SERVFAIL, SILENCE, DnsServer, dns_server
from undeliverable import Knowledge, UndeliverableError
from undeliverable.check import Cause, Lookups, Next, ResolverError, _lookups, canary_domains, check_addresses
from undeliverable.check._networks import kind_of
from undeliverable.cli import main
from undeliverable.recommend import mailbox_domains

FIRST = canary_domains()[0]
ZONE = {
    "good.example": ("MX 10 mx.good.example.",),
    "mx.good.example": ("A 192.0.2.1",),
    "local.example": ("MX 10 localhost.local.example.",),
    "localhost.local.example": ("A 127.0.0.1", "AAAA ::1"),
    "inside.example": ("MX 10 mx.inside.example.",),
    "mx.inside.example": ("A 10.1.2.3",),
    "both.example": ("MX 10 mx.inside.example.", "MX 20 mx.good.example."),
    "dual.example": ("MX 10 mx.dual.example.",),
    "mx.dual.example": ("A 192.168.0.9", "AAAA 2001:db8::9"),
    "nowhere.example": ("A 0.0.0.0",),
    "shaky.example": ("MX 10 mx.shaky.example.",),
    "A mx.shaky.example": ("A 10.0.0.1",),
    "AAAA mx.shaky.example": SERVFAIL,
    "mixed.example": ("MX 10 mx.inside.example.", "MX 20 mx.broken.example."),
    "mx.broken.example": SERVFAIL,
}


@contextmanager
def asking(timeout: float = 60.0, /, **changes: str | tuple[str, ...]) -> Iterator[tuple[DnsServer, Lookups]]:
    """Give a server with the zone and these changes of canaries (``FIRST``) and of the rest (``otherwise``)."""
    with dns_server(ZONE) as server:
        server.otherwise = changes.pop("otherwise", NXDOMAIN)
        for name, records in changes.items():
            server.zone[name] = records
        with Lookups(nameservers=["127.0.0.1"], port=server.port, timeout=timeout) as lookups:
            yield server, lookups


def test_the_canaries_are_large_mailbox_providers() -> None:
    own = {domain for provider in Knowledge.builtin().providers for domain in provider.domains}
    assert set(canary_domains()) <= own & set(mailbox_domains())
    assert len(canary_domains()) > 3
    assert set(canary_domains()) <= set(CANARIES)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (NXDOMAIN, f"it says that {FIRST} does not exist"),
        ((), f"{FIRST} has neither MX nor address"),
        (("MX 0 .",), "null MX"),
        (("MX 5 gone.example.",), "MX gone.example has no address"),
        (("MX 5 mx.inside.example.",), r"at 10.1.2.3 \(private\)"),
        (("A 127.0.0.1",), r"127.0.0.1 \(loopback\)"),
    ],
)
def test_a_server_that_denies_a_canary_is_not_believed(records: str | tuple[str, ...], words: str) -> None:
    with asking(**{FIRST: records}) as (_, lookups), pytest.raises(ResolverError, match=words):
        list(check_addresses(["kim@good.example", "kim@gone.example"], lookups=lookups))


@pytest.mark.parametrize("failure", [SERVFAIL, REFUSED, SILENCE])
def test_a_server_that_answers_nothing_is_not_asked_for_thousands_of_domains(failure: str) -> None:
    changes = dict.fromkeys(canary_domains(), failure)
    with asking(0.4 if failure == SILENCE else 60.0, **changes) as (server, lookups):
        with pytest.raises(ResolverError, match="does not answer"):
            list(check_addresses([f"kim@d{number}.example" for number in range(1_000)], lookups=lookups))
        assert not any(name.startswith("d9") for name, _ in server.asked)


def test_one_canary_without_an_answer_is_no_reason_to_stop() -> None:
    with asking(**{FIRST: SERVFAIL}) as (_, lookups):
        (found,) = check_addresses(["kim@good.example"], lookups=lookups)
    assert found.cause is Cause.EXISTENCE_UNCERTAIN


@pytest.mark.parametrize("invented", [("A 192.0.2.80",), ("MX 10 mx.good.example.",), ("AAAA 2001:db8::80",)])
def test_a_server_that_invents_names_is_not_believed(invented: tuple[str, ...]) -> None:
    with asking(otherwise=invented) as (server, lookups):
        with pytest.raises(ResolverError, match="invents answers"):
            list(check_addresses(["kim@good.example"], lookups=lookups))
        tops = {name.rpartition(".")[2] for name, _ in server.asked if len(name.partition(".")[0]) == 24}
        assert tops == {"invalid", "example"}


def test_a_canary_in_the_list_is_never_left_out() -> None:
    last = canary_domains()[-1]  # none of those that are asked for first
    with asking(**{last: NXDOMAIN}) as (_, lookups), pytest.raises(ResolverError, match=f"{last} does not exist"):
        list(check_addresses([f"kim@{last}"], lookups=lookups))


def test_a_server_that_begins_to_err_leaves_out_nobody() -> None:
    with asking() as (server, lookups):
        found = check_addresses(["a@gone.example", "b@good.example", "c@late.example"], lookups=lookups)
        assert next(found).cause is Cause.DOMAIN_UNKNOWN
    with asking() as (server, lookups):
        checked = check_addresses(["a@good.example"], lookups=lookups)
        assert next(checked).next is Next.SEND
        for domain in canary_domains():
            server.zone[domain] = NXDOMAIN
        with pytest.raises(ResolverError, match="does not exist"):
            list(check_addresses(["b@good.example", "c@late.example"], lookups=lookups))


def test_answers_that_came_before_a_test_need_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lookups, "_ATTEMPT", 60.0)  # no packet is sent again on a busy machine
    with asking() as (server, lookups):
        lookups.canaries.begin()
        for future in [lookups.records(f"d{number}.example") for number in range(200)]:
            future.result()
        before = len(server.asked)
        found = list(check_addresses([f"kim@d{number}.example" for number in range(200)], lookups=lookups))
        assert {one.cause for one in found} == {Cause.DOMAIN_UNKNOWN}
        assert len(server.asked) - before <= 3 * 2  # MX and A of three canaries, once


def test_a_list_without_domains_to_ask_for_tests_nothing() -> None:
    with asking() as (server, lookups):
        assert [one.cause for one in check_addresses(["kim"], lookups=lookups)] == [Cause.SYNTAX]
        assert server.asked == []


def test_without_canaries_the_server_is_believed() -> None:
    with dns_server({FIRST: NXDOMAIN}) as server:
        with Lookups(nameservers=["127.0.0.1"], port=server.port, canaries=()) as lookups:
            (found,) = check_addresses([f"kim@{FIRST}"], lookups=lookups)
        assert found.cause is Cause.DOMAIN_UNKNOWN


def test_the_error_is_one_to_try_again_after() -> None:
    assert issubclass(ResolverError, UndeliverableError)
    assert ResolverError("").is_temporary


# --- addresses that nobody else can reach -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("::1", "loopback"), ("::ffff:127.0.0.1", "loopback"),
        ("0.0.0.0", "unspecified"), ("0.1.2.3", "unspecified"), ("::", "unspecified"), ("169.254.1.1", "link-local"),
        ("fe80::1", "link-local"), ("10.0.0.1", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"),
        ("192.168.1.1", "private"), ("100.64.0.1", "private"), ("fd00::1", "private"), ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"), ("255.255.255.255", "reserved"), ("100::1", "reserved"), ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a00:1", "private"), ("64:ff9b::c000:201", None), ("172.15.0.1", None), ("172.32.0.1", None),
        ("100.63.0.1", None), ("100.128.0.1", None), ("198.51.100.1", None), ("192.0.2.1", None), ("2001:db8::1", None),
        ("1.1.1.1", None), ("2606:4700::1111", None),
    ],
)  # fmt: skip
def test_the_kind_of_an_address(address: str, kind: str | None) -> None:
    assert kind_of(address) == kind


@pytest.mark.parametrize(
    ("domain", "cause", "detail"),
    [
        ("local.example", Cause.MX_NOT_PUBLIC, "MX localhost.local.example is at ::1 (loopback)"),
        ("inside.example", Cause.MX_NOT_PUBLIC, "MX mx.inside.example is at 10.1.2.3 (private)"),
        ("both.example", Cause.EXISTENCE_UNCERTAIN, "MX mx.inside.example"),
        ("dual.example", Cause.EXISTENCE_UNCERTAIN, "MX mx.dual.example"),
        ("nowhere.example", Cause.MX_NOT_PUBLIC, "nowhere.example has no MX, and its address is 0.0.0.0 (unspecified)"),
        ("shaky.example", Cause.LOOKUP_FAILED, "AAAA of mx.shaky.example: SERVFAIL"),
        ("mixed.example", Cause.LOOKUP_FAILED, "A of mx.broken.example: SERVFAIL"),
    ],
)
def test_a_mail_exchanger_that_nobody_can_reach(domain: str, cause: Cause, detail: str) -> None:
    with asking() as (_, lookups):
        (found,) = check_addresses([f"kim@{domain}"], lookups=lookups)
    assert (found.cause, found.detail) == (cause, detail)
    assert found.next is {
        Cause.MX_NOT_PUBLIC: Next.LEAVE_OUT, Cause.LOOKUP_FAILED: Next.CHECK_AGAIN, Cause.EXISTENCE_UNCERTAIN: Next.SEND,
    }[cause]  # fmt: skip


def test_the_exchangers_of_ones_own_network_count_where_that_is_said() -> None:
    with asking() as (_, lookups):
        addresses = ["kim@inside.example", "lee@local.example"]
        found = list(check_addresses(addresses, lookups=lookups, own_network=True))
    assert [one.cause for one in found] == [Cause.EXISTENCE_UNCERTAIN, Cause.MX_NOT_PUBLIC]


# --- the command ------------------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def check(server: DnsServer, text: str, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "list.csv"
        path.write_text(text)
        at = ("--nameserver", "127.0.0.1", "--port", str(server.port), "--timeout", "60")
        status = main(["check", str(path), *at, *options])
        out, err = capsys.readouterr()
        return status, out, err

    return check


def test_one_line_and_status_1(run: Run) -> None:
    with asking(**{FIRST: NXDOMAIN}) as (server, _):
        status, out, err = run(server, "kim@good.example\nkim@gone.example\n", "--format", "csv")
        assert status == 1
        assert "gone.example" not in out
        assert err == (
            f"undeliverable: the name server errs: it says that {FIRST} does not exist; nobody is left out because of it\n"
        )
        status, out, _ = run(server, "kim@good.example\nkim@gone.example\n", "--trust-nameserver")
        assert (status, "domain_unknown" in out) == (0, True)


def test_what_was_checked_before_is_said(run: Run) -> None:
    last = canary_domains()[-1]
    with asking(**{last: NXDOMAIN}) as (server, _):
        status, out, err = run(server, f"kim@good.example\nkim@{last}\n", "--format", "csv")
    assert (status, "kim@good.example" in out) == (1, True)
    assert err.endswith("because of it (1 address checked before)\n")


def test_the_own_network(run: Run) -> None:
    with asking() as (server, _):
        assert "mx_not_public" in run(server, "kim@inside.example\n")[1]
        assert "existence_uncertain" in run(server, "kim@inside.example\n", "--own-network")[1]
        assert run(server, "kim@inside.example\n", "--quiet")[2] == ""
