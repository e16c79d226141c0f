"""Read a message: a part tree becomes a kind of report, facts about recipients, and facts about the message.

Each reader knows one kind of text and nothing of the others. READERS are all asked, and each adds what it finds;
LAST_READERS are asked in turn until one has found something. A reader that raises has a bug: that becomes a remark, and
the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from undeliverable._dsn import fields as fields_reader
from undeliverable._dsn import one_pass
from undeliverable._dsn.returned import read_below, read_block, with_addressee
from undeliverable._dsn.sections import CutWords
from undeliverable._formats.described import read_described
from undeliverable._formats.lines import listed_in
from undeliverable._mime.headers import decode_words
from undeliverable._mime.part import root, settled
from undeliverable._reading.aliases import behind_aliases
from undeliverable._reading.automatic import (
    read_authentication_report,
    read_automatic,
    read_bare_complaint,
    read_challenge_report,
    read_disposition,
    read_service_notification,
    read_suppression,
)
from undeliverable._reading.fallback import (
    ask_fallback,
    read_about_nobody,
    read_listed,
    read_nameless,
    read_unexplained,
    read_unknown_text,
    take_format,
)
from undeliverable._reading.look_up import kind_of_refusals
from undeliverable._reading.merge import diagnostic_reader, merge
from undeliverable._reading.parts import Survey
from undeliverable._reading.plain_fields import read_plain_fields
from undeliverable._reading.reading import Described, Findings, Reading
from undeliverable._reading.statements import read_statements
from undeliverable._smtp import transcripts
from undeliverable._text.addresses import is_mailbox, several_recipients
from undeliverable._text.dates import parse_date
from undeliverable.model import Action, MessageFacts, RecipientFacts, Returned, Witness
from undeliverable.model._made import make_message_facts
from undeliverable.verdict import INSIDE, Kind

__all__ = ["READERS", "read"]

_NESTING: Final = 3
"""How deep a report may be wrapped into other messages."""

# What a report as a whole is: a single failure makes it a bounce. RFC 3464 2.3.3.
_KINDS: Final = ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY))

_REPORT: Final = "multipart/report"
_NO_PARTS: Final = Survey()  # of a report that is read in one pass: nobody adds to it


def read(raw: bytes, known: Described, remarks: list[str]) -> Findings:
    """Return what the message is and says; content never raises.

    :param known: the described formats to try, the words about origin, and what automatic replies say.
    :param remarks: gets every repair, guess and doubt.
    """
    data = settled(raw, remarks)
    standard = _standard_report(data, known.cuts, remarks)
    if standard is None:
        reading = Reading.of(root(data, remarks), raw, known, remarks)
        _ask(reading, READERS)
        _ask_in_turn(reading)
        returned = _returned(reading) if reading.is_settled else None
    else:
        reading = Reading(standard.header, standard.text, one_pass.TEXT_PATH, raw, known, remarks, _NO_PARTS)
        reading.message = standard.message
        reading.recipients.append(standard.recipient)
        _ask(reading, STANDARD_READERS)
        if len(reading.recipients) > 1 or reading.recipients[0].reply is None:
            _ask(reading, EXPLAINING_READERS)
        returned = standard.returned or _returned(reading)
    recipients = merge(reading.recipients, remarks)
    is_nameless = len(recipients) == 1 and recipients[0].recipient is None and _is_nameless(recipients[0])
    recipients = _addressed(recipients, reading)
    kind = reading.kind or _kind_of(recipients)
    if kind is Kind.BOUNCE and recipients[0].action is None and all(map(_is_tested, recipients)):
        kind = Kind.OTHER
        remarks.append("a report on a test of addresses: nothing was sent")
    message = _message_facts(reading, returned)
    kind = kind_of_refusals(kind, recipients, message, reading)
    if is_nameless and recipients[0].recipient is None and returned is not None and reading.addressee:
        recipients = (with_addressee(recipients[0], returned, remarks),)
    if reading.is_inside or (reading.kind is None and _is_passed_on(reading)):
        recipients = _doubted(recipients, INSIDE)
    if reading.doubt is not None:
        recipients = _doubted(recipients, reading.doubt)
    return Findings(kind, recipients, message)


def _doubted(recipients: tuple[RecipientFacts, ...], why: str) -> tuple[RecipientFacts, ...]:
    return tuple(replace(facts, conflicts=(*facts.conflicts, why)) for facts in recipients)


def _standard_report(data: bytes, cuts: CutWords, remarks: list[str]) -> one_pass.Standard | None:
    def diagnostics_beside(text: str) -> fields_reader.DiagnosticReader:
        return diagnostic_reader(cuts.without_copy(text))

    try:
        return one_pass.read(data, diagnostics_beside, remarks)
    except Exception as error:  # noqa: BLE001 # a bug of ours: the careful way may do
        remarks.append(f"the reader of standard reports failed: {type(error).__name__}: {error}")
        return None


def _ask(reading: Reading, readers: tuple[Reader, ...]) -> None:
    for reader in readers:
        try:
            reader(reading)
        except Exception as error:  # noqa: BLE001 # a bug of ours must not lose what the other readers found
            _note_failure(reader, reading, error)


def _ask_in_turn(reading: Reading) -> None:
    for reader in LAST_READERS:
        if reading.is_settled:
            break
        try:
            reader(reading)
        except Exception as error:  # noqa: BLE001 # the same
            _note_failure(reader, reading, error)


def _note_failure(reader: Reader, reading: Reading, error: Exception) -> None:
    reading.remarks.append(f"the reader {reader.__name__.strip('_')} failed: {type(error).__name__}: {error}")


# ----------------------------------------------------------------------------------------------------------------
# The readers that are always asked. Each adds what it finds.


def _read_feedback(reading: Reading) -> None:
    """Read a feedback report (RFC 5965)."""
    for part in reading.survey.feedback[:1]:
        from undeliverable._dsn import feedback as arf

        feedback = arf.read(part.text, part.path)
        reading.kind = Kind.COMPLAINT if feedback.is_complaint else Kind.OTHER
        reading.message = {**feedback.message, **reading.message}
        if feedback.is_complaint:
            nobody = RecipientFacts(witness=Witness.HEADER, field_block=feedback.block)
            reading.recipients.extend(feedback.recipients or (nobody,))


def _read_statuses(reading: Reading) -> None:
    """Read the fields of a delivery status notification (RFC 3464)."""
    if reading.kind is not None or reading.survey.dispositions:  # RFC 8098: who reads a message has received it
        return
    statuses = reading.survey.statuses
    read_reply = diagnostic_reader(reading.known.cuts.without_copy(reading.whole)) if statuses else None
    for part in statuses:
        fields = fields_reader.read(part.text, part.path, reading.remarks, read_reply)
        reading.recipients.extend(fields.recipients)
        reading.message = {**fields.message, **reading.message}
    if reading.survey.foreign:
        reading.remarks.append("fields behind the returned message were passed over: they are a part of it")


def _read_words(reading: Reading) -> None:
    """Read the text for people: a transcript, the name of the software, and its words unless the fields say it all."""
    if reading.kind is not None:
        return
    stated = reading.recipients
    is_complete = len(stated) == 1 and _says_all(stated)
    found = reading.known.formats.recognise(reading.header, reading.whole if is_complete else reading.text)
    if found is not None and found.alias_fields:
        stated[:] = behind_aliases(stated, listed_in(found, reading.header))
    may_hold_sessions = (found is None or found.transcript) and transcripts.may_stand_in(reading.whole)
    sessions = transcripts.read_dialogue(reading.text, reading.path) if may_hold_sessions and stated else ()
    if sessions:
        is_complete = len(stated) == 1 and _says_all([*stated, *sessions])
    if found is not None and is_complete:
        reading.generator = found.name
    elif found is not None:
        reading.addressee = found.addressee
        take_format(reading, read_described(found, reading.header, reading.text, reading.path))
        if reading.returned_at >= 0:
            reading.end_text(reading.returned_at)
    if may_hold_sessions and not sessions and (stated or reading.is_from_mail_system):
        sessions = transcripts.read_dialogue(reading.text, reading.path)
    stated.extend(sessions)


def _says_all(recipients: list[RecipientFacts]) -> bool:
    """Return whether the report is about one recipient whose fields or transcript hold the whole reply: words repeat it."""
    if not 0 < len(recipients) < 3:
        return False
    facts, last = recipients[0], recipients[-1]
    reply = last.reply
    same = last is facts or last.recipient is None or last.recipient == facts.recipient
    return same and reply is not None and reply.code is not None and reply.command is not None


# ----------------------------------------------------------------------------------------------------------------
# The readers that are asked in turn until one has found something.


def _read_nested(reading: Reading) -> None:
    """Read a report that a gateway wrapped into another message."""
    _read_inside(reading, has_fields=True)


def _addressed(recipients: tuple[RecipientFacts, ...], reading: Reading) -> tuple[RecipientFacts, ...]:
    """Return the facts about recipients that are addresses; what is none gives way to the next source that has one."""
    named = recipients
    if not all(map(_has_addresses, recipients)):
        named = tuple(
            facts if _has_addresses(facts) else _without_others(facts, reading.remarks) for facts in recipients
        )
    if len(named) == 1 and named[0].recipient is None:
        listed = several_recipients(reading.header("x-failed-recipients") or "")
        if len(listed) == 1:
            return (replace(named[0], recipient=listed[0]),)
    return named


def _has_addresses(facts: RecipientFacts) -> bool:
    name, other = facts.recipient, facts.original_recipient
    return (name is None or _is_address(name)) and (other is None or _is_address(other))


def _is_address(name: str) -> bool:
    """Return whether a name is an address. One that looks like an encoded word is, unless no text is behind that."""
    return is_mailbox(name) and ("=?" not in name or decode_words(name).isprintable())


def _without_others(facts: RecipientFacts, remarks: list[str]) -> RecipientFacts:
    """Return `facts` without those of its two names that are no addresses."""
    names = [name for name in (facts.recipient, facts.original_recipient) if name is not None]
    found = [name for name in names if _is_address(name)]
    remarks += [f"the recipient {name[:100]!r} is no address of RFC 5321" for name in names if name not in found]
    return replace(facts, recipient=found[0] if found else None, original_recipient=None)


def _is_tested(facts: RecipientFacts) -> bool:
    """Return whether the fields are about a recipient that nothing was sent to."""
    return facts.action is None and bool(facts.field_block) and fields_reader.is_test(facts.field("action"))


def _is_nameless(facts: RecipientFacts) -> bool:
    """Return whether facts without a recipient name nobody, not even what is no address."""
    stated = facts.field("final-recipient") if facts.field_block else None
    return not (stated or "").rpartition(";")[2].strip(" <>")


def _is_passed_on(reading: Reading) -> bool:
    """Return whether a person replies to or forwards a report, whose parts have become parts of the person's message.

    Some software sends its reports as a reply to the message that failed, but then says that they are reports (RFC 6522 3).
    """
    if reading.is_from_mail_system:
        return False
    if reading.is_reply_or_forward:
        return True
    header, has_fields = reading.header, any(facts.field_block for facts in reading.recipients)
    if not has_fields or header("in-reply-to") is None or reading.known.origin.has_null_path(header):
        return False
    return not (header("content-type") or "").lstrip().lower().startswith(_REPORT)


def _read_nested_text(reading: Reading) -> None:
    """Read a wrapped report without fields, if the message around it says nothing."""
    _read_inside(reading, has_fields=False)


def _read_inside(reading: Reading, *, has_fields: bool) -> None:
    """Read what a mail system passes on, but not what a person forwards."""
    if reading.depth >= _NESTING or not (reading.is_from_mail_system or not reading.text.strip()):
        return
    if reading.is_reply_or_forward:
        return
    for part in reading.survey.returned[:1]:
        for inner in part.children[:1]:
            nested = Reading.of(inner, reading.raw, reading.known, reading.remarks)
            nested.depth = reading.depth + 1
            if not (nested.survey.statuses or nested.survey.feedback if has_fields else nested.is_from_mail_system):
                continue
            nested.recipients, nested.message = reading.recipients, reading.message
            nested.generator, nested.returned_at = reading.generator, reading.returned_at
            _ask(nested, READERS)
            _ask_in_turn(nested)
            if not nested.is_settled:
                continue
            reading.remarks.append("the report stands inside another message")
            reading.is_inside = True
            reading.recipients, reading.kind, reading.message = nested.recipients, nested.kind, nested.message
            reading.survey, reading.generator = nested.survey, nested.generator


Reader = Callable[[Reading], None]
STANDARD_READERS: Final[tuple[Reader, ...]] = (_read_words,)
"""The readers to ask if the fields of a standard report have been read already."""
EXPLAINING_READERS: Final[tuple[Reader, ...]] = (
    read_statements,
    read_unexplained,
    read_challenge_report,
    read_suppression,
)
"""The readers of what fields leave open; they find nothing in a report on one recipient that holds a reply."""
READERS: Final[tuple[Reader, ...]] = (
    _read_feedback,
    _read_statuses,
    _read_words,
    read_plain_fields,
    read_nameless,
    *EXPLAINING_READERS,
)
LAST_READERS: Final[tuple[Reader, ...]] = (
    _read_nested,
    read_disposition,
    read_bare_complaint,
    read_service_notification,
    read_authentication_report,
    read_unknown_text,
    read_listed,
    _read_nested_text,
    read_automatic,
    ask_fallback,
    read_about_nobody,
)


def _kind_of(recipients: tuple[RecipientFacts, ...]) -> Kind:
    if not recipients:
        return Kind.OTHER
    actions = [facts.action or Action.FAILED for facts in recipients]
    for action, kind in _KINDS:
        if action in actions:
            return kind
    return Kind.DELIVERED


def _message_facts(reading: Reading, returned: Returned | None) -> MessageFacts:
    header = reading.header
    feedback = reading.message.get("feedback")
    if feedback is not None and returned is not None and feedback.feedback_id is None:
        reading.message = {**reading.message, "feedback": replace(feedback, feedback_id=returned.header("feedback-id"))}
    date = header("date")
    return make_message_facts(
        generator=reading.generator,
        date=None if date is None else parse_date(date),
        message_id=header("message-id"),
        returned=returned,
        **reading.message,
    )


def _returned(reading: Reading) -> Returned | None:
    for part in reading.survey.returned[:1]:
        block = part.embedded_header
        if block is not None:
            return read_block(block)
    for part in reading.survey.returned_headers[:1]:
        return read_block(part.text)
    at = reading.returned_at
    if at < 0:
        at = reading.sections.returned
    return read_below(reading.whole, at) if at < len(reading.whole) else None
