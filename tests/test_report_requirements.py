"""Refusals by requirement: every table of the data files is proven by its example, and nothing else is guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from undeliverable import Knowledge, Verdict, classify
from undeliverable.data import names
from undeliverable.report import requirement_of, requirements
from undeliverable.report._requirements import signs_of

FILES = ("requirements.toml", *(f"providers/{name}" for name in names("providers")))
SIGNS = [(file, sign) for file in FILES for sign in signs_of(file)]
HOSTS = {
    "google": "gmail-smtp-in.l.google.com",
    "exchange": "mx.protection.outlook.com",
    "yahoo": "mta5.am0.yahoodns.net",
}


def judged(reply: str, file: str = "") -> Verdict:
    stem = file.rpartition("/")[2].removesuffix(".toml")
    return classify(reply, host=HOSTS.get(stem))


@pytest.mark.parametrize(("file", "sign"), SIGNS, ids=[f"{file}-{number}" for number, (file, _) in enumerate(SIGNS)])
def test_the_example_of_a_table_names_its_requirement(file: str, sign: object) -> None:
    example, name, page = (getattr(sign, key) for key in ("example", "name", "page"))
    found = requirement_of(judged(example, file))
    assert found is not None
    assert (found.name, found.page) == (name, page)
    assert name in requirements()
    assert page.startswith("https://")


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ("550 5.7.23 SPF validation failed", "spf"),
        ("550 5.7.20 No passing signature", "dkim"),
        ("550 5.7.1 DMARC policy of the domain is reject", "dmarc"),
        ("550 5.7.1 Client host rejected: cannot find your reverse hostname", "ptr"),
        ("530 5.7.0 Must issue a STARTTLS command first", "tls"),
        ("550 5.7.26 Multiple authentication checks failed", "authentication"),
        ("550 5.1.1 no such user, see our page on DKIM", None),
        ("552 5.2.2 mailbox full", None),
        ("550 5.7.1 rejected as spam", None),
        ("250 2.0.0 OK", None),
    ],
)
def test_what_other_servers_say(reply: str, name: str | None) -> None:
    found = requirement_of(classify(reply))
    assert (None if found is None else found.name) == name


def test_a_code_counts_for_the_provider_that_gives_it_a_meaning() -> None:
    assert getattr(requirement_of(judged("550 5.7.27 blocked - gsmtp", "google.toml")), "name", None) == "spf"
    assert getattr(requirement_of(classify("550 5.7.27 Sender address has null MX")), "name", None) != "spf"


def test_a_provider_of_a_record_is_no_path() -> None:
    verdict = replace(classify("550 5.7.23 SPF validation failed"), provider="../../general")
    assert getattr(requirement_of(verdict), "name", None) == "spf"


def test_postmaster_pages_are_links() -> None:
    pages = [provider.page for provider in Knowledge.builtin().providers if provider.page]
    assert {"https://postmaster.google.com/", "https://senders.yahooinc.com/"} <= set(pages)
    assert all(page.startswith("https://") for page in pages)
