"""The readers of text that software wrote which nobody described, and the fallback to flufl.bounce.

Unknown text is read by the generic description, a guess: only in mail that may come from a mail system, never in replies
and forwarded messages. flufl.bounce is asked last, where no reader has found a recipient.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from undeliverable._dsn.origin import is_automatic
from undeliverable._dsn.returned import bare_address
from undeliverable._formats.lines import FormatReading
from undeliverable._formats.schema import HEAD_LIMIT
from undeliverable._formats.unknown import read_unknown
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.codes import find_status
from undeliverable.model import Action, Diagnostic, RecipientFacts, Witness

__all__ = ["ask_fallback", "read_listed", "read_nameless", "read_unexplained", "read_unknown_text", "take_format"]

_CODE: Final = lazy(r"\A[45]\d\d[ -]")
_TROUBLES: Final = (None, Action.FAILED, Action.DELAYED)
# A reply code with its text (RFC 5321 4.2.1), which telephone and order numbers do not have behind them.
_REPLY: Final = lazy(r"(?<![\w.+-])[45][0-5]\d[ -](?:[^\W\d_]|[<\"'])")
_MESSAGE_ID: Final = lazy(rb"\n(?i:message-id):[ \t]*+(?:\n[ \t]++)?+<([^<>\s]{1,998})>")


def read_unexplained(reading: Reading) -> None:
    """Read the words as unknown text if fields do not say why, or the text is not as the described software writes it.

    Nobody is added: it is read for the recipients that are known already.
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
    # What a described server adds to its own fields are its own words: a code in them is no reply that it got.
    is_own = is_described and any(facts.witness is Witness.FIELD for facts in stated)
    actions = {facts.recipient.lower(): facts.action for facts in stated if facts.recipient}
    for facts in found.recipients:
        name = (facts.recipient or "").lower()
        if name in actions and facts.diagnostic:
            said = Diagnostic("", _CODE.sub("", facts.diagnostic.text)) if is_own else facts.diagnostic
            stated.append(replace(facts, action=actions[name], diagnostic=said))


def _read_generic(reading: Reading) -> FormatReading | None:
    """Return what the generic description reads, or None if it does not fit, or the message is a person's."""
    generic = reading.known.formats.recognise_unknown(reading.header, reading.text)
    if generic is None or not _may_be_report(reading):
        return None
    return read_unknown(generic, reading.header, reading.text, reading.path)


def _may_be_report(reading: Reading) -> bool:
    """Return whether the message may come from a mail system.

    One that does not name itself has to send automatic mail and quote a reply or a status, for shops send such mail too;
    and it must not pass on what people wrote, as forums and help desks do.
    """
    if reading.is_reply_or_forward:
        return False
    header, origin = reading.header, reading.known.origin
    if origin.is_mail_system(header("from")):
        return True
    head = reading.text[:HEAD_LIMIT]
    is_failure = is_automatic(header) and (find_status(head) or _REPLY.search(head)) is not None
    return is_failure and not origin.passes_on(header, head)


def read_nameless(reading: Reading) -> None:
    """Read by the generic description who a described text is about, if a gateway changed its lines beyond recognition."""
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
    """Read the recipients in a header that lists nothing else, whatever the text is like."""
    if reading.header("x-failed-recipients"):
        for generic in reading.known.formats.generic[:1]:
            found = read_unknown(generic, reading.header, reading.text, reading.path)
            take_format(reading, found._replace(recipients=tuple(map(_without_words, found.recipients))))


def _without_words(facts: RecipientFacts) -> RecipientFacts:
    """Return facts without words that are no reply: nothing says that this text tells why."""
    is_reply = facts.diagnostic is not None and facts.diagnostic.type == "smtp"
    return facts if is_reply else replace(facts, diagnostic=None)


def read_unknown_text(reading: Reading) -> None:
    """Read the whole text by the generic description: a guess."""
    found = _read_generic(reading)
    if found is not None:
        take_format(reading, found)
        if found.recipients:
            reading.remarks.append("the software is not known; its text was read by the generic description")


def take_format(reading: Reading, found: FormatReading) -> None:
    """Add what a described format, or the generic one, has read."""
    recipients = found.recipients
    # The text of a described format is a report even if it names nobody; but not if a person quotes it.
    if not (len(recipients) == 1 and recipients[0].recipient is None and reading.is_reply_or_forward):
        reading.recipients.extend(recipients)
    reading.generator = found.generator
    reading.returned_at = found.returned_at
    if found.message:
        reading.message = {**found.message, **reading.message}


def ask_fallback(reading: Reading) -> None:
    """Ask flufl.bounce for recipients, unless a person sent the message."""
    if reading.depth or not reading.is_from_mail_system or reading.is_reply_or_forward:
        return
    from undeliverable._reading import flufl

    try:
        suspicion = flufl.ask(reading.raw)
    except ImportError:
        reading.remarks.append("the heuristics of flufl.bounce were not asked: it is not installed")
        return
    foreign = _foreign(reading, suspicion.permanent | suspicion.temporary, flufl.HEAD_LIMIT)
    for action, addresses in ((Action.FAILED, suspicion.permanent), (Action.DELAYED, suspicion.temporary)):
        for address in sorted(addresses - foreign):
            reading.recipients.append(RecipientFacts(witness=Witness.WORDS, recipient=address, action=action))
    if reading.recipients:
        reading.remarks.append("the recipient was found by the heuristics of flufl.bounce alone")


def _foreign(reading: Reading, addresses: frozenset[str], limit: int) -> set[str]:
    """Return those of `addresses` that are no recipients.

    They are the report's own addressee, a Message-ID, or named in the returned message alone.

    :param limit: how much of the message was read.
    """
    survey, text = reading.survey, reading.text[:limit].lower()
    others = {(bare_address(reading.header("to")) or "").lower()}
    others.update(found.decode("latin-1").lower() for found in _MESSAGE_ID.findall(reading.raw[:limit]))
    is_named = (survey.returned or survey.returned_headers) and "@" in text
    return {address for address in addresses if address.lower() in others or (is_named and address.lower() not in text)}
