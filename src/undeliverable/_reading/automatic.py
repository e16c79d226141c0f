"""The readers of what is no delivery report: automatic answers, read receipts, and complaints without fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undeliverable._dsn.returned import bare_address
from undeliverable.model import RecipientFacts, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._reading.message import Reading

__all__ = ["automatic", "read_automatic", "read_bare_complaint", "read_disposition"]


def read_disposition(reading: Reading) -> None:
    """A disposition notification, RFC 8098."""
    for part in reading.survey.dispositions[:1]:
        reading.kind = Kind.DISPOSITION
        from undeliverable._reading import autoreply as _autoreply  # few messages are dispositions

        reading.recipients.extend(_autoreply.disposition(part.text, part.path))


def read_bare_complaint(reading: Reading) -> None:
    """A feedback report (RFC 5965 2) that has lost the part with its fields."""
    if "feedback-report" in (reading.header("content-type") or "").lower():
        reading.kind = Kind.COMPLAINT
        reading.recipients.append(RecipientFacts(witness=Witness.HEADER))
        reading.remarks.append("a feedback report without its fields")


def read_automatic(reading: Reading) -> None:
    """An automatic answer or a challenge, whose sender is the recipient; or a complaint in a dress of its own."""
    kind = automatic(reading)
    if kind is None:
        return
    from undeliverable._reading import autoreply as _autoreply  # as below

    reading.kind = kind
    fields = _autoreply.fields_of_recipient(reading.header, reading.known.phrases)
    recipient = _reported(reading, fields) if fields else bare_address(reading.header("from"))
    reading.recipients.append(RecipientFacts(witness=Witness.HEADER, recipient=recipient))


def automatic(reading: Reading) -> Kind | None:
    """Which automatic answer a message is."""
    from undeliverable._reading import autoreply as _autoreply  # a report with fields is no automatic reply

    return _autoreply.recognise(reading.header, reading.text, reading.known.phrases)


def _reported(reading: Reading, fields: tuple[str, ...]) -> str | None:
    """The address in the first of `fields` that the reported message has."""
    for part in reading.survey.returned[:1]:
        for message in part.children[:1]:
            found = (bare_address(message.header(name)) for name in fields)
            return next((address for address in found if address and "@" in address), None)
    return None
