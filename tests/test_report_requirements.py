"""Refusals by requirement: every table of the data files is proven by its example, and nothing else is guessed."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from undeliverable import Knowledge, KnowledgeError, Verdict, classify
from undeliverable._knowledge.requirements import Sign, signs_of
from undeliverable.data import names
from undeliverable.report import requirement_of, requirements

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
def test_the_example_of_a_table_names_its_requirement(file: str, sign: Sign) -> None:
    assert sign.example is not None
    assert requirement_of(judged(sign.example, file)) == (sign.name, sign.page)
    assert sign.page is not None
    assert sign.page.startswith("https://")


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


OWN = """
[provider]
name = "moonmail"
hosts = ["moonmail.example"]

[[requirement]]
name = "dkim"
status = "5.7.*"
words = "moon  SEAL = none"
example = "550 5.7.99 Moon seal= none"
page = "https://moonmail.example/seal"

[[requirement]]
name = "tls"
any_words = ["in the clear", "unencrypted"]
"""


def test_a_file_of_ones_own_names_requirements(tmp_path: Path) -> None:
    path = tmp_path / "moonmail.toml"
    path.write_text(OWN, encoding="utf-8")
    knowledge = pickle.loads(pickle.dumps(Knowledge.builtin().with_file(path)))
    for reply, host, found in (
        ("550 5.7.98 no moon seal =none here", "mx.moonmail.example", ("dkim", "https://moonmail.example/seal")),
        ("550 5.7.1 rejected: sent in the clear", "mx.moonmail.example", ("tls", requirements()["tls"].page)),
        ("550 5.7.1 rejected: sent in the clear", "mx.example.org", None),
        ("550 5.7.23 SPF validation failed", "mx.moonmail.example", ("spf", requirements()["spf"].page)),
    ):
        assert requirement_of(classify(reply, host=host, knowledge=knowledge), knowledge) == found
    everywhere = OWN.partition("[[")[2]
    path.write_text(f"[[{everywhere}", encoding="utf-8")
    knowledge = Knowledge.builtin().with_file(path)
    assert requirement_of(classify("550 5.7.1 rejected: sent in the clear"), knowledge) is not None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('name = "spff"\nwords = "x"', "did you mean spf"),
        ('words = "x"', "unknown requirement 'None'"),
        ('name = "spf"', "must ask for status, words or any_words"),
        ('name = "spf"\nword = "x"', "word"),
        ('name = "spf"\nstatus = "5.7"', "not a status"),
        ('name = "spf"\nwords = []', "must be a string or a list"),
        ('name = "spf"\nwords = "x"\nexample = "550 5.7.1 y"', "does not show this requirement"),
    ],
)
def test_errors_name_the_key(table: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[[requirement]]\n{table}\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=said):
        Knowledge.builtin().with_file(path)
