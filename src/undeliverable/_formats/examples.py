"""Run the examples of a described format: what a description promises is checked where it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from undeliverable._formats.described import read_described
from undeliverable._formats.lines import FormatReading
from undeliverable._formats.schema import Format
from undeliverable._formats.unknown import read_unknown
from undeliverable.errors import EntryError
from undeliverable.model import RecipientFacts

__all__ = ["Example", "check_examples", "examples", "read", "stated"]

_KEYS: Final = frozenset(("mail", "facts", "returned"))


class Example(NamedTuple):
    """An example: a whole mail, what it says of each recipient, and how the returned message begins."""

    header: Callable[[str], str | None]
    text: str
    facts: tuple[Mapping[str, object], ...]
    returned: str | None


def examples(table: Mapping[str, object]) -> Iterator[Example]:
    """Yield the examples in the table of a format.

    :raises ValueError: if one of them is no example; the message says why.
    """
    for entry in _list(table.get("example", ())):
        keys = _table(entry)
        if not set(keys) <= _KEYS:
            raise ValueError(f"an example is a table of {', '.join(sorted(_KEYS))}")
        mail, returned = keys.get("mail"), keys.get("returned")
        if not isinstance(mail, str) or not isinstance(returned, str | None):
            raise ValueError("an example needs 'mail', a string, and 'facts', a list of tables")  # noqa: TRY004
        header, text = _split(mail)
        yield Example(header, text, tuple(map(_table, _list(keys.get("facts")))), returned)


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise ValueError("must be an array of tables")  # noqa: TRY004 - the caller turns it into an EntryError
    return cast("Sequence[object]", value)


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError("must be an array of tables")  # noqa: TRY004 - see above
    return cast("Mapping[str, object]", value)


def _split(mail: str) -> tuple[Callable[[str], str | None], str]:
    block, _, text = mail.lstrip("\n").partition("\n\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in block.split("\n"))}
    return lambda name: fields.get(name.lower()), text


def check_examples(described: Format, table: Mapping[str, object]) -> None:
    """Check that `described` recognises and reads the examples in its table.

    :raises EntryError: if it does not, or if an example is none.
    """
    try:
        found = list(examples(table))
    except ValueError as error:
        raise EntryError(str(error), entry=described.name, key="example") from None
    for number, example in enumerate(found, 1):
        trouble = _trouble(described, example)
        if trouble is not None:
            raise EntryError(f"example {number}: {trouble}", entry=described.name, key="example")


def read(described: Format, header: Callable[[str], str | None], text: str, part: str) -> FormatReading:
    """Return what `text` says by a description: a known format's, or that of unknown text."""
    if described.is_generic:
        return read_unknown(described, header, text, part).found
    return read_described(described, header, text, part)


def _trouble(described: Format, example: Example) -> str | None:
    if not described.fits(example.header, example.text):
        return "the conditions of 'when' and 'begin' do not hold"
    reading = read(described, example.header, example.text, "")
    if len(reading.recipients) != len(example.facts):
        named = ", ".join(str(facts.recipient) for facts in reading.recipients) or "none"
        return f"{len(example.facts)} recipients are expected, but read was {named}"
    for facts, wanted in zip(reading.recipients, example.facts, strict=True):
        found = stated(facts)
        for key, value in wanted.items():
            if key not in found:
                return f"{key!r} is no fact; facts are {', '.join(found)}"
            if found[key] != value:
                return f"{key} should be {value!r} but is {found[key]!r}"
    if example.returned is not None and not _begins(example, reading.returned_at):
        return "the returned message does not begin where it should"
    return None


def _begins(example: Example, at: int) -> bool:
    return at >= 0 and example.text[at:].lstrip("\n").startswith((example.returned or "").lstrip("\n"))


def stated(facts: RecipientFacts) -> dict[str, object]:
    """Return what `facts` say, as an example states it: strings, integers and booleans."""
    diagnostic = facts.diagnostic
    is_reply = diagnostic is not None and diagnostic.type == "smtp"
    words = None if diagnostic is None else diagnostic.text
    return {
        "recipient": facts.recipient,
        "original_recipient": facts.original_recipient,
        "action": None if facts.action is None else str(facts.action),
        "status": None if facts.status is None else str(facts.status),
        "code": None if facts.reply is None or facts.reply.code is None else int(facts.reply.code),
        "reply": words if is_reply else None,
        "diagnostic": None if is_reply else words,
        "command": None if facts.command is None else str(facts.command),
        "remote_mta": facts.remote_mta,
        "expired": facts.expired,
        "vendor_code": facts.vendor_code,
    }
