"""Delivery status fields (RFC 3464, RFC 6533), in a part of their own or standing in plain text.

Real reports leave out blank lines, add some, write the fields in any order, and carry foreign text: a
``Diagnostic-Code`` holds what a remote server said, line ends included, and that can look like a field. So a group ends
where a recipient's field comes a second time and is followed by a whole new group, not at blank lines alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from undeliverable._addresses import parse_address
from undeliverable._dates import parse_date
from undeliverable._evidence import words_of
from undeliverable._grammar import (
    ACTIONS,
    ADDRESS_TYPE,
    COMMENT,
    FIELD_LINE,
    OCTAL_RUN,
    RECIPIENT_FIELD,
    STATUS_FIELD,
)
from undeliverable.codes import StatusCode, find_status, status_of
from undeliverable.model import Action, Diagnostic, Evidence, RecipientFacts, Witness

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
_NAMES: Final = ("final-recipient", "original-recipient", "x-actual-recipient")

_Group = dict[str, str]


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


def read(text: str, part: str, remarks: list[str]) -> FieldReading:
    """The fields in `text`, the body of a delivery-status part; line ends are ``\\n``.

    :param part: the path of the part, for evidence.
    :param remarks: gets what had to be guessed.
    """
    return _read_at(text, part, remarks, 0)


class _Line(NamedTuple):
    """One field, unfolded; ``fresh`` where a blank line stands before it."""

    name: str
    value: str
    offset: int
    fresh: bool


def _read_at(text: str, part: str, remarks: list[str], offset: int) -> FieldReading:
    message: _Group = {}
    groups: list[_Group] = []
    offsets: list[int] = []
    _sort_fields(_fields_of(text, remarks), message, groups, offsets, remarks)
    recipients = [
        _facts(group, part, offset + at, remarks) for group, at in zip(groups, offsets, strict=True)
    ]
    return FieldReading(message, tuple(recipients), tuple(groups))


def _fields_of(text: str, remarks: list[str]) -> Iterator[_Line]:
    """The fields in order, unfolded: continuation lines (RFC 5322 2.2.3) stay apart by a line end."""
    name, value, start, fresh = "", "", 0, True
    blank, at = True, 0
    for line in text.split("\n"):
        here = at
        at += len(line) + 1
        if not line or line.isspace():
            blank = True
            continue
        if line[0] in " \t" and name and not blank:
            value = f"{value}\n{line.strip()}"
            continue
        field = FIELD_LINE.match(line.lstrip() if blank else line)
        if field is None:
            if name and not blank:
                value = f"{value}\n{line.strip()}"
                if name != "diagnostic-code":
                    remarks.append(f"a line without a field name was taken to belong to {name}")
            continue
        if name:
            yield _Line(name, value, start, fresh)
        name, value, start, fresh = field[1].lower(), line.partition(":")[2].strip(), here, blank
        blank = False
    if name:
        yield _Line(name, value, start, fresh)


def _sort_fields(
    lines: Iterator[_Line], message: _Group, groups: list[_Group], offsets: list[int], remarks: list[str]
) -> None:
    """Put each field where it belongs."""
    group = message
    for line in lines:
        name = line.name
        if name in _MESSAGE_FIELDS:
            message.setdefault(name, line.value)
            continue
        if group is message:
            begins = name in _RECIPIENT_FIELDS
        else:
            begins = (line.fresh and _is_whole(group)) or (name in _SINGLE and name in group)
        if begins:
            group = {}
            groups.append(group)
            offsets.append(line.offset)
        if name in group:
            group[name] = f"{group[name]}\n{line.value}" if name not in _SINGLE else group[name]
        else:
            group[name] = line.value
    _mend(groups, offsets, remarks)


def _is_whole(group: _Group) -> bool:
    """Whether `group` names a recipient and says what happened."""
    return ("action" in group or "status" in group) and any([name in group for name in _NAMES])


def _mend(groups: list[_Group], offsets: list[int], remarks: list[str]) -> None:
    """A group that is no whole one belongs to the one before it: a stray blank line, or foreign text like a field."""
    if len(groups) < 2 or all([_is_whole(group) for group in groups]):
        return
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


def _facts(group: _Group, part: str, offset: int, remarks: list[str]) -> RecipientFacts:
    get = group.get
    original = get("original-recipient")
    recipient = next((found for name in _NAMES if (found := parse_address(get(name), remarks))), None)
    action = _action(get("action"), remarks)
    status = _status(get("status"), remarks)
    diagnostic = get("diagnostic-code")
    attempt, until = get("last-attempt-date"), get("will-retry-until")
    words = diagnostic or get("status") or get("action") or ""
    return RecipientFacts(
        witness=Witness.FIELD,
        recipient=None if recipient is None else recipient.address,
        original_recipient=_original(original, remarks),
        action=action,
        status=status,
        diagnostic=_diagnostic(diagnostic),
        remote_mta=_mta_name(get("remote-mta")),
        # RFC 3464 2.3.3 and RFC 3463 3.5: a transient status of a recipient that failed means that the queue gave up.
        expired=action is Action.FAILED and status is not None and (status.class_ == 4 or _is_expiry(status)),
        last_attempt_date=None if attempt is None else parse_date(attempt),
        will_retry_until=None if until is None else parse_date(until),
        evidence=(Evidence(Witness.FIELD, part, offset, words_of(words)),),
    )


def _original(value: str | None, remarks: list[str]) -> str | None:
    address = parse_address(value, remarks) if value else None
    return None if address is None else address.address


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
    match = STATUS_FIELD.match(value)
    if match is not None:
        return status_of(match[1], match[2], match[3])
    status = find_status(value[:998])
    if status is None:
        remarks.append(f"Status {value[:60]!r} is no status code")
    return status


def _diagnostic(value: str | None) -> Diagnostic | None:
    """RFC 3464 2.3.6: a type and the text; lines of a reply stay apart, all other text is unfolded."""
    if not value:
        return None
    if "\\" in value:
        value = OCTAL_RUN.sub(_octets, value)
    typed = ADDRESS_TYPE.match(value)
    if typed is None:
        # A reply without its type is still a reply; words without one are the reporting server's own.
        return Diagnostic("smtp", value) if value[:1] in "245" and value[:3].isdecimal() else Diagnostic("", value)
    kind = typed[1].lower()
    text = value[typed.end() :]
    return Diagnostic(kind, text if kind == "smtp" or "\n" not in text else text.replace("\n", " "))


def _octets(match: Any) -> str:
    """A run of octal escapes as the UTF-8 that it spells, or as it stood."""
    run: str = match[0]
    try:
        return bytes(int(digits, 8) for digits in run[1:].split("\\")).decode()
    except UnicodeDecodeError:
        return run


def _mta_name(value: str | None) -> str | None:
    """RFC 3464 2.2.2: the name behind its type, without comments, brackets' contents or a final dot."""
    if not value:
        return None
    name = value.partition(";")[2] or value
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
    reading = _read_at(_field_lines(text, start, match[1]), part, [], start)
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
