"""RFC 3464 fields in plain text, of reports that lost their structure on the way.

Anybody can write such lines into a message that then comes back, so they count only where the text above them names the
same recipients, or nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from undeliverable._dsn import fields as fields_reader
from undeliverable._reading.merge import diagnostic_reader
from undeliverable._reading.reading import Reading
from undeliverable._text.addresses import addresses_in
from undeliverable.model import RecipientFacts

__all__ = ["read_plain_fields"]


def read_plain_fields(reading: Reading) -> None:
    """Read RFC 3464 fields in the text, if the report lost its structure."""
    if reading.kind is not None or reading.survey.statuses or not fields_reader.may_stand_in(reading.whole):
        return
    if reading.is_from_mail_system and not reading.is_reply_or_forward:
        text = reading.text[: reading.sections.doubtful]
        fields = fields_reader.find(text, reading.path, reading.remarks, diagnostic_reader(text))
        if fields is None:
            return
        if _are_foreign(fields.recipients, reading.recipients) or _name_others(fields.recipients, text, reading):
            reading.remarks.append("fields about nobody that the text names were ignored")
            reading.end_text(fields_reader.begin(text))
            return
        reading.recipients.extend(fields.recipients)
        reading.message = {**fields.message, **reading.message}


def _are_foreign(stated: Sequence[RecipientFacts], named: Sequence[RecipientFacts]) -> bool:
    """Return whether fields in a text are about none of the recipients that its format names."""
    names = {
        name.lower() for facts in named for name in (facts.recipient, facts.original_recipient) if name and "@" in name
    }
    return bool(names) and names.isdisjoint(
        name.lower() for facts in stated for name in (facts.recipient, facts.original_recipient) if name
    )


def _name_others(stated: Sequence[RecipientFacts], text: str, reading: Reading) -> bool:
    """Return whether the text above its fields names somebody, but nobody that the fields name.

    Such fields may be the returned message's own, below a line that no list of such lines knows: whoever wrote the
    message would choose the victim. A report that lost its structure names its recipients above its fields.
    """
    above = text[: fields_reader.begin(text)]
    named = {name.lower() for name in addresses_in(above)}
    own = f"{reading.header('from')} {reading.header('to')} {reading.header('return-path')}".lower()
    others = {name for name in named if name not in own and "." in name.rpartition("@")[2]}  # no "root@localhost"
    return bool(others) and named.isdisjoint(
        name.lower() for facts in stated for name in (facts.recipient, facts.original_recipient) if name
    )
