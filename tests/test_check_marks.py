"""Marks: addresses of a role and disposable domains are named, and nothing is decided by that."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.dns_server import dns_server
from tests.generate import ROOT, disposable
from undeliverable import Knowledge
from undeliverable.check import Lookups, Mark, Marker, Next, check_addresses
from undeliverable.cli import main
from undeliverable.data import read
from undeliverable.recommend import mailbox_domains

ZONE = {"good.example": ("MX 10 mx.good.example.",), "mx.good.example": ("A 192.0.2.1",)}
ROLES = tomllib.loads(read("addresses/roles.toml"))
DOMAINS = [line for line in read("addresses/disposable_domains.txt").splitlines() if not line.startswith("#")]
MARKER = Marker()


@pytest.mark.parametrize(
    "local",
    ["info", "INFO", "postmaster", "no-reply", "noreply", "No_Reply", "do.not.reply", "info+shop", '"info"', "büro", "BÜRO", "news-request",
     "list-owner", "customer.service"],
)  # fmt: skip
def test_a_role(local: str) -> None:
    assert MARKER.marks_of(local, "good.example") == (Mark.ROLE,)


@pytest.mark.parametrize(
    "local", ["kim", "information", "infos.kim", "kim.info", "kim+info", "salesman", "request", ""]
)
def test_a_person(local: str) -> None:
    assert MARKER.marks_of(local, "good.example") == ((Mark.ROLE,) if local == "request" else ())


def test_a_subdomain_belongs_to_a_disposable_domain_and_its_parent_does_not() -> None:
    domain = next(name for name in DOMAINS if name.count(".") == 1)
    for one, marks in (
        (domain, (Mark.DISPOSABLE,)),
        (f"kim.{domain}", (Mark.DISPOSABLE,)),
        (f"x{domain}", ()),
        (domain.partition(".")[2], ()),
        (f"{domain}.good.example", ()),
    ):
        assert MARKER.marks_of("kim", one) == marks
    assert MARKER.marks_of("info", domain) == (Mark.ROLE, Mark.DISPOSABLE)


def test_a_list_of_ones_own_adds_and_takes_out() -> None:
    taken = DOMAINS[0]
    own = Marker(["# mine\n", "Throwaway.example.  # new\n", "@second.example", "", f"!{taken}\n", "!"])
    assert own.marks_of("kim", "throwaway.example") == own.marks_of("kim", "a.second.example") == (Mark.DISPOSABLE,)
    assert own.marks_of("kim", taken) == ()
    assert own.disposable == MARKER.disposable - {taken} | {"throwaway.example", "second.example"}


def test_no_mailbox_provider_is_called_disposable() -> None:
    own = {domain for provider in Knowledge.builtin().providers for domain in provider.domains}
    assert not MARKER.disposable & {*own, *mailbox_domains()}


def test_the_lists_are_well_formed_and_say_where_they_are_from() -> None:
    head = read("addresses/disposable_domains.txt").partition("\n0")[0]
    assert "Licence: CC0" in head
    assert re.search(r"PyPI: \S+ \d+\.\d+", head)
    assert sorted(set(DOMAINS)) == DOMAINS
    assert all(re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", name) for name in DOMAINS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", ROLES["version"])
    names = [name for group in ROLES["group"] for name in group["names"]]
    assert len(names) == len(set(names))
    assert all(group["source"] and group["title"] for group in ROLES["group"])
    assert not any(set(name) & set(".-_+ ") or name != name.lower() for name in names)


def test_the_file_is_written_as_it_was_read() -> None:
    text = disposable.text([*DOMAINS, "gmail.com", " UPPER.example "], "1.2")
    again = [line for line in text.splitlines() if not line.startswith("#")]
    assert again == sorted([*DOMAINS, "upper.example"])
    assert text.startswith("# Domains of services that give away mailboxes")
    assert "disposable-email-domains 1.2\n" in text
    assert (ROOT / disposable.NAME).read_text(encoding="utf-8").count("#") == text.count("#")


@pytest.mark.parametrize("mark", Mark)
def test_every_mark_has_a_meaning(mark: Mark) -> None:
    assert mark.meaning.endswith(".")


def test_a_mark_decides_nothing_unless_it_is_asked_to() -> None:
    domain = next(name for name in DOMAINS if name.count(".") == 1)
    addresses = ["kim@good.example", "info@good.example", f"kim@{domain}"]
    with (
        dns_server({**ZONE, domain: ZONE["good.example"]}) as server,
        Lookups(nameservers=["127.0.0.1"], port=server.port) as lookups,
    ):
        found = list(check_addresses(addresses, lookups=lookups))
        reviewed = list(check_addresses(addresses, lookups=lookups, review=["disposable"]))
        other = list(check_addresses(addresses, lookups=lookups, marker=Marker(["good.example"])))
    assert [one.next for one in found] == [Next.SEND] * 3
    assert [one.marks for one in found] == [(), (Mark.ROLE,), (Mark.DISPOSABLE,)]
    assert [one.next for one in reviewed] == [Next.SEND, Next.SEND, Next.REVIEW]
    assert [one.cause for one in found] == [one.cause for one in reviewed] == [one.cause for one in other]
    assert other[0].marks == (Mark.DISPOSABLE,)


def test_the_command_shows_filters_and_counts_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed, own = tmp_path / "list.txt", tmp_path / "own.txt"
    listed.write_text("info@good.example\nkim@good.example\nlee@mail.good.example\n")
    own.write_bytes("\ufeffmail.good.example\n".encode())
    with dns_server({**ZONE, "mail.good.example": ZONE["good.example"]}) as server:
        at = ("--nameserver", "127.0.0.1", "--port", str(server.port), "--format", "jsonl", "--disposable", str(own))
        assert main(["check", str(listed), *at, "--only", "role,disposable", "--review", "role"]) == 0
        out, err = capsys.readouterr()
        assert main(["check", str(listed), *at, "--review", "roles"]) == 2
        assert "expected one of disposable, role" in capsys.readouterr().err
        assert main(["check", str(listed), *at[:-1], str(tmp_path / "none.txt")]) == 2
        assert "none.txt" in capsys.readouterr().err
    records = [json.loads(line) for line in out.splitlines()]
    assert [(one["address"], one["marks"], one["next"]) for one in records] == [
        ("info@good.example", ["role"], "review"),
        ("lee@mail.good.example", ["disposable"], "send"),
    ]
    assert err == "3 addresses; 2 send, 1 review; 3 existence_uncertain; 1 marked role, 1 marked disposable\n"
