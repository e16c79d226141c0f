"""Delivery status fields (RFC 3464, RFC 6533), in a part of their own or standing in plain text: what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from undeliverable._dsn.grammar import (
    ACTIONS,
    FIELD_LINE,
    HOST,
    RECIPIENT_FIELD,
    SUPPLEMENT,
    SUPPLEMENT_REPLY,
    TESTED,
)
from undeliverable._dsn.groups import Values, group_fields, whole_group
from undeliverable._smtp.grammar import STATUS_FIELD
from undeliverable._text.addresses import ADDRESS_TYPE, COMMENT, decode_octals, recipient_address, several_recipients
from undeliverable._text.dates import parse_date
from undeliverable._text.identity import is_same_address
from undeliverable.codes import StatusCode, find_status, status_of
from undeliverable.model import BLOCK_LIMIT, Action, Diagnostic, RecipientFacts, Reply, Witness, words_of
from undeliverable.model._made import make_evidence, make_facts

__all__ = ["FieldReading", "begin", "find", "is_test", "may_stand_in", "read", "read_one"]

_plain_name: Final = HOST.fullmatch

DiagnosticReader = Callable[[str, bool], tuple[Reply | None, bool]]
"""Reads the reply in a diagnostic's text, and whether it says that the queue gave up.

The second argument says whether the report is about one recipient alone."""


class FieldReading(NamedTuple):
    """The fields of one report.

    :ivar message: what the per-message fields say, as keywords of :class:`~undeliverable.model.MessageFacts`.
    :ivar recipients: the facts of each per-recipient group.
    """

    message: Mapping[str, Any]
    recipients: tuple[RecipientFacts, ...]


def read(text: str, part: str, remarks: list[str], read_reply: DiagnosticReader | None = None) -> FieldReading:
    """Return the fields in `text`, the body of a delivery-status part; line ends are LF.

    :param part: the path of the part, for evidence.
    :param remarks: gets what had to be guessed.
    :param read_reply: reads the reply that a ``Diagnostic-Code`` holds; without it that is left as it stands.
    """
    return _read_at(text, part, remarks, 0, read_reply)


def _read_at(
    text: str, part: str, remarks: list[str], offset: int, read_reply: DiagnosticReader | None
) -> FieldReading:
    groups = group_fields(text, remarks)
    alone = len(groups.recipients) == 1
    offsets = groups.offsets
    recipients: list[RecipientFacts] = []
    for group, at, end in zip(groups.recipients, offsets, [*offsets[1:], len(text)], strict=False):
        names = _names_in(group)
        facts = _facts(
            names[:1] + group[1:], text[at:end], part, offset + at, remarks, read_reply, alone=alone and not names[1:]
        )
        recipients += [facts, *(replace(facts, recipient=name) for name in names[1:])]
    return FieldReading(_message_facts(groups.message, text[: offsets[0]] if offsets else text), tuple(recipients))


def read_one(
    message: Values, values: Values, text: str, part: str, offset: int, read_reply: DiagnosticReader, remarks: list[str]
) -> tuple[dict[str, Any], RecipientFacts] | None:
    """Return what the fields of a message and its one recipient say, as `Groups` has them; None if they do not say who and what.

    :param text: all of them, those of the recipient from `offset` on.
    """
    whole = whole_group(values)
    if whole is None or len(_names_in(whole)) > 1:
        return None
    facts = _facts(whole, text[offset:], part, offset, remarks, read_reply, alone=True)
    return _message_facts(message, text[:offset]), facts


def _message_facts(values: Values, block: str) -> dict[str, Any]:
    reporting, received, arrival, envelope, queue = values
    found: dict[str, Any] = {"field_block": block[:BLOCK_LIMIT].strip()} if block else {}
    if reporting and (name := _mta_name(reporting)):
        found["reporting_mta"] = name
    if received and (name := _mta_name(received)):
        found["received_from_mta"] = name
    if arrival and (date := parse_date(arrival)):
        found["arrival_date"] = date
    if envelope:
        found["original_envelope_id"] = envelope
    if queue:
        found["queue_id"] = queue
    return found


# ----------------------------------------------------------------------------------------------------------------
# One group


def _facts(
    values: Values,
    block: str,
    part: str,
    offset: int,
    remarks: list[str],
    read_reply: DiagnosticReader | None,
    *,
    alone: bool,
) -> RecipientFacts:
    final, original, action_words, status_words, mta, diagnostic, attempt, until, actual = values
    recipient, first_recipient = _recipients(final, original, actual, remarks)
    action = None if action_words is None else ACTIONS.get(action_words) or _action(action_words, remarks)
    status = None if status_words is None else _status(status_words, remarks)
    kind, said = _diagnostic(diagnostic) if diagnostic else ("", "")
    if action is None and _is_success(status, kind, said) and not is_test(action_words):
        action = Action.DELIVERED
    reply, gave_up = read_reply(said, alone) if diagnostic and read_reply is not None else (None, False)
    if (reply is None or reply.code is None) and read_reply is not None and "upplementary-" in block:
        more = _supplement(block)
        if more is not None:
            reply, gave_up = read_reply(more, alone)
    words = diagnostic or status_words or action_words or ""
    return make_facts(
        Witness.FIELD,
        recipient=recipient,
        original_recipient=first_recipient,
        action=action,
        status=status,
        reply=reply,
        diagnostic=Diagnostic(kind, said) if diagnostic and (reply is None or reply.code is None) else None,
        remote_mta=None if mta is None else _mta_name(mta),
        # RFC 3464 2.3.3 and RFC 3463 3.5: a transient status of a recipient that failed means that the queue gave up.
        expired=gave_up
        or (action is Action.FAILED and status is not None and (status.class_ == 4 or _is_expiry(status))),
        last_attempt_date=None if attempt is None else parse_date(attempt),
        will_retry_until=None if until is None else parse_date(until),
        evidence=(make_evidence(Witness.FIELD, part, offset, words_of(words)),),
        field_block=block[:BLOCK_LIMIT].strip(),
    )


def _names_in(values: Values) -> tuple[str | None, ...]:
    """Return the value of the final recipient; where it names several, each of them."""
    final = values[0]
    several = several_recipients(final) if final is not None and ("," in final or final.count(";") > 1) else ()
    return tuple(several) or (final,)


def _recipients(
    stated_final: str | None, stated_original: str | None, actual: str | None, remarks: list[str]
) -> tuple[str | None, str | None]:
    """Return the final and the original recipient; where the first is missing, what stands in its place."""
    final = recipient_address(stated_final, remarks)
    if stated_original is None or (final is not None and stated_original in (f"rfc822;{final}", f"rfc822; {final}")):
        original = None
    else:
        original = recipient_address(stated_original, remarks, xtext=True)
    if final is None:
        final = original or recipient_address(actual, remarks)
    if original is not None and is_same_address(original, final):
        original = None  # nobody forwarded or renamed anything
    return final, original


def _supplement(block: str) -> str | None:
    """Return the reply in ``X-Supplementary-Info: <mx.example.org #5.1.1 smtp;550 5.1.1 ...>``, where gateways put it."""
    found = SUPPLEMENT.search(block)
    text = "" if found is None else " ".join(found[1].split())
    reply = SUPPLEMENT_REPLY.search(text)
    return None if reply is None else text[reply.start(1) :].rstrip("> ")


def _is_success(status: StatusCode | None, kind: str, said: str) -> bool:
    """Return whether a status, or where there is none a reply, is of class 2: who states no action says so."""
    if status is not None:
        return status.class_ == 2
    return kind == "smtp" and said[:1] == "2" and said[:3].isdecimal()


def is_test(action: str | None) -> bool:
    """Return whether an ``Action`` field is that of a test, after which nothing was sent (sendmail -bv)."""
    return action is not None and action.strip().lower() in TESTED


def _is_expiry(status: StatusCode) -> bool:
    return status.subject == 4 and status.detail == 7


def _action(value: str, remarks: list[str]) -> Action | None:
    """Return the action of a value that is not simply one."""
    words = value.lower().replace("(", " ").split()
    action = ACTIONS.get(words[0].strip(".;,")) if words else None
    if action is None and not is_test(value):
        remarks.append(f"Action {value[:60]!r} is none of RFC 3464 2.3.3")
    return action


def _status(value: str, remarks: list[str]) -> StatusCode | None:
    status = _status_in(value[:998])
    if status is None:
        remarks.append(f"Status {value[:60]!r} is no status code")
    return status


@lru_cache(maxsize=256)
def _status_in(value: str) -> StatusCode | None:
    """Return the code that `value` begins with; else one in it that stands alone."""
    match = STATUS_FIELD.match(value)
    return find_status(value) if match is None else status_of(match[1], match[2], match[3])


def _diagnostic(value: str) -> tuple[str, str]:
    """Return the type and the text (RFC 3464 2.3.6); lines of a reply stay apart, all other text is unfolded."""
    if "\\" in value:
        value = decode_octals(value)
    if value.startswith("smtp; "):
        return "smtp", value[6:].lstrip()
    typed = ADDRESS_TYPE.match(value)
    if typed is None:
        # A reply without its type is still a reply; words without one are the reporting server's own.
        return "smtp" if value[:1] in "245" and value[:3].isdecimal() else "", value
    kind = typed[1].lower()
    text = value[typed.end() :]
    return kind, text if kind == "smtp" or "\n" not in text else text.replace("\n", " ")


def _mta_name(value: str) -> str | None:
    """Return the name behind its type (RFC 3464 2.2.2), without comments, brackets' contents or a final dot."""
    name = value[value.find(";") + 1 :].strip()
    if _plain_name(name) is not None:
        return name
    if "(" in name:
        name = COMMENT.sub(" ", name).partition("(")[0]
    words = name.split(None, 1)
    return words[0].strip("<>").rstrip(".,:;") or None if words else None


# ----------------------------------------------------------------------------------------------------------------
# The same fields in plain text


def may_stand_in(text: str) -> bool:
    """Return whether it is worth while to :func:`find` fields in `text`."""
    return "-Recipient" in text or "-recipient" in text or "-RECIPIENT" in text  # lower() may take 12 times the text


def find(text: str, part: str, remarks: list[str], read_reply: DiagnosticReader | None = None) -> FieldReading | None:
    """Return the fields that stand in plain `text`, or None: a recipient with an action or a status must be among them.

    :param part: the path of the part, for evidence.
    :param remarks: gets a remark that there were fields outside a part of their own.
    :param read_reply: as for :func:`read`.
    """
    if not may_stand_in(text):
        return None
    match = RECIPIENT_FIELD.search(text)
    if match is None:
        return None
    start = _first_line(text, match.start())
    reading = _read_at(_field_lines(text, start, match[1]), part, [], start, read_reply)
    recipients = [facts for facts in reading.recipients if facts.recipient and (facts.action or facts.status)]
    if not recipients:
        return None
    remarks.append("delivery status fields were read from plain text")
    return reading


def begin(text: str) -> int:
    """Return where the fields that stand in plain `text` begin, or -1 if there are none."""
    match = RECIPIENT_FIELD.search(text)
    return -1 if match is None else _first_line(text, match.start())


def _first_line(text: str, at: int) -> int:
    """Return where the fields before `at` begin: upwards over lines that are fields, and over single blank ones."""
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
    """Return the lines from `start` on that belong to fields, without the margin of quoting or indentation."""
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
