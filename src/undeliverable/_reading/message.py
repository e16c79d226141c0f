"""Read a message: a part tree becomes a kind of report, facts about recipients, and facts about the message.

Each reader knows one kind of text and nothing of the others. READERS are all asked, and each adds what it finds;
LAST_READERS are asked in turn until one has found something. A reader that raises has a bug: that becomes a remark, and
the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from undeliverable._dsn import fields as fields_reader
from undeliverable._dsn import one_pass
from undeliverable._dsn.returned import read_below, read_block, with_addressee
from undeliverable._formats.described import read_described
from undeliverable._mime.part import Part, root, settled
from undeliverable._reading.automatic import read_automatic, read_bare_complaint, read_disposition
from undeliverable._reading.fallback import (
    ask_fallback,
    read_listed,
    read_nameless,
    read_unexplained,
    read_unknown_text,
    take_format,
)
from undeliverable._reading.merge import merge, read_diagnostic
from undeliverable._reading.parts import Survey
from undeliverable._reading.reading import Described, Notice, Reading
from undeliverable._smtp import transcripts
from undeliverable._smtp.replies import answered_command
from undeliverable._text.dates import parse_date
from undeliverable.model import Action, Diagnostic, MessageFacts, RecipientFacts, Reply, Returned, Witness
from undeliverable.verdict import Kind

__all__ = ["READERS", "read"]

_TRANSCRIPT: Final = "\n>>> "
"""What a text with a transcript contains, whose reader knows better what was answered."""
_NESTING: Final = 3
"""How deep a report may be wrapped into other messages."""

# What a report as a whole is: a single failure makes it a bounce. RFC 3464 2.3.3.
_KINDS: Final = ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY))

_NO_PARTS: Final = Survey()  # of a report that is read in one pass: nobody adds to it
_FAILED: Final = Action.FAILED  # a member of an enum is found more slowly than a name of the module


def read(raw: bytes, known: Described, remarks: list[str]) -> Notice:
    """Return what the message is and says; content never raises.

    :param known: the described formats to try, the words about origin, and what automatic replies say.
    :param remarks: gets every repair, guess and doubt.
    """
    data = settled(raw, remarks)
    standard = _standard_report(data, remarks)
    if standard is None:
        reading = Reading.of(root(data, remarks), raw, known, remarks)
        _ask(reading, READERS)
        returned = _returned(reading) if reading.is_settled else None
    else:
        reading = Reading(standard.header, standard.text, one_pass.TEXT_PATH, raw, known, remarks, _NO_PARTS)
        reading.message, recipients = standard.fields
        reading.recipients.extend(recipients)
        _ask(reading, STANDARD_READERS)
        returned = standard.returned or _returned(reading)
    recipients = merge(reading.recipients, remarks)
    kind = reading.kind or _kind_of(recipients)
    message = _message_facts(reading, returned)
    if len(recipients) == 1 and recipients[0].recipient is None and returned is not None:
        recipients = (with_addressee(recipients[0], returned, remarks),)
    return Notice(kind, recipients, message)


def _standard_report(data: bytes, remarks: list[str]) -> one_pass.Standard | None:
    try:
        return one_pass.read(data, _diagnostic_reader, remarks, _Other(data).header)
    except Exception as error:  # noqa: BLE001 # a bug of ours: the careful way may do
        remarks.append(f"the reader of standard reports failed: {type(error).__name__}: {error}")
        return None


class _Other:
    """The headers of a standard report that are seldom needed."""

    __slots__ = ("_data", "_root")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._root: Part | None = None

    def header(self, name: str) -> str | None:
        """Return the first value of the header `name`, or None."""
        if self._root is None:
            self._root = root(self._data, [])
        return self._root.header(name)


def _diagnostic_reader(text: str) -> fields_reader.Heard:
    """Return what reads the reply in a ``Diagnostic-Code``.

    Which command it answered is read from `text`, if there is one recipient.
    """

    def read_reply(words: Diagnostic, alone: bool) -> tuple[Reply | None, bool]:  # noqa: FBT001 - a fact, not a switch
        return read_diagnostic(words, answered_command(text) if alone and _TRANSCRIPT not in text else None)

    return read_reply


def _ask(reading: Reading, readers: tuple[Reader, ...]) -> None:
    for reader in readers:
        try:
            reader(reading)
        except Exception as error:  # noqa: BLE001 # a bug of ours must not lose what the other readers found
            _note_failure(reader, reading, error)
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
        if feedback.is_complaint:
            reading.recipients.extend(feedback.recipients or (RecipientFacts(witness=Witness.HEADER),))


def _read_statuses(reading: Reading) -> None:
    """Read the fields of a delivery status notification (RFC 3464)."""
    if reading.kind is not None:
        return
    read_reply = _diagnostic_reader(reading.text)
    for part in reading.survey.statuses:
        fields = fields_reader.read(part.text, part.path, reading.remarks, read_reply)
        reading.recipients.extend(fields.recipients)
        reading.message = {**fields.message, **reading.message}


def _read_words(reading: Reading) -> None:
    """Read the text for people: a transcript, the name of the software, and its words unless the fields say it all."""
    if reading.kind is not None:
        return
    stated = reading.recipients
    may_hold_transcript = bool(stated) or reading.is_from_mail_system
    sessions = transcripts.read_dialogue(reading.text, reading.path) if may_hold_transcript else ()
    found = reading.known.formats.recognise(reading.header, reading.text)
    if found is not None:
        if len(stated) == 1 and _says_all([*stated, *sessions]):
            reading.generator = found.name
        else:
            take_format(reading, read_described(found, reading.header, reading.text, reading.path))
            if reading.recipients and not may_hold_transcript:
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


def _read_plain_fields(reading: Reading) -> None:
    """Read RFC 3464 fields in the text, if the report lost its structure."""
    if reading.kind is not None or reading.survey.statuses or not fields_reader.may_stand_in(reading.text):
        return
    if reading.is_from_mail_system and not reading.is_reply_or_forward:
        fields = fields_reader.find(reading.text, reading.path, reading.remarks, _diagnostic_reader(reading.text))
        if fields is not None:
            reading.recipients.extend(fields.recipients)
            reading.message = {**fields.message, **reading.message}


# ----------------------------------------------------------------------------------------------------------------
# The readers that are asked in turn until one has found something.


def _read_nested(reading: Reading) -> None:
    """Read a report that a gateway wrapped into another message."""
    _read_inside(reading, has_fields=True)


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
            if not nested.is_settled:
                continue
            reading.remarks.append("the report stands inside another message")
            reading.recipients, reading.kind, reading.message = nested.recipients, nested.kind, nested.message
            reading.survey, reading.generator = nested.survey, nested.generator


Reader = Callable[[Reading], None]
READERS: Final[tuple[Reader, ...]] = (
    _read_feedback,
    _read_statuses,
    _read_words,
    _read_plain_fields,
    read_nameless,
    read_unexplained,
)
STANDARD_READERS: Final[tuple[Reader, ...]] = (_read_words, read_unexplained)
"""The readers to ask if the fields of a standard report have been read already."""
LAST_READERS: Final[tuple[Reader, ...]] = (
    _read_nested,
    read_disposition,
    read_bare_complaint,
    read_unknown_text,
    read_listed,
    _read_nested_text,
    read_automatic,
    ask_fallback,
)


def _kind_of(recipients: tuple[RecipientFacts, ...]) -> Kind:
    if not recipients:
        return Kind.OTHER
    actions = [facts.action or _FAILED for facts in recipients]
    for action, kind in _KINDS:
        if action in actions:
            return kind
    return Kind.DELIVERED


def _message_facts(reading: Reading, returned: Returned | None) -> MessageFacts:
    header = reading.header
    date = header("date")
    return MessageFacts(
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
    return read_below(reading.text, reading.returned_at) if reading.returned_at >= 0 else None
