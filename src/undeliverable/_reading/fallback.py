"""The readers of text that software wrote which nobody described."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from undeliverable._formats import described as _format_reader
from undeliverable._text.lazy import lazy
from undeliverable.model import Action, Diagnostic, RecipientFacts, Witness

if TYPE_CHECKING:
    from undeliverable._reading.message import Reading

__all__ = ["read_listed", "read_nameless", "read_unexplained", "read_unknown_text", "take_format"]

_CODE: Final = lazy(r"\A[45]\d\d[ -]")
_TROUBLES: Final = (None, Action.FAILED, Action.DELAYED)


def read_unexplained(reading: Reading) -> None:
    """The words of unknown text where fields do not say why, or a described notice is not as its software writes it.

    Of the recipients who are known already alone.
    """
    stated = reading.recipients
    if not stated or reading.kind is not None:
        return
    is_described = reading.generator is not None
    if stated[0].reply is not None and (is_described or len(stated) == 1):  # as nearly always
        return
    if not (all if is_described else any)(map(_is_unexplained, stated)):
        return
    found = _read_generic(reading)
    if found is None:
        return
    # What a described server adds to its own fields, it says itself: a code is not one that it was told.
    is_own = is_described and any(facts.witness is Witness.FIELD for facts in stated)
    actions = {facts.recipient.lower(): facts.action for facts in stated if facts.recipient}
    for facts in found.recipients:
        name = (facts.recipient or "").lower()
        if name in actions and facts.diagnostic:
            said = Diagnostic("", _CODE.sub("", facts.diagnostic.text)) if is_own else facts.diagnostic
            stated.append(replace(facts, action=actions[name], diagnostic=said))


def _read_generic(reading: Reading) -> _format_reader.FormatReading | None:
    """What the generic description reads, where it fits the text."""
    generic = reading.known.formats.recognise_unknown(reading.header, reading.text)
    return None if generic is None else _format_reader.read(generic, reading.header, reading.text, reading.path)


def read_nameless(reading: Reading) -> None:
    """Whom a described notice is about, where a gateway changed its lines so that its description finds nobody."""
    stated = reading.recipients
    if reading.generator is None or reading.kind is not None or any(facts.recipient for facts in stated):
        return
    found = _read_generic(reading)
    if found is not None:
        action = stated[0].action if stated else None
        named = [replace(facts, action=action or facts.action) for facts in found.recipients if facts.recipient]
        if named:
            stated[:] = named
            reading.remarks.append("the notice is not as its software writes it; read by the generic description")


def _is_unexplained(facts: RecipientFacts) -> bool:
    return facts.reply is None and facts.diagnostic is None and facts.action in _TROUBLES


def read_listed(reading: Reading) -> None:
    """Recipients in a header that lists nothing else, whatever the text is like."""
    if reading.header("x-failed-recipients"):
        for generic in reading.known.formats.generic[:1]:
            found = _format_reader.read(generic, reading.header, reading.text, reading.path)
            take_format(reading, found._replace(recipients=tuple(map(_without_words, found.recipients))))


def _without_words(facts: RecipientFacts) -> RecipientFacts:
    """Without what is no reply: nothing says that this text tells why."""
    is_reply = facts.diagnostic is not None and facts.diagnostic.type == "smtp"
    return facts if is_reply else replace(facts, diagnostic=None)


def read_unknown_text(reading: Reading) -> None:
    """A notice that is read by the generic description: a guess."""
    found = _read_generic(reading)
    if found is not None:
        take_format(reading, found)
        if found.recipients:
            reading.remarks.append("the software is not known; its text was read by the generic description")


def take_format(reading: Reading, found: _format_reader.FormatReading) -> None:
    """Add what a described format, or the generic one, has read."""
    reading.recipients.extend(found.recipients)
    reading.generator = found.generator
    reading.returned_at = found.returned_at
    if found.message:
        reading.message = {**found.message, **reading.message}
