"""Every built-in description of a notification: its examples, and that no other description claims them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.generate.formats import DATA, tables
from undeliverable import Knowledge
from undeliverable._formats import Format, FormatTable, compile_format
from undeliverable._formats.examples import check_examples, examples, read

TABLES = tables()
FORMATS = {name: compile_format(name, table) for name, table in TABLES.items()}
LIMIT = 40
"""How many lines a description may have without its examples."""


class Example(NamedTuple):
    name: str
    header: Callable[[str], str | None]
    text: str


EXAMPLES = [Example(name, each.header, each.text) for name, table in TABLES.items() for each in examples(table)]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[each.name for each in EXAMPLES])
each_format = pytest.mark.parametrize("name", TABLES)


@each_format
def test_length(name: str) -> None:
    lines = (DATA / f"{name}.toml").read_text(encoding="utf-8").partition("[[example]]")[0].rstrip().count("\n") + 1
    assert lines <= LIMIT, f"{name}.toml has {lines} lines without its examples; at most {LIMIT} are allowed"


@each_format
def test_conditions(name: str) -> None:
    """A description that asks for nothing in the header would claim what a person quotes."""
    described = FORMATS[name]
    assert described.is_generic or described.headers, f"{name}.toml asks for no header field in [when]"
    assert described.body or described.is_generic or name == "imail", (
        f"{name}.toml asks for no text: [when] has no body"
    )


@each_format
def test_actions(name: str) -> None:
    one_text_for_all = {"nullmailer", "powermta"}
    assert FORMATS[name].action is not None or name in one_text_for_all, f"{name}.toml has no action"


@each_example
def test_claimed_by_its_own(example: Example) -> None:
    """Recognition does not depend on order: of all descriptions, its own alone fits."""
    claims = {name for name, described in FORMATS.items() if described.fits(example.header, example.text)}
    own = FORMATS[example.name]
    assert own.is_generic or example.name in claims, f"the conditions of {example.name}.toml do not fit its own example"
    others = claims - {example.name, "generic"}
    assert not others, f"the conditions of {', '.join(sorted(others))} fit the example of {example.name}.toml as well"


@each_example
@pytest.mark.parametrize("turn", [1, -1])
def test_recognised(example: Example, turn: int) -> None:
    table = FormatTable(list(FORMATS.values())[::turn])
    found = table.recognise(example.header, example.text)
    own = FORMATS[example.name]
    found = found or table.recognise_unknown(example.header, example.text)
    assert found is own, f"the example of {example.name}.toml is recognised as {found and found.name}"


@each_format
def test_facts(name: str) -> None:
    assert list(examples(TABLES[name])), f"{name}.toml has no example"
    check_examples(FORMATS[name], TABLES[name])


@each_example
def test_evidence(example: Example) -> None:
    """The words that a fact was read from stand where the evidence says."""
    for facts in read(FORMATS[example.name], example.header, example.text, "1").recipients:
        for evidence in facts.evidence:
            assert example.text.startswith(evidence.text, evidence.offset)
            assert evidence.pattern is not None
            assert evidence.pattern.startswith(example.name)


def test_unknown_text_is_not_read_on_a_mailing_list() -> None:
    headers = {"from": "postmaster@example.org", "subject": "Mail delivery failed", "list-id": "<list.example.org>"}
    text = "Your message could not be delivered:\n\nkim@example.org\n"
    assert FormatTable(FORMATS.values()).recognise_unknown(headers.get, text) is None
    assert FormatTable(FORMATS.values()).recognise_unknown(lambda _: None, text) is FORMATS["generic"]


def test_kinds() -> None:
    """Descriptions of failures, delays and deliveries exist side by side."""
    kinds = {described.action for described in FORMATS.values()}
    assert {"failed", "delayed", "delivered"} <= kinds


def test_format_is_reusable() -> None:
    described: Format = FORMATS["qmail"]
    assert described.patterns is described.patterns


def test_unknown_text_has_its_description_in_every_layer_that_has_one() -> None:
    table = Knowledge.builtin().formats
    assert [one.name for one in table.generic] == ["generic"]
    assert {one.name for one in (*table.formats, *table.generic)} == FORMATS.keys()
