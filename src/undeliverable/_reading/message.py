"""The waist for messages: a part tree becomes a kind of report, facts about recipients, and facts about the message.

Every reader knows one kind of text and nothing of the others; the order in which they are asked is the tuple READERS.
A reader that raises has a bug: that becomes a remark and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from undeliverable._dsn import fields as _fields
from undeliverable._dsn import one_pass as _standard
from undeliverable._dsn.returned import bare_address, read_below, read_block, with_addressee
from undeliverable._formats import described as _format_reader
from undeliverable._mime.part import Part, root, settled
from undeliverable._reading.automatic import automatic, read_automatic, read_bare_complaint, read_disposition
from undeliverable._reading.fallback import read_listed, read_nameless, read_unexplained, read_unknown_text, take_format
from undeliverable._reading.merge import hear, merge
from undeliverable._reading.parts import Survey, notification, sort_mislabelled, sort_parts
from undeliverable._smtp import transcripts as _dialogues
from undeliverable._smtp.replies import answered_command
from undeliverable._text.dates import parse_date
from undeliverable._text.lazy import lazy
from undeliverable.model import Action, Diagnostic, MessageFacts, RecipientFacts, Reply, Returned, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look
    from undeliverable._formats.index import FormatTable
    from undeliverable._reading.autoreply import AutoReplyPhrases

__all__ = ["READERS", "Described", "Notice", "Reading", "read"]

_TRANSCRIPT: Final = "\n>>> "
"""Where a text holds a dialogue, its reader knows better what was answered."""
_NESTING: Final = 3
"""How deep a report may be wrapped into other messages."""

# What a report as a whole is: a single failure makes it a bounce. RFC 3464 2.3.3.
_KINDS: Final = ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY))

_NO_PARTS: Final = Survey()  # of a report that is read in one pass: nobody adds to it
_FAILED: Final = Action.FAILED  # a member of an enum is found more slowly than a name of the module

_MESSAGE_ID: Final = lazy(rb"\n(?i:message-id):[ \t]*+(?:\n[ \t]++)?+<([^<>\s]{1,998})>")
# Who sends reports: the null reverse-path of RFC 5321 4.5.5, "postmaster" of RFC 2142, and the older "MAILER-DAEMON", as a reverse-path too.
_ROBOTS: Final = lazy(r"(?:mailer-daemon|postmaster|mail-daemon|mail ?delivery|mdaemon)(?![a-z])")


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
        "_from_robot", "depth", "generator", "header", "kind", "known", "message", "path", "raw", "recipients", "remarks",
        "returned_at", "survey", "text",
    )  # fmt: skip

    def __init__(
        self, header: Look, text: str, path: str, raw: bytes, known: Described, remarks: list[str], survey: Survey
    ) -> None:
        self.header = header
        self.text = text
        self.path = path
        self.raw = raw
        self.known = known
        self.remarks = remarks
        self.depth = 0
        self.survey = survey
        self.recipients: list[RecipientFacts] = []
        self.message: Mapping[str, Any] = {}
        self.generator: str | None = None
        self.returned_at = -1
        self.kind: Kind | None = None
        self._from_robot: bool | None = None

    @classmethod
    def of(cls, root: Part, raw: bytes, known: Described, remarks: list[str]) -> Reading:
        """Nothing yet of the message with the part tree `root`."""
        survey = sort_parts(root)
        if survey.is_doubtful:
            sort_mislabelled(root, survey, known.phrases, from_robot=_is_from_robot(root.header))
        text, path = notification(survey)
        return cls(root.header, text, path, raw, known, remarks, survey)

    @property
    def is_from_robot(self) -> bool:
        """Whether a mail system sent this."""
        if self._from_robot is None:
            self._from_robot = _is_from_robot(self.header)
        return self._from_robot

    @property
    def is_settled(self) -> bool:
        """Whether some reader has spoken."""
        return bool(self.recipients) or self.kind is not None


def read(raw: bytes, known: Described, remarks: list[str]) -> Notice:
    """What the message is and says; never raises on content.

    :param known: the described formats to try, and what automatic replies say.
    :param remarks: gets every repair, guess and doubt.
    """
    data = settled(raw, remarks)
    standard = _standard_report(data, remarks)
    if standard is None:
        reading = Reading.of(root(data, remarks), raw, known, remarks)
        _ask(reading, READERS)
        returned = _returned(reading) if reading.is_settled else None
    else:
        reading = Reading(standard.header, standard.text, _standard.TEXT_PATH, raw, known, remarks, _NO_PARTS)
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


def _standard_report(data: bytes, remarks: list[str]) -> _standard.Standard | None:
    try:
        return _standard.read(data, _hearing, remarks, _Other(data).header)
    except Exception as error:  # noqa: BLE001 # a bug of ours: the careful way may do
        remarks.append(f"the reader of standard reports failed: {type(error).__name__}: {error}")
        return None


class _Other:
    """The headers of a standard report that are seldom asked for."""

    __slots__ = ("_data", "_root")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._root: Part | None = None

    def header(self, name: str) -> str | None:
        """The first value of a name."""
        if self._root is None:
            self._root = root(self._data, [])
        return self._root.header(name)


def _hearing(text: str) -> _fields.Heard:
    """What reads the reply in a ``Diagnostic-Code``; what it answered is said by the text, where it has one recipient."""

    def heard(words: Diagnostic, alone: bool) -> tuple[Reply | None, bool]:  # noqa: FBT001 - a fact, not a switch
        return hear(words, answered_command(text) if alone and _TRANSCRIPT not in text else None)

    return heard


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
    for part in reading.survey.feedback[:1]:
        from undeliverable._dsn import feedback as _arf  # few messages are complaints

        feedback = _arf.read(part.text, part.path)
        reading.kind = Kind.COMPLAINT if feedback.is_complaint else Kind.OTHER
        if feedback.is_complaint:
            reading.recipients.extend(feedback.recipients or (RecipientFacts(witness=Witness.HEADER),))


def _read_statuses(reading: Reading) -> None:
    if reading.kind is not None:
        return

    heard = _hearing(reading.text)
    for part in reading.survey.statuses:
        fields = _fields.read(part.text, part.path, reading.remarks, heard)
        reading.recipients.extend(fields.recipients)
        reading.message = {**fields.message, **reading.message}


def _read_words(reading: Reading) -> None:
    """The text for people: the name of the software, a dialogue, and the answer where nothing else holds it all."""
    if reading.kind is not None:
        return
    stated = reading.recipients
    may_hold_dialogue = bool(stated) or reading.is_from_robot
    spoken = _dialogues.read_dialogue(reading.text, reading.path) if may_hold_dialogue else ()
    found = reading.known.formats.recognise(reading.header, reading.text)
    if found is not None:
        if len(stated) == 1 and _says_all([*stated, *spoken]):
            reading.generator = found.name
        else:
            take_format(reading, _format_reader.read(found, reading.header, reading.text, reading.path))
            if reading.recipients and not may_hold_dialogue:
                spoken = _dialogues.read_dialogue(reading.text, reading.path)
    stated.extend(spoken)


def _says_all(recipients: list[RecipientFacts]) -> bool:
    """Whether the report is about one recipient whose fields, or dialogue, hold the whole answer: words repeat it."""
    if not 0 < len(recipients) < 3:
        return False
    facts, last = recipients[0], recipients[-1]
    reply = last.reply
    same = last is facts or last.recipient is None or last.recipient == facts.recipient
    return same and reply is not None and reply.code is not None and reply.command is not None


def _read_plain_fields(reading: Reading) -> None:
    """RFC 3464 fields that stand in the text, where the report lost its structure."""
    if reading.kind is not None or reading.survey.statuses or not _fields.may_stand_in(reading.text):
        return
    if reading.is_from_robot and not _is_answer(reading):
        fields = _fields.find(reading.text, reading.path, reading.remarks, _hearing(reading.text))
        if fields is not None:
            reading.recipients.extend(fields.recipients)
            reading.message = {**fields.message, **reading.message}


# ----------------------------------------------------------------------------------------------------------------
# The readers that are asked one after the other until one speaks.


def _read_nested(reading: Reading) -> None:
    """A report that some gateway wrapped into another message."""
    _read_inside(reading, has_fields=True)


def _read_nested_text(reading: Reading) -> None:
    """The same of a notice without fields, when the message around it tells nothing."""
    _read_inside(reading, has_fields=False)


def _read_inside(reading: Reading, *, has_fields: bool) -> None:
    """What a robot passes on; a person who forwards a report is none."""
    if reading.depth >= _NESTING or not (reading.is_from_robot or not reading.text.strip()):
        return
    if _is_answer(reading):
        return
    for part in reading.survey.returned[:1]:
        for inner in part.children[:1]:
            nested = Reading.of(inner, reading.raw, reading.known, reading.remarks)
            nested.depth = reading.depth + 1
            if not (nested.survey.statuses or nested.survey.feedback if has_fields else nested.is_from_robot):
                continue
            nested.recipients, nested.message = reading.recipients, reading.message
            nested.generator, nested.returned_at = reading.generator, reading.returned_at
            _ask(nested, READERS)
            if not nested.is_settled:
                continue
            reading.remarks.append("the report stands inside another message")
            reading.recipients, reading.kind, reading.message = nested.recipients, nested.kind, nested.message
            reading.survey, reading.generator = nested.survey, nested.generator


def _ask_last_witness(reading: Reading) -> None:
    if reading.depth or not reading.is_from_robot or automatic(reading):
        return
    from undeliverable._reading import flufl as _flufl  # costs its import only where nothing else has helped

    try:
        suspicion = _flufl.ask(reading.raw)
    except ImportError:
        reading.remarks.append("the heuristics of flufl.bounce were not asked: it is not installed")
        return
    foreign = _foreign(reading, suspicion.permanent | suspicion.temporary, _flufl.HEAD_LIMIT)
    for action, addresses in ((Action.FAILED, suspicion.permanent), (Action.DELAYED, suspicion.temporary)):
        for address in sorted(addresses - foreign):
            reading.recipients.append(RecipientFacts(witness=Witness.WORDS, recipient=address, action=action))
    if reading.recipients:
        reading.remarks.append("the recipient was found by the heuristics of flufl.bounce alone")


def _foreign(reading: Reading, addresses: frozenset[str], limit: int) -> set[str]:
    """Whoever of `addresses` is sent the report, is a Message-ID, or named in the returned message alone.

    :param limit: how much of the message was read.
    """
    survey, told = reading.survey, reading.text[:limit].lower()
    others = {(bare_address(reading.header("to")) or "").lower()}
    others.update(found.decode("latin-1").lower() for found in _MESSAGE_ID.findall(reading.raw[:limit]))
    is_told = (survey.returned or survey.returned_headers) and "@" in told
    return {address for address in addresses if address.lower() in others or (is_told and address.lower() not in told)}


def _is_answer(reading: Reading) -> bool:
    """Whether a person answers or forwards."""
    from undeliverable._reading import autoreply as _autoreply  # a report with fields is no automatic reply

    return _autoreply.is_answer(reading.header, reading.known.phrases)


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
"""Who is asked where the fields of a standard report have been read."""
LAST_READERS: Final[tuple[Reader, ...]] = (
    _read_nested,
    read_disposition,
    read_bare_complaint,
    read_unknown_text,
    read_listed,
    _read_nested_text,
    _ask_last_witness,
    read_automatic,
)


def _is_from_robot(header: Look) -> bool:
    """Whether a mail system sent this: by its From, or by the null reverse-path."""
    sender = (header("from") or "").lower()
    if _ROBOTS.search(sender) or "<>" in sender or "@" not in sender:
        return True
    path = (header("return-path") or "").strip().lower()
    return path == "<>" or _ROBOTS.search(path) is not None or header("x-failed-recipients") is not None


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
