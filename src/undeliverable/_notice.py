"""The waist for messages: a part tree becomes a kind of report, facts about recipients, and facts about the message.

Every reader knows one kind of text and nothing of the others; the order in which they are asked is the tuple READERS.
A reader that raises has a bug: that becomes a remark and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from undeliverable import _dialogues, _fields, _format_reader
from undeliverable._dates import parse_date
from undeliverable._facts import hear, merge
from undeliverable._lazy import lazy
from undeliverable._mime import Part
from undeliverable._replies import answered_command
from undeliverable._returned import addressee, bare_address, read_below, read_block
from undeliverable._survey import notification, sort_parts
from undeliverable.model import Action, Command, Diagnostic, MessageFacts, RecipientFacts, Reply, Returned, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._autoreply import AutoReplyPhrases
    from undeliverable._format_index import FormatTable

__all__ = ["READERS", "Described", "Notice", "Reading", "read"]

_TRANSCRIPT: Final = "\n>>> "
"""Where a text holds a dialogue, its reader knows better what was answered."""
_NESTING: Final = 3
"""How deep a report may be wrapped into other messages."""

# What a report as a whole is: a single failure makes it a bounce. RFC 3464 2.3.3.
_KINDS: Final = ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY))

_FAILED: Final = Action.FAILED  # a member of an enum is found more slowly than a name of the module

# Who sends reports: the null reverse-path of RFC 5321 4.5.5, "postmaster" of RFC 2142, and the older "MAILER-DAEMON".
_ROBOTS: Final = lazy(r"(?:mailer-daemon|postmaster|mail-daemon|maildelivery|mdaemon)(?![a-z])")


class Described(Protocol):
    """The knowledge that readers need."""

    @property
    def formats(self) -> FormatTable:
        """The described formats."""
        ...

    @property
    def phrases(self) -> AutoReplyPhrases:
        """What automatic replies say."""
        ...


class Notice(NamedTuple):
    """What a message is, and what it says."""

    kind: Kind
    recipients: tuple[RecipientFacts, ...]
    message: MessageFacts


class Reading:
    """What the readers have found so far."""

    __slots__ = (
        "depth", "generator", "kind", "known", "message", "path", "raw", "recipients", "remarks", "returned_at", "root",
        "survey", "text",
    )  # fmt: skip

    def __init__(self, root: Part, raw: bytes, known: Described, remarks: list[str], depth: int = 0) -> None:
        self.root = root
        self.raw = raw
        self.known = known
        self.remarks = remarks
        self.depth = depth
        self.survey = sort_parts(root)
        self.text, self.path = notification(self.survey)
        self.recipients: list[RecipientFacts] = []
        self.message: dict[str, Any] = {}
        self.generator: str | None = None
        self.returned_at = -1
        self.kind: Kind | None = None

    @property
    def step(self) -> Command | None:
        """What the reply answered, as the text says it, where it speaks of one recipient."""
        return None if _TRANSCRIPT in self.text else answered_command(self.text)

    @property
    def is_settled(self) -> bool:
        """Whether some reader has spoken."""
        return bool(self.recipients) or self.kind is not None


def read(
    root: Part,
    raw: bytes,
    known: Described,
    remarks: list[str],
) -> Notice:
    """What the message with the part tree `root` is and says; never raises on content.

    :param raw: the message as bytes, for the last witness.
    :param known: the described formats to try, and what automatic replies say.
    :param remarks: gets every repair, guess and doubt.
    """
    reading = Reading(root, raw, known, remarks)
    _ask(reading)
    recipients = merge(reading.recipients, remarks)
    kind = reading.kind or _kind_of(recipients)
    message = _message_facts(reading)
    if len(recipients) == 1 and recipients[0].recipient is None and message.returned is not None:
        recipients = (_with_addressee(recipients[0], message.returned, remarks),)
    return Notice(kind, recipients, message)


def _with_addressee(facts: RecipientFacts, returned: Returned, remarks: list[str]) -> RecipientFacts:
    """`facts` about nobody, with the recipient that the returned message shows, if it can only be that one."""
    found = addressee(returned)
    if found is None:
        return facts
    remarks.append(f"the report names no recipient; taken from {found[1]} of the returned message")
    return replace(facts, recipient=found[0])


def _ask(reading: Reading) -> None:
    for reader in READERS:
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
    for part in reading.survey.feedback[:1]:
        from undeliverable import _arf  # few messages are complaints

        feedback = _arf.read(part.text, part.path)
        reading.kind = Kind.COMPLAINT if feedback.is_complaint else Kind.OTHER
        if feedback.is_complaint:
            reading.recipients.extend(feedback.recipients or (RecipientFacts(witness=Witness.HEADER),))


def _read_statuses(reading: Reading) -> None:
    if reading.kind is not None:
        return

    def heard(words: Diagnostic, alone: bool) -> tuple[Reply | None, bool]:  # noqa: FBT001 - a fact, not a switch
        return hear(words, reading.step if alone else None)

    for part in reading.survey.statuses:
        fields = _fields.read(part.text, part.path, reading.remarks, heard)
        reading.recipients.extend(fields.recipients)
        reading.message = {**fields.message, **reading.message}


def _read_format(reading: Reading) -> None:
    if reading.kind is not None:
        return
    found = reading.known.formats.recognise(reading.root.header, reading.text)
    if found is None:
        return
    if _says_all(reading.recipients):
        reading.generator = found.name
    else:
        _take_format(reading, _format_reader.read(found, reading.root.header, reading.text, reading.path))


def _says_all(recipients: list[RecipientFacts]) -> bool:
    """Whether the report is about one recipient whose fields hold the whole answer: then the words repeat it."""
    if len(recipients) != 1:
        return False
    reply = recipients[0].reply
    return reply is not None and reply.code is not None and reply.command is not None


def _read_dialogue(reading: Reading) -> None:
    if reading.kind is None and (reading.recipients or _is_from_robot(reading.root)):
        reading.recipients.extend(_dialogues.read_dialogue(reading.text, reading.path))


def _read_plain_fields(reading: Reading) -> None:
    """RFC 3464 fields that stand in the text, where the report lost its structure."""
    if reading.kind is not None or reading.survey.statuses or _is_answer(reading):
        return
    if _is_from_robot(reading.root):
        fields = _fields.find(reading.text, reading.path, reading.remarks)
        if fields is not None:
            reading.recipients.extend(fields.recipients)
            for name, value in fields.message.items():
                reading.message.setdefault(name, value)


# ----------------------------------------------------------------------------------------------------------------
# The readers that are asked one after the other until one speaks.


def _read_nested(reading: Reading) -> None:
    """A report that some gateway wrapped into another message. A person who forwards a report is no robot."""
    if reading.depth >= _NESTING or not (_is_from_robot(reading.root) or not reading.text.strip()):
        return
    if _is_answer(reading):
        return
    for part in reading.survey.returned[:1]:
        for inner in part.children[:1]:
            nested = Reading(inner, reading.raw, reading.known, reading.remarks, reading.depth + 1)
            if not nested.survey.statuses and not nested.survey.feedback:
                continue
            nested.recipients, nested.message = reading.recipients, reading.message
            nested.generator, nested.returned_at = reading.generator, reading.returned_at
            _ask(nested)
            reading.remarks.append("the report stands inside another message")
            reading.recipients, reading.kind, reading.message = nested.recipients, nested.kind, nested.message
            reading.survey, reading.generator = nested.survey, nested.generator


def _read_unknown_text(reading: Reading) -> None:
    generic = reading.known.formats.recognise_unknown(reading.root.header, reading.text)
    if generic is not None:
        found = _format_reader.read(generic, reading.root.header, reading.text, reading.path)
        _take_format(reading, found)
        if found.recipients:
            reading.remarks.append("the software is not known; its text was read by the generic description")


def _ask_last_witness(reading: Reading) -> None:
    if not _is_from_robot(reading.root) or _automatic(reading):
        return
    from undeliverable import _flufl  # costs its import only where nothing else has helped

    suspicion = _flufl.ask(reading.raw)
    for action, addresses in ((Action.FAILED, suspicion.permanent), (Action.DELAYED, suspicion.temporary)):
        for address in sorted(addresses):
            reading.recipients.append(RecipientFacts(witness=Witness.WORDS, recipient=address, action=action))
    if suspicion:
        reading.remarks.append("the recipient was found by the heuristics of flufl.bounce alone")


def _read_disposition(reading: Reading) -> None:
    for part in reading.survey.dispositions[:1]:
        reading.kind = Kind.DISPOSITION
        from undeliverable import _autoreply  # few messages are dispositions

        reading.recipients.extend(_autoreply.disposition(part.text, part.path))


def _read_automatic(reading: Reading) -> None:
    kind = _automatic(reading)
    if kind is not None:
        reading.kind = kind
        sender = bare_address(reading.root.header("from"))
        reading.recipients.append(RecipientFacts(witness=Witness.HEADER, recipient=sender))


def _is_answer(reading: Reading) -> bool:
    """Whether a person answers or forwards."""
    from undeliverable import _autoreply  # a report with fields is no automatic reply

    return _autoreply.is_answer(reading.root.header, reading.known.phrases)


def _automatic(reading: Reading) -> Kind | None:
    """Which automatic reply a message is."""
    from undeliverable import _autoreply  # as above

    return _autoreply.recognise(reading.root.header, reading.text, reading.known.phrases)


Reader = Callable[[Reading], None]
READERS: Final[tuple[Reader, ...]] = (
    _read_feedback,
    _read_statuses,
    _read_format,
    _read_dialogue,
    _read_plain_fields,
)
LAST_READERS: Final[tuple[Reader, ...]] = (
    _read_nested,
    _read_disposition,
    _read_unknown_text,
    _ask_last_witness,
    _read_automatic,
)


def _take_format(reading: Reading, found: _format_reader.FormatReading) -> None:
    reading.recipients.extend(found.recipients)
    reading.generator = found.generator
    reading.returned_at = found.returned_at
    for name, value in found.message.items():
        reading.message.setdefault(name, value)


def _is_from_robot(root: Part) -> bool:
    """Whether a mail system sent this: by its From, or by the null reverse-path."""
    sender = (root.header("from") or "").lower()
    if _ROBOTS.search(sender) or "<>" in sender or "@" not in sender:
        return True
    return (root.header("return-path") or "").strip() == "<>" or root.header("x-failed-recipients") is not None


def _kind_of(recipients: tuple[RecipientFacts, ...]) -> Kind:
    if not recipients:
        return Kind.OTHER
    actions = [facts.action or _FAILED for facts in recipients]
    for action, kind in _KINDS:
        if action in actions:
            return kind
    return Kind.DELIVERED


def _message_facts(reading: Reading) -> MessageFacts:
    header = reading.root.header
    date = header("date")
    return MessageFacts(
        generator=reading.generator,
        date=None if date is None else parse_date(date),
        message_id=header("message-id"),
        returned=_returned(reading) if reading.is_settled else None,
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
