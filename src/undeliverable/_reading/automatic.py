"""The readers of what is no delivery report: automatic replies, read receipts, and complaints without fields."""

from __future__ import annotations

from undeliverable._dsn.returned import bare_address
from undeliverable._reading.reading import Reading
from undeliverable.model import RecipientFacts, Witness
from undeliverable.verdict import Kind

__all__ = ["read_automatic", "read_bare_complaint", "read_disposition"]


def read_disposition(reading: Reading) -> None:
    """Read a disposition notification (RFC 8098)."""
    for part in reading.survey.dispositions[:1]:
        reading.kind = Kind.DISPOSITION
        from undeliverable._reading import autoreply

        reading.recipients.extend(autoreply.disposition(part.text, part.path))


def read_bare_complaint(reading: Reading) -> None:
    """Read a feedback report (RFC 5965 2) that has lost the part with its fields."""
    if "feedback-report" in (reading.header("content-type") or "").lower():
        reading.kind = Kind.COMPLAINT
        reading.recipients.append(RecipientFacts(witness=Witness.HEADER))
        reading.remarks.append("a feedback report without its fields")


def read_automatic(reading: Reading) -> None:
    """Read an automatic reply or a challenge, whose sender is the recipient; or a complaint in a form of its own."""
    from undeliverable._reading import autoreply

    phrases = reading.known.phrases
    kind = autoreply.recognise(reading.header, reading.text, phrases, reading.known.origin)
    if kind is None:
        return
    reading.kind = kind
    fields = autoreply.fields_of_recipient(reading.header, phrases)
    recipient = _reported(reading, fields) if fields else bare_address(reading.header("from"))
    reading.recipients.append(RecipientFacts(witness=Witness.HEADER, recipient=recipient))


def _reported(reading: Reading, fields: tuple[str, ...]) -> str | None:
    """Return the address in the first of `fields` that the reported message has."""
    for part in reading.survey.returned[:1]:
        for message in part.children[:1]:
            found = (bare_address(message.header(name)) for name in fields)
            return next((address for address in found if address and "@" in address), None)
    return None
