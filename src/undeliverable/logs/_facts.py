"""Facts of log lines: the texts found in a line or record become facts about its recipients.

A line quotes the remote server's reply or has the logging server's own words, and sometimes names the command that was
replied to. These are distinguished here, so that the judge sees a reply only if a server sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from undeliverable._knowledge.log_shapes import LineShape, outcome_of
from undeliverable._smtp.commands import named_command
from undeliverable._smtp.replies import answered_command, is_expired, parse_reply
from undeliverable._text.addresses import decode_octals
from undeliverable.codes import StatusCode
from undeliverable.logs._frames import Frame, dated
from undeliverable.logs._records import Record
from undeliverable.model import (
    Action,
    Command,
    Diagnostic,
    Protocol,
    RecipientFacts,
    Reply,
    Witness,
    words_of,
)
from undeliverable.model._made import make_evidence, make_facts

__all__ = ["Entry", "date_of", "facts_of", "line_entry", "record_entry"]

_LONGEST: Final = 16_384  # characters of a reply that are read, the same as of a line
_LMTP: Final = "/lmtp"  # what Postfix' LMTP client calls itself: postfix/lmtp
_HEAD: Final = 24  # characters of a reply that are searched for to find the text before it


class Entry(NamedTuple):
    """One line about a delivery.

    :ivar name: the software that wrote it.
    :ivar found: the facts, as texts by name.
    :ivar own: whether all its text is the logging server's own.
    :ivar idle: whether no delivery was attempted.
    :ivar waits: whether the line counts only for a recipient that waits.
    """

    name: str
    pattern: str
    action: Action
    found: Mapping[str, str]
    frame: Frame
    own: bool = False
    expired: bool = False
    idle: bool = False
    expired_words: tuple[str, ...] = ()
    record: Record | None = None
    waits: bool = False


def line_entry(shape: LineShape, found: dict[str, str], frame: Frame) -> Entry | None:
    """Return the entry of a line of `shape`, or None if its outcome is not that of a delivery."""
    action = shape.action or outcome_of(shape.outcomes, found.get("outcome") or found.get("code", ""))
    if action is None:
        return None
    if "code" in found and "reply" not in found:
        found["text"] = f"{found['code']} {found.get('text', '')}".rstrip()
    if shape.command:
        found.setdefault("command", shape.command)
    for key in ("text", "reply"):
        if key in found:
            for pattern, instead in shape.unescape:
                found[key] = pattern.sub(instead, found[key])
    expired = shape.expired or "expired" in found
    return Entry(
        shape.name,
        shape.id,
        action,
        found,
        frame,
        own=shape.own_words,
        expired=expired,
        idle=shape.idle,
        expired_words=shape.expired_words,
        waits=shape.waits,
    )


def record_entry(record: Record, frame: Frame) -> Entry:
    """Return the entry of a JSON or CSV record."""
    found = record.found
    return Entry(
        record.shape.name,
        f"{record.shape.name}.record",
        record.action,
        found,
        frame,
        own="words" in found,
        expired="expired" in found,
        record=record,
    )


def date_of(entry: Entry) -> datetime | None:
    """Return the date of an entry, or None if the line has none with a year."""
    text = entry.found.get("date")
    if text is None:
        return entry.frame.date
    return dated(text) or entry.frame.date


def facts_of(entry: Entry) -> tuple[RecipientFacts, ...]:
    """Return the facts about each recipient that the line names, or about one unnamed recipient if it names none."""
    found = entry.found
    reply, diagnostic, status, command = _answer(entry)
    own = diagnostic.text if diagnostic is not None else ""
    stated = found.get("status")
    field = None if stated is None else _status(stated)
    expired = entry.action is Action.FAILED and (entry.expired or _gave_up(entry, own))
    evidence = (make_evidence(Witness.LOG, "", 0, words_of(entry.frame.body), entry.pattern),)
    return tuple(
        make_facts(
            Witness.LOG,
            recipient=name,
            original_recipient=_other(found.get("original_recipient"), name),
            action=entry.action,
            status=field or status,
            reply=reply,
            diagnostic=diagnostic,
            command=command,
            remote_mta=_host(found.get("remote_mta")),
            expired=expired,
            last_attempt_date=None if entry.idle else date_of(entry),
            evidence=evidence,
            protocol=Protocol.LMTP if entry.frame.program.endswith(_LMTP) else None,
        )
        for name in _recipients(found)
    )


class _Answer(NamedTuple):
    """A remote server's reply, or the logging server's own words and their status; and the command replied to."""

    reply: Reply | None
    words: Diagnostic | None
    status: StatusCode | None
    command: Command | None


def _answer(entry: Entry) -> _Answer:
    found = entry.found
    text = decode_octals((found.get("reply") or found.get("text") or "")[:_LONGEST])
    command = _named_command(found)
    if not text:
        return _Answer(None, None, None, command)
    reply = parse_reply(text, command)
    if reply.code is None or entry.own:
        command = command or reply.command or answered_command(text)
        return _Answer(None, Diagnostic("", reply.text), reply.status, command)
    if reply.command is None:
        at = text.find(reply.text[:_HEAD])
        command = answered_command(text[:at]) if at > 0 else None
        if command is not None:
            reply = Reply(reply.code, reply.status, reply.text, command)
    return _Answer(reply, None, None, reply.command)


def _named_command(found: Mapping[str, str]) -> Command | None:
    """Return the command that was replied to, from a record's field or from the words before the reply."""
    named = found.get("command")
    if named is not None:
        return named_command(named)
    words = found.get("words")
    return None if words is None else answered_command(words)


def _gave_up(entry: Entry, own: str) -> bool:
    return bool(own) and (is_expired(own) or any(words in own for words in entry.expired_words))


def _recipients(found: Mapping[str, str]) -> list[str | None]:
    several = found.get("recipients")
    if several is not None:
        names = [name for part in several.split(",") if (name := part.strip().strip("<>"))]
        return list(dict.fromkeys(names)) or [None]
    return [found.get("recipient") or found.get("alias") or None]


def _other(name: str | None, recipient: str | None) -> str | None:
    return None if name is None or name == recipient else name


def _host(text: str | None) -> str | None:
    host = None if text is None else text.partition(" ")[0].rstrip(".")
    return host if host and "." in host else None


def _status(text: str) -> StatusCode | None:
    try:
        return StatusCode.parse(text.partition(" ")[0])
    except ValueError:
        return None
