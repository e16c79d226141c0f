"""The readers of text that software wrote which nobody described, and the fallback to flufl.bounce.

Unknown text is read by the generic description, a guess: only in mail that may come from a mail system, never in replies
and forwarded messages. flufl.bounce is asked last, where no reader has found a recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from undeliverable._dsn.returned import bare_address, read_block
from undeliverable._formats.lines import FormatReading
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.model import Action, Diagnostic, RecipientFacts, Witness
from undeliverable.verdict import GUESSED, UNSURE

if TYPE_CHECKING:
    from undeliverable._formats.unknown import UnknownReading

__all__ = [
    "ask_fallback",
    "read_about_nobody",
    "read_listed",
    "read_nameless",
    "read_unexplained",
    "read_unknown_text",
    "take_format",
]

_CODE: Final = lazy(r"\A[45](?:\d\d[ -]|\.\d{1,3}\.\d{1,3}[ :-])")
_TROUBLES: Final = (None, Action.FAILED, Action.DELAYED)
_BETWEEN_COMMAS: Final = lazy(r",\s{0,99}(\S{1,320}@[^,\s]{1,255})[^,\n]{0,99},")
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
    if not (_is_silent(stated) if is_described else _is_somebody_unexplained(stated)):
        return
    unknown = _read_generic(reading)
    if unknown is None:
        return
    # What a described server adds to its own fields are its own words: a code in them is no reply that it got.
    is_own = is_described and any(facts.witness is Witness.FIELD for facts in stated)
    actions = {facts.recipient.lower(): facts.action for facts in stated if facts.recipient}
    for facts in unknown.found.recipients:
        name = (facts.recipient or "").lower()
        if (
            name in actions and facts.diagnostic and not facts.diagnostic.text.endswith(":")
        ):  # a heading explains nothing
            said = Diagnostic("", _CODE.sub("", facts.diagnostic.text)) if is_own else facts.diagnostic
            stated.append(replace(facts, action=actions[name], diagnostic=said))


def _read_generic(reading: Reading) -> UnknownReading | None:
    """Return what the generic description reads, or None if the message is a person's or a list's."""
    from undeliverable._formats.unknown import read_unknown  # standard reports need none of this
    from undeliverable._reading.signs import is_human, may_be_form

    generic = reading.known.formats.recognise_unknown(reading.header, reading.text)
    if generic is None or (is_human(reading) and not may_be_form(reading)):
        return None
    return read_unknown(generic, reading.header, reading.text, reading.path, reading.known.wording)


def read_nameless(reading: Reading) -> None:
    """Read who a described text is about, if a gateway changed its lines beyond recognition, or a transcript without names.

    The generic description is tried, then flufl.bounce.
    """
    stated = reading.recipients
    if reading.kind is not None or any(facts.recipient for facts in stated):
        return
    if reading.generator is None:
        _name_refused(reading)
        return
    unknown = _read_generic(reading)
    if unknown is None:
        return
    action = stated[0].action if stated else None
    named = [replace(facts, action=action or facts.action) for facts in unknown.found.recipients if facts.recipient]
    if named:
        stated[:] = named
        reading.remarks.append("the notice is not as its software writes it; read by the generic description")
    elif not reading.depth and not reading.survey.returned:
        stated[:] = _asked(reading) or stated


def _name_refused(reading: Reading) -> None:
    """Name who was refused in a transcript that does not say it, if the text around it names one recipient."""
    stated = reading.recipients
    if [facts.witness for facts in stated] != [Witness.DIALOGUE]:
        return
    unknown = _read_generic(reading)
    if unknown is None or len(unknown.found.recipients) != 1:
        return
    from undeliverable._reading.gate import Belief, belief_in

    if belief_in(reading, unknown) is Belief.FULL:
        stated[0] = replace(stated[0], recipient=unknown.found.recipients[0].recipient)


def _is_silent(stated: list[RecipientFacts]) -> bool:
    """Return whether a described text and its fields say why of nobody, though they should.

    A delay need not say why: where the text names who is waiting, it was read, and what is left of it is politeness.
    """
    if not all(map(_is_unexplained, stated)):
        return False
    return not all(facts.action is Action.DELAYED for facts in stated) or all(
        facts.witness is Witness.FIELD for facts in stated
    )


def _is_somebody_unexplained(stated: list[RecipientFacts]) -> bool:
    """Return whether neither fields nor a transcript say of one of the recipients why."""
    explained = {facts.recipient for facts in stated if not _is_unexplained(facts)}
    return any(facts.recipient not in explained for facts in stated if _is_unexplained(facts))


def _is_unexplained(facts: RecipientFacts) -> bool:
    return facts.reply is None and facts.diagnostic is None and facts.action in _TROUBLES


def read_listed(reading: Reading) -> None:
    """Read the recipients in a header that lists nothing else, whatever the text is like, if a mail system sent it."""
    if not reading.header("x-failed-recipients"):
        return
    from undeliverable._formats.unknown import read_unknown
    from undeliverable._reading.signs import is_from_software

    if not is_from_software(reading):
        return
    for generic in reading.known.formats.generic[:1]:
        found = read_unknown(generic, reading.header, reading.text, reading.path, reading.known.wording).found
        take_format(reading, found._replace(recipients=tuple(_replies_alone(reading, found.recipients))))


def _replies_alone(reading: Reading, recipients: Iterable[RecipientFacts]) -> Iterator[RecipientFacts]:
    """Yield recipients that a header lists without words that are no reply, since nothing says that this text says why."""
    is_mail_system = reading.known.origin.is_mail_system(reading.header("from"))
    return (_without_words(facts, is_believed=is_mail_system) for facts in recipients)


def _without_words(facts: RecipientFacts, *, is_believed: bool) -> RecipientFacts:
    """Return facts without words that are no reply.

    :param is_believed: whether a mail system sent the text; what others write is no reply.
    """
    is_reply = facts.diagnostic is not None and facts.diagnostic.type == "smtp"
    if is_reply and is_believed:
        return facts
    return replace(facts, diagnostic=None, reply=facts.reply if is_believed else None, status=None)


def read_unknown_text(reading: Reading) -> None:
    """Read the whole text by the generic description, a guess, if enough signs say that it is a notification."""
    from undeliverable._reading.gate import Belief, belief_in

    unknown = _read_generic(reading)
    if unknown is None or not unknown.found.recipients:
        return
    belief = belief_in(reading, unknown)
    if belief is Belief.NONE:
        return
    if belief is Belief.LITTLE:
        reading.doubt = UNSURE
    found = unknown.found
    if all(facts.witness is Witness.HEADER for facts in found.recipients):
        found = found._replace(recipients=tuple(_replies_alone(reading, found.recipients)))
    take_format(reading, found)
    reading.remarks.append("the software is not known; its text was read by the generic description")


def read_about_nobody(reading: Reading) -> None:
    """Read a notification that names nobody, but returns the message to the one who sent it."""
    if reading.depth or not reading.is_from_mail_system:
        return
    sender = _returned_sender(reading)
    if sender is None or sender.lower() != (bare_address(reading.header("to")) or "").lower():
        return
    from undeliverable._reading.gate import is_about_nobody

    unknown = _read_generic(reading)
    if unknown is not None and unknown.nobody is not None and is_about_nobody(reading, unknown):
        reading.recipients.append(unknown.nobody)
        reading.doubt = GUESSED
        reading.remarks.append("the notification names nobody")


def _returned_sender(reading: Reading) -> str | None:
    """Return who sent the message that a part returns."""
    blocks = [part.embedded_header for part in reading.survey.returned[:1]]
    blocks += [part.text for part in reading.survey.returned_headers[:1]]
    return next((read_block(block).from_ for block in blocks if block), None)


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
    """Ask flufl.bounce for recipients, if enough says that the message is a notification."""
    if reading.depth or not reading.is_from_mail_system:
        return
    from undeliverable._reading.signs import is_human, is_tagged, passes_on, speaks_of_failure

    if is_human(reading) or passes_on(reading) or is_tagged(reading) or not speaks_of_failure(reading):
        return
    reading.recipients.extend(_asked(reading))


def _asked(reading: Reading) -> list[RecipientFacts]:
    """Return the recipients that flufl.bounce finds, without those that are none."""
    from undeliverable._reading import flufl

    try:
        suspicion = flufl.ask(flufl.shown(reading.raw, reading.text))
    except ImportError:
        reading.remarks.append("the heuristics of flufl.bounce were not asked: it is not installed")
        return []
    foreign = _foreign(reading, flufl.HEAD_LIMIT)
    found = [
        RecipientFacts(witness=Witness.WORDS, recipient=address, action=action)
        for action, addresses in ((Action.FAILED, suspicion.permanent), (Action.DELAYED, suspicion.temporary))
        for address in sorted(addresses)
        if address.lower() not in foreign
    ]
    if found:
        reading.remarks.append("the recipient was found by the heuristics of flufl.bounce alone")
    return found


def _foreign(reading: Reading, limit: int) -> set[str]:
    """Return addresses that are no recipients, in lower case.

    They are the report's own addressee, a Message-ID, or, as its detector for LLNL has it, any address between commas.

    :param limit: how much of the message was read.
    """
    others = {(bare_address(reading.header("to")) or "").lower()}
    others.update(found.decode("latin-1").lower() for found in _MESSAGE_ID.findall(reading.raw[:limit]))
    others.update(found.lower() for found in _BETWEEN_COMMAS.findall(reading.text[:limit]))
    return others
