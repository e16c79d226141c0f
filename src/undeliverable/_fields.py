"""Delivery status fields (RFC 3464, RFC 6533), in a part of their own or standing in plain text.

Real reports leave out blank lines, add some, write the fields in any order, and carry foreign text: a
``Diagnostic-Code`` holds what a remote server said, line ends included, and that can look like a field. So a group ends
where a recipient's field comes a second time and is followed by a whole new group, not at blank lines alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from undeliverable._addresses import decode_octals, recipient_address
from undeliverable._dates import parse_date
from undeliverable._evidence import words_of
from undeliverable._grammar import (
    ACTIONS,
    ADDRESS_TYPE,
    COMMENT,
    FIELD_BEGIN,
    FIELD_LINE,
    HOST,
    RECIPIENT_FIELD,
    STATUS_FIELD,
)
from undeliverable.codes import StatusCode, find_status, status_of
from undeliverable.model import Action, Diagnostic, Evidence, RecipientFacts, Reply, Witness

__all__ = ["FieldReading", "find", "read"]

# RFC 3464 2.2: the fields of the message as a whole; those of a recipient are in 2.3.
_MESSAGE_FIELDS: Final = frozenset(
    ("reporting-mta", "dsn-gateway", "received-from-mta", "arrival-date", "original-envelope-id")
)
_RECIPIENT_FIELDS: Final = frozenset(
    (
        "original-recipient",
        "final-recipient",
        "action",
        "status",
        "remote-mta",
        "diagnostic-code",
        "last-attempt-date",
        "final-log-id",
        "will-retry-until",
        "localized-diagnostic",  # RFC 8098 and RFC 6533 3
        "x-actual-recipient",
    )
)
# 2.3: at most one of each per recipient; a second one begins the next recipient's group.
_SINGLE: Final = frozenset(("original-recipient", "final-recipient", "action", "status"))
_split: Final = FIELD_BEGIN.split
_plain_name: Final = HOST.fullmatch

_Group = dict[str, str]
Heard = Callable[[Diagnostic, bool], tuple[Reply | None, bool]]
"""Reads the reply in a diagnostic, and whether it says that the queue gave up; told whether the report is about one
recipient alone."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """The fields of one report.

    :ivar message: the per-message fields, names in lower case, unknown ones included.
    :ivar recipients: the facts of each per-recipient group.
    :ivar groups: the fields of each per-recipient group as they stood, unknown ones included; same order.
    """

    message: Mapping[str, str]
    recipients: tuple[RecipientFacts, ...]
    groups: tuple[Mapping[str, str], ...] = ()

    def message_facts(self) -> dict[str, Any]:
        """The known per-message fields that are there, as keywords of :class:`~undeliverable.model.MessageFacts`."""
        fields = self.message
        found: dict[str, Any] = {
            "reporting_mta": _mta_name(fields.get("reporting-mta")),
            "received_from_mta": _mta_name(fields.get("received-from-mta")),
            "arrival_date": parse_date(fields.get("arrival-date", "")),
            "original_envelope_id": fields.get("original-envelope-id") or None,
            "queue_id": _queue_id(fields),
        }
        return {name: value for name, value in found.items() if value is not None}


def read(text: str, part: str, remarks: list[str], heard: Heard | None = None) -> FieldReading:
    """The fields in `text`, the body of a delivery-status part; line ends are LF.

    :param part: the path of the part, for evidence.
    :param remarks: gets what had to be guessed.
    :param heard: reads the reply that a ``Diagnostic-Code`` holds; without it that is left as it stands.
    """
    return _read_at(text, part, remarks, 0, heard)


def _read_at(text: str, part: str, remarks: list[str], offset: int, heard: Heard | None) -> FieldReading:
    message: _Group = {}
    groups: list[_Group] = []
    offsets: list[int] = []
    before, *pieces = _split("\n" + text)
    if before.strip():
        remarks.append(f"a line that is no field was passed over: {before.strip()[:60]!r}")
    _sort_fields(pieces, message, groups, offsets, remarks)
    if len(groups) > 1:
        _mend(groups, offsets, remarks)
    alone = len(groups) == 1
    recipients = [
        _facts(group, part, offset + at, remarks, heard, alone=alone) for group, at in zip(groups, offsets, strict=True)
    ]
    return FieldReading(message, tuple(recipients), tuple(groups))


def _sort_fields(
    pieces: list[str], message: _Group, groups: list[_Group], offsets: list[int], remarks: list[str]
) -> None:
    """Put each field where it belongs.

    :param pieces: for each field its name with the line end before it and the colon, the name alone, and all up to the
        next field: its value, lines that continue it, blank lines.
    """
    group: _Group = message
    fresh, doubtful, at, before = True, False, 0, ""
    for head, found, raw in zip(pieces[0::3], pieces[1::3], pieces[2::3], strict=True):
        name = found.lower()
        value = raw.rstrip()
        blank = len(raw) > len(value) and "\n" in raw[len(value) :]
        value = value.lstrip() if "\n" not in value else _unfolded(value, name, remarks)
        if name in _MESSAGE_FIELDS:
            message.setdefault(name, value)
        else:
            if group is message:
                begins = name in _RECIPIENT_FIELDS
            elif before == "diagnostic-code" and not fresh and _is_foreign(name):
                name, value, begins = before, f"{found}: {value}", False
            else:
                begins = (name in group and name in _SINGLE) or (fresh and (doubtful or _is_whole(group)))
            if begins:
                doubtful = not fresh  # perhaps foreign text; the next blank line ends it
                group = {}
                groups.append(group)
                offsets.append(at)
            group[name] = f"{group[name]}\n{value}" if name in group else value
        fresh, before = blank, name
        at += len(head) + len(raw)


def _is_foreign(name: str) -> bool:
    """Whether a line that begins with `name` and a colon behind a reply is more of the reply: ``See: ...``."""
    return name not in _RECIPIENT_FIELDS and not name.startswith("x-")


def _unfolded(value: str, name: str, remarks: list[str]) -> str:
    """`value` with its continuation lines (RFC 5322 2.2.3) stripped, but apart: they may be the lines of a reply."""
    kept: list[str] = []
    for line in value.split("\n"):
        words = line.strip()
        if not words and kept:
            remarks.append(f"lines behind {name} that are no field were passed over")
            break
        if kept and line[0] not in " \t" and name != "diagnostic-code":
            remarks.append(f"a line without a field name was taken to belong to {name}")
        kept.append(words)
    return "\n".join(kept)


def _is_whole(group: _Group) -> bool:
    """Whether `group` names a recipient and says what happened."""
    return ("action" in group or "status" in group) and (
        "final-recipient" in group or "original-recipient" in group or "x-actual-recipient" in group
    )


def _mend(groups: list[_Group], offsets: list[int], remarks: list[str]) -> None:
    """A group that is no whole one belongs to the one before it: a stray blank line, or foreign text like a field."""
    kept: list[tuple[_Group, int]] = []
    for group, at in zip(groups, offsets, strict=True):
        if not kept or _is_whole(group):
            kept.append((group, at))
            continue
        before = kept[-1][0]
        foreign = [name for name in group if name in before]
        for name, value in group.items():
            before.setdefault(name, value)
        remarks.append(
            f"fields repeated inside a group were ignored: {', '.join(foreign)}"
            if foreign
            else "a blank line inside a recipient's group of fields"
        )
    groups[:] = [group for group, _ in kept]
    offsets[:] = [at for _, at in kept]


# ----------------------------------------------------------------------------------------------------------------
# One group


def _facts(
    group: _Group, part: str, offset: int, remarks: list[str], heard: Heard | None, *, alone: bool
) -> RecipientFacts:
    get = group.get
    final, original = _recipients(group, remarks)
    action = _action(get("action"), remarks)
    status = _status(get("status"), remarks)
    diagnostic = get("diagnostic-code")
    attempt, until = get("last-attempt-date"), get("will-retry-until")
    words = diagnostic or get("status") or get("action") or ""
    said = None if diagnostic is None else _diagnostic(diagnostic)
    reply, gave_up = (None, False) if heard is None or said is None else heard(said, alone)
    return RecipientFacts(
        witness=Witness.FIELD,
        recipient=final,
        original_recipient=original,
        action=action,
        status=status,
        reply=reply,
        diagnostic=said if reply is None or reply.code is None else None,
        remote_mta=_mta_name(get("remote-mta")),
        # RFC 3464 2.3.3 and RFC 3463 3.5: a transient status of a recipient that failed means that the queue gave up.
        expired=gave_up
        or (action is Action.FAILED and status is not None and (status.class_ == 4 or _is_expiry(status))),
        last_attempt_date=None if attempt is None else parse_date(attempt),
        will_retry_until=None if until is None else parse_date(until),
        evidence=(Evidence(Witness.FIELD, part, offset, words_of(words)),),
    )


def _recipients(group: _Group, remarks: list[str]) -> tuple[str | None, str | None]:
    """The final and the original recipient; where the first is missing, what stands in its place."""
    final = recipient_address(group.get("final-recipient"), remarks)
    original = recipient_address(group.get("original-recipient"), remarks)
    if final is None:
        final = original or recipient_address(group.get("x-actual-recipient"), remarks)
    if original is not None and final is not None and original.lower() == final.lower():
        original = None  # nobody forwarded or renamed anything
    return final, original


def _is_expiry(status: StatusCode) -> bool:
    return status.subject == 4 and status.detail == 7


def _action(value: str | None, remarks: list[str]) -> Action | None:
    if value is None:
        return None
    action = ACTIONS.get(value)
    if action is None:
        words = value.lower().replace("(", " ").split()
        action = ACTIONS.get(words[0].strip(".;,")) if words else None
        if action is None:
            remarks.append(f"Action {value[:60]!r} is none of RFC 3464 2.3.3")
    return action


def _status(value: str | None, remarks: list[str]) -> StatusCode | None:
    if value is None:
        return None
    status = _status_in(value[:998])
    if status is None:
        remarks.append(f"Status {value[:60]!r} is no status code")
    return status


@lru_cache(maxsize=256)
def _status_in(value: str) -> StatusCode | None:
    """The code that `value` begins with; else one in it that stands alone."""
    match = STATUS_FIELD.match(value)
    return find_status(value) if match is None else status_of(match[1], match[2], match[3])


def _diagnostic(value: str) -> Diagnostic | None:
    """RFC 3464 2.3.6: a type and the text; lines of a reply stay apart, all other text is unfolded."""
    if not value:
        return None
    if "\\" in value:
        value = decode_octals(value)
    if value.startswith("smtp; "):
        return Diagnostic("smtp", value[6:].lstrip())
    typed = ADDRESS_TYPE.match(value)
    if typed is None:
        # A reply without its type is still a reply; words without one are the reporting server's own.
        return Diagnostic("smtp", value) if value[:1] in "245" and value[:3].isdecimal() else Diagnostic("", value)
    kind = typed[1].lower()
    text = value[typed.end() :]
    return Diagnostic(kind, text if kind == "smtp" or "\n" not in text else text.replace("\n", " "))


def _mta_name(value: str | None) -> str | None:
    """RFC 3464 2.2.2: the name behind its type, without comments, brackets' contents or a final dot."""
    if not value:
        return None
    type_, separator, name = value.partition(";")
    name = (name if separator else type_).strip()
    if _plain_name(name) is not None:
        return name
    if "(" in name:
        name = COMMENT.sub(" ", name).partition("(")[0]
    words = name.split(None, 1)
    return words[0].strip("<>").rstrip(".,:;") or None if words else None


def _queue_id(fields: Mapping[str, str]) -> str | None:
    """Extension fields (RFC 3464 2.4) name the queue: ``X-...-Queue-ID``."""
    for name, value in fields.items():
        if name.endswith("-queue-id") and value:
            return value
    return None


# ----------------------------------------------------------------------------------------------------------------
# The same fields in plain text


def find(text: str, part: str, remarks: list[str]) -> FieldReading | None:
    """The fields that stand in plain `text`, or None: a recipient with an action or a status must be among them.

    :param part: the path of the part, for evidence.
    :param remarks: gets a word that there were fields outside a part of their own.
    """
    if "ecipient" not in text:
        return None
    match = RECIPIENT_FIELD.search(text)
    if match is None:
        return None
    start = _first_line(text, match.start())
    reading = _read_at(_field_lines(text, start, match[1]), part, [], start, None)
    recipients = [facts for facts in reading.recipients if facts.recipient and (facts.action or facts.status)]
    if not recipients:
        return None
    remarks.append("delivery status fields were read from plain text")
    return reading


def _first_line(text: str, at: int) -> int:
    """Where the fields before `at` begin: upwards over lines that are fields, and over single blank ones."""
    start, blanks = at, 0
    while at > 0:
        begin = text.rfind("\n", 0, at - 1) + 1
        line = text[begin : at - 1]
        if FIELD_LINE.match(line.lstrip(" \t>")) is not None and not line.endswith(":"):
            start, blanks = begin, 0
        elif not line.strip(" \t>") and blanks == 0:
            blanks = 1
        else:
            break
        at = begin
    return start


def _field_lines(text: str, start: int, margin: str) -> str:
    """The lines from `start` on that belong to fields, without the margin of quoting or indentation."""
    kept: list[str] = []
    name, blank = "", False
    width = len(margin)
    for raw in text[start:].split("\n"):
        line = raw[width:] if width and raw.startswith(margin) else raw
        if not line.strip(" \t>"):
            blank = True
            kept.append("")
            continue
        field = FIELD_LINE.match(line)
        if field is not None:
            name = field[1].lower()
        elif blank or (line[0] not in " \t" and name != "diagnostic-code"):
            break
        blank = False
        kept.append(line)
    return "\n".join(kept)
