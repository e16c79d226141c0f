"""The joining log reader: the lines of one message, connected by its queue id.

Each line is read by itself first. Lines about the message (its sender, its Message-ID, a new delivery) are remembered
in a trail; lines about an outcome become a report, completed from the trail. When a queue gives up, its line often lacks the reply, so the last reply of each deferred recipient is
kept until then. The number of trails and of recipients in one is bounded, so memory does not grow with the log.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from undeliverable._knowledge.log_shapes import Role
from undeliverable._verdicts.judge import Surroundings, judge
from undeliverable.knowledge import Knowledge
from undeliverable.logs._facts import Entry, date_of, facts_of
from undeliverable.logs._lines import LONGEST, Line, Lines
from undeliverable.logs._unread import Unread
from undeliverable.model import Action, Event, MessageFacts, RecipientFacts, Returned
from undeliverable.model._made import make_message_facts
from undeliverable.verdict import Kind, Proof, Report

if TYPE_CHECKING:
    from undeliverable._rules.failure import Caller

__all__ = ["Reader"]

_LONGEST_OBJECT: Final = 1_048_576  # a JSON record can hold headers and is useless when cut
_OBJECT: Final = '{"'
_HEAD: Final = 512  # characters in which a JSON object begins, after any frames
_RECORD: Final = "\x1e"  # what "journalctl -o json-seq" puts before each object
_WAITING: Final = 1_000  # recipients of one message whose last reply is remembered
_KINDS: Final = ((Action.FAILED, Kind.BOUNCE), (Action.DELAYED, Kind.DELAY))
_CUT: Final = "a very long line was cut"
_EARLIER: Final = "the answer is from an earlier line of the same message"


class _Trail:
    """The facts from earlier lines about a message that is still in the queue."""

    __slots__ = ("arrival", "link", "message_id", "replies", "sender", "waiting")

    def __init__(self) -> None:
        self.sender: str | None = None
        self.message_id: str | None = None
        self.arrival: datetime | None = None
        self.link: tuple[str, str | None] | None = None  # queue id and recipient of a delivery's number
        self.waiting: dict[str | None, RecipientFacts] = {}
        self.replies: dict[str, str] = {}  # by recipient, until a line gives the outcome

    def add_reply(self, recipient: str, text: str) -> None:
        """Remember a reply, or its next line."""
        before = self.replies.get(recipient, "")
        is_open = before.rpartition("\n")[2][3:4] == "-"  # RFC 5321 4.2.1
        if before or len(self.replies) < _WAITING:
            self.replies[recipient] = f"{before}\n{text}"[:LONGEST] if is_open else text


class Reader:
    """The implementation of :class:`~undeliverable.logs.LogReader`.

    :ivar unread: the lines that look like deliveries and were not read.
    """

    __slots__ = ("_caller", "_knowledge", "_lines", "_rows", "_trails", "_window", "unread")

    def __init__(self, knowledge: Knowledge, window: int, caller: Caller | None = None) -> None:
        self._knowledge = knowledge.of(caller)
        self._caller = caller
        self._window = window
        self._trails: OrderedDict[tuple[str, str | None, str], _Trail] = OrderedDict()
        self._lines = Lines(self._knowledge.logs, keeps=window > 0)
        self._rows = 0
        self.unread = Unread()

    def feed(self, line: str | bytes, source: str | None) -> Report | None:
        """Return the report of the log's next line, or None if the line is not about a delivery."""
        text = _text(line)
        longest = _LONGEST_OBJECT if _OBJECT in text[:_HEAD] else LONGEST
        remarks = [_CUT] if len(text) > longest else []
        read = self._lines.read(text[:longest])
        if read is None:
            if "@" in text or self._lines.unread:  # a look that costs nothing, for most lines are about no recipient
                self._leave(text, source)
            return None
        if read.entry is None:
            self._note(read)
            return None
        return self._report(read.entry, text, remarks, source)

    def _leave(self, text: str, source: str | None) -> None:
        """Count a line that was not read if it looks like a delivery; a row of unknown columns is known to be one."""
        rows = self._lines.unread
        if rows and rows.total() > self._rows:
            self._rows = rows.total()
            self.unread.take(text, source)
        else:
            self.unread.add(text, source)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why lines about deliveries were not read, with the number of each."""
        return tuple(
            f"{count} {'line' if count == 1 else 'lines'} not read: {why}" for why, count in self._lines.unread.items()
        )

    def knows(self, line: bytes) -> bool:
        """Return whether a line has the shape of a log's: that of a described line or record, or a logger's frame."""
        return self._lines.knows(_text(line))

    # ------------------------------------------------------------------------------------------------------------
    # The window

    def _trail(self, name: str, host: str | None, number: str | None, *, make: bool) -> _Trail | None:
        if not self._window or number is None:
            return None
        key = (name, host, number)
        trail = self._trails.get(key)
        if trail is not None:
            self._trails.move_to_end(key)
        elif make:
            trail = self._trails[key] = _Trail()
            if len(self._trails) > self._window:
                self._trails.popitem(last=False)
        return trail

    def _note(self, read: Line) -> None:
        """Remember the facts of a line, or forget a message that left the queue."""
        found, host = read.found, read.frame.host
        number = found.get("queue_id")
        if read.role is Role.FORGET:
            self._trails.pop((read.name, host, number or ""), None)
            return
        if "delivery_id" in found:
            trail = self._trail(read.name, host, f"/{found['delivery_id']}", make=True)
            if trail is not None and number is not None:
                trail.link = (number, found.get("recipient"))
            return
        trail = self._trail(read.name, host, number, make=True)
        if trail is not None:
            trail.sender = found.get("sender", trail.sender)
            trail.message_id = found.get("message_id", trail.message_id)
            trail.arrival = trail.arrival or _date(read)
            if "recipient" in found and "text" in found:
                trail.add_reply(found["recipient"], found["text"])

    def _joined(self, entry: Entry) -> tuple[Entry, _Trail | None]:
        """Complete `entry` with the queue id and recipient of its delivery's number; return it and its trail."""
        found, host = entry.found, entry.frame.host
        if "delivery_id" in found:
            link = self._trail(entry.name, host, f"/{found['delivery_id']}", make=False)
            if link is not None and link.link is not None:
                queue_id, recipient = link.link
                entry = entry._replace(found={**found, "queue_id": queue_id, "recipient": recipient or ""})
        number = entry.found.get("queue_id")
        trail = self._trail(entry.name, host, number, make=entry.action is Action.DELAYED)
        reply = None if trail is None else trail.replies.pop(entry.found.get("recipient", ""), None)
        if reply is not None and "text" not in entry.found:
            entry = entry._replace(found={**entry.found, "text": reply})
        return entry, trail

    # ------------------------------------------------------------------------------------------------------------
    # The report

    def _report(self, entry: Entry, line: str, remarks: list[str], source: str | None) -> Report | None:
        entry, trail = self._joined(entry)
        if entry.waits and (trail is None or entry.found.get("recipient") not in trail.waiting):
            return None
        if entry.record is not None:
            remarks += entry.record.remarks
        facts = facts_of(entry)
        if trail is not None:
            facts = _with_answers(entry, facts, trail, remarks)
        message = _message(entry, trail)
        event = _event(entry)
        kind = next((kind for action, kind in _KINDS if entry.action is action), Kind.DELIVERED)
        identity = _identity(message, line)
        around = Surroundings(event=event, returned=message.returned, caller=self._caller, proof=Proof.OWN)
        return Report(
            kind=kind,
            verdicts=tuple(
                judge(one, self._knowledge, identity=identity, kind=kind, surroundings=around) for one in facts
            ),
            message=message,
            event=event,
            remarks=tuple(remarks),
            source=source,
            received=date_of(entry),
        )


def _date(read: Line) -> datetime | None:
    return date_of(Entry(read.name, "", Action.DELAYED, read.found, read.frame))


def _with_answers(
    entry: Entry, facts: tuple[RecipientFacts, ...], trail: _Trail, remarks: list[str]
) -> tuple[RecipientFacts, ...]:
    """Remember the replies of delayed recipients; add the last one to each expired recipient that has none here."""
    waiting = trail.waiting
    if entry.action is Action.DELAYED:
        for one in facts:
            if len(waiting) < _WAITING and not (entry.idle and one.recipient in waiting):
                waiting[one.recipient] = one
        return facts
    done: list[RecipientFacts] = []
    for one in facts:
        if not one.expired or one.reply is not None:
            waiting.pop(one.recipient, None)
            done.append(one)
            continue
        names = list(waiting) if one.recipient is None and waiting else [one.recipient]
        done += [_final(one, waiting.pop(name, None), remarks) for name in names]
    return tuple(done)


def _final(facts: RecipientFacts, last: RecipientFacts | None, remarks: list[str]) -> RecipientFacts:
    if last is None:
        return facts
    if _EARLIER not in remarks:
        remarks.append(_EARLIER)
    return replace(last, action=facts.action, expired=True, evidence=(*facts.evidence, *last.evidence))


def _message(entry: Entry, trail: _Trail | None) -> MessageFacts:
    found = entry.found
    sender = found.get("sender", None if trail is None else trail.sender)
    message_id = found.get("message_id", None if trail is None else trail.message_id)
    known = sender is not None or message_id is not None
    return make_message_facts(
        generator=entry.name,
        reporting_mta=entry.frame.host,
        arrival_date=None if trail is None else trail.arrival,
        queue_id=found.get("queue_id"),
        date=date_of(entry),
        returned=Returned("", message_id, sender or None) if known else None,
    )


def _event(entry: Entry) -> Event | None:
    record = entry.record
    if record is None:
        return None
    found = record.found
    return Event(id=found.get("event_id"), service=entry.name, type=record.type, class_=found.get("class"))


def _identity(message: MessageFacts, line: str) -> str:
    """Return the Message-ID if known, else the queue id with its host, else a digest of the line."""
    known = None if message.returned is None else message.returned.message_id
    if known is not None:
        return known
    if message.queue_id is not None:
        return f"{message.reporting_mta or ''} {message.queue_id}"
    return sha256(line.encode(errors="replace")).hexdigest()


def _text(line: str | bytes) -> str:
    """Return a line without its ending, and without the mark that begins a record of a JSON sequence (RFC 7464)."""
    text = (line if isinstance(line, str) else _decoded(line)).rstrip("\r\n\0 ")
    return text[1:] if text[:1] == _RECORD else text


def _decoded(raw: bytes) -> str:
    """Decode UTF-8, or Latin-1, which accepts any octets."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
