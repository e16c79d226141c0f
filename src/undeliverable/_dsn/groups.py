"""Delivery status fields put into the groups of RFC 3464 2.1: one of the message, one per recipient.

Where blank lines stand between the groups and nowhere else, they say where a group begins. Real reports also leave out
blank lines, add some, and carry foreign text: then a group ends where a recipient's field comes a second time, or where
a whole new group follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from undeliverable._dsn.grammar import FIELD_BEGIN, MESSAGE_GROUP, RECIPIENT_GROUP
from undeliverable._text.lazy import lazy

__all__ = ["FIELD_LIMIT", "Groups", "Values", "group_fields", "whole_group"]

FIELD_LIMIT: Final = 65_536
"""Characters of one field that are read; a reply of RFC 5321 4.2.1 has lines of at most 512."""

# A field (RFC 5322 2.2) with its continuation lines (2.2.3), and what of it lies beyond the limit.
_LONG_FIELD: Final = lazy(
    rf"((?:\A|\n)[!-9;-~]++[ \t]*+:(?:[^\n]|\n[ \t]){{{FIELD_LIMIT}}}+)(?:[^\n]++|\n[ \t])++", re.ASCII
)
_LINE_BEGIN: Final = lazy(r"\n[^ \t]")  # one that continues no field

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
_MESSAGE_NAMES: Final = ("reporting-mta", "received-from-mta", "arrival-date", "original-envelope-id", "x-queue-id")
"""What the groups of MESSAGE_GROUP hold; below, those of RECIPIENT_GROUP."""
_RECIPIENT_NAMES: Final = (
    "final-recipient", "original-recipient", "action", "status", "remote-mta", "diagnostic-code", "last-attempt-date",
    "will-retry-until", "x-actual-recipient",
)  # fmt: skip
_KEPT: Final = frozenset(_RECIPIENT_NAMES)
_NAMES: Final = 100
"""Fields of a group; of further ones that nobody asks for not even the name is kept."""
# 2.3: at most one of each per recipient; a second one begins the next recipient's group.
_SINGLE: Final = frozenset(("original-recipient", "final-recipient", "action", "status"))
_WHAT: Final = frozenset(("action", "status"))
_WHO: Final = frozenset(("original-recipient", "final-recipient", "x-actual-recipient"))
_PIECE: Final = 32 * 1024

Values: TypeAlias = tuple[str | None, ...]
"""The values of a group's fields: those of the message in the order of _MESSAGE_NAMES, a recipient's in that of _RECIPIENT_NAMES."""
_Group: TypeAlias = dict[str, str]


class Groups(NamedTuple):
    """The fields of one report that are known.

    :ivar message: the values of the per-message fields.
    :ivar recipients: the values of each recipient's fields.
    :ivar offsets: where each recipient's group begins in the text.
    """

    message: Values
    recipients: list[Values]
    offsets: list[int]


class _Loose:
    """The groups by the fields' names, while they are sorted."""

    def __init__(self) -> None:
        self.late: tuple[int, int] | None = None  # where a recipient comes after the action, and after how many fields
        self.message: _Group = {}
        self.recipients: list[_Group] = []
        self.offsets: list[int] = []
        self.apart: list[bool] = []  # whether a blank line stands before it


def group_fields(text: str, remarks: list[str]) -> Groups:
    """Return the groups in `text`; what had to be guessed is appended to `remarks`."""
    if len(text) > FIELD_LIMIT and _may_be_long(text):
        text, cut = _LONG_FIELD.subn(r"\1", text)
        if cut:
            remarks.append(f"a field of more than {FIELD_LIMIT} characters was cut")
    return _standard_groups(text) or _any_groups(text, remarks)


def _may_be_long(text: str) -> bool:
    """Return whether a field may be beyond the limit: then no line begins for half of it somewhere."""
    half = FIELD_LIMIT // 2
    return any(_LINE_BEGIN.search(text, at, at + half) is None for at in range(0, len(text) - half, half))


# ----------------------------------------------------------------------------------------------------------------
# As RFC 3464 2.1 has it


def _standard_groups(text: str) -> Groups | None:
    """Return the groups as servers write them: known names in their usual spelling, blank lines only behind groups."""
    if text[-1:] != "\n":
        text += "\n"
    found = MESSAGE_GROUP.match(text)
    if found is None:  # pragma: no cover - the pattern matches the empty string
        return None
    message = found.groups()
    recipients: list[Values] = []
    offsets: list[int] = []
    at, size = found.end(), len(text)
    while at < size:
        found = RECIPIENT_GROUP.match(text, at)
        values = None if found is None else whole_group(found.groups())
        if found is None or values is None:
            return None
        recipients.append(values)
        offsets.append(at)
        at = found.end()
    return Groups(message, recipients, offsets)


def whole_group(values: Values) -> Values | None:
    """Return a recipient's fields, its lines stripped; None if they do not say who and what, or a line is empty."""
    final, original, action, status, mta, diagnostic, attempt, until, actual = values
    if not (final or original) or not (action or status):
        return None
    if diagnostic and "\n" in diagnostic:
        lines = [line.strip() for line in diagnostic.split("\n")]
        if "" in lines:
            return None
        return final, original, action, status, mta, "\n".join(lines), attempt, until, actual
    return values


# ----------------------------------------------------------------------------------------------------------------
# As it comes


def _any_groups(text: str, remarks: list[str]) -> Groups:
    groups = _Loose()
    text = "\n" + text
    first = FIELD_BEGIN.search(text)
    begin = len(text) if first is None else first.start()
    before = text[:begin].strip()
    if before:
        remarks.append(f"a line that is no field was passed over: {before[:60]!r}")
    _sort_fields(_each_field(text, begin), begin, groups, remarks)
    if len(groups.recipients) > 1:
        _mend(groups, remarks)
    message = groups.message
    queue = next((value for name, value in message.items() if value and name.endswith("-queue-id")), None)
    return Groups(
        (*map(message.get, _MESSAGE_NAMES[:-1]), queue),
        [tuple(map(group.get, _RECIPIENT_NAMES)) for group in groups.recipients],
        groups.offsets,
    )


def _each_field(text: str, at: int) -> Iterator[tuple[str, str, str]]:
    """Return the fields in `text` from the first one on, which begins at `at`; not all of a long text at once.

    For each its name with the line end before it and the colon, the name alone, and all up to the next field: its
    value, lines that continue it, blank lines.
    """
    while at < len(text):
        following = FIELD_BEGIN.search(text, at + _PIECE)
        end = len(text) if following is None else following.start()
        pieces = iter(FIELD_BEGIN.split(text[at:end]))
        next(pieces)  # before the first field stands nothing
        yield from zip(pieces, pieces, pieces, strict=True)
        at = end


def _sort_fields(fields: Iterable[tuple[str, str, str]], at: int, groups: _Loose, remarks: list[str]) -> None:
    """Put each field where it belongs.

    :param at: where the first of them begins.
    """
    group = message = groups.message
    fresh, doubtful, before = True, False, ""
    for head, found, raw in fields:
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
                begins = (name in group and name in _SINGLE) or (
                    fresh and (doubtful or _is_whole(group) or (name in _SINGLE and _is_left_over(groups)))
                )
            if begins:
                doubtful = not fresh  # perhaps foreign text; the next blank line ends it
                group = _begun(groups, name, at, fresh=fresh)
            elif name in _WHO and group is not message and _is_nobodys(group):
                groups.late = at, len(group)
            _put(group, name, value)
        fresh, before = blank, name
        at += len(head) + len(raw)


def _put(group: _Group, name: str, value: str) -> None:
    before = group.get(name)
    if name not in _KEPT and not name.endswith("-queue-id"):
        if len(group) < _NAMES:
            group[name] = ""
    elif before is None:
        group[name] = value
    elif len(before) < FIELD_LIMIT:  # the same field without end would take time that grows with its square
        group[name] = f"{before}\n{value}"


def _begun(groups: _Loose, name: str, at: int, *, fresh: bool) -> _Group:
    """Return a new group that the field `name` begins, or that a recipient began who came late in the last group.

    ``Action``, ``Status``, then a recipient, and ``Action`` again: that recipient's own, since 2.3 has the recipient first.
    """
    group: _Group = {}
    if groups.late is not None and not fresh and name in _WHAT:
        last, (begin, count) = groups.recipients[-1], groups.late
        names = list(last)[count:]
        if _WHAT.isdisjoint(names):
            at, group = begin, {name: last.pop(name) for name in names}
    groups.late = None
    groups.recipients.append(group)
    groups.offsets.append(at)
    groups.apart.append(fresh)
    return group


def _is_nobodys(group: _Group) -> bool:
    """Return whether `group` says what happened, but to no recipient."""
    return not _WHAT.isdisjoint(group) and _WHO.isdisjoint(group)


def _is_left_over(groups: _Loose) -> bool:
    """Return whether the last group is the end of the one before it: 2.3 has recipient, action and status first."""
    return len(groups.recipients) > 1 and _SINGLE.isdisjoint(groups.recipients[-1])


def _is_foreign(name: str) -> bool:
    """Return whether a line that begins with `name` and a colon behind a reply is more of the reply: ``See: ...``."""
    return name not in _RECIPIENT_FIELDS and not name.startswith("x-")


def _unfolded(value: str, name: str, remarks: list[str]) -> str:
    """Return `value` with its continuation lines (RFC 5322 2.2.3) stripped, but apart: they may be a reply's lines."""
    kept: list[str] = []
    for line in value.split("\n"):
        words = line.strip()
        if not words and kept:
            remarks.append(f"lines behind {name} that are no field were passed over")
            break
        if kept and line[0] not in " \t" and name != "diagnostic-code":
            if name.endswith("-recipient") and "@" in kept[0]:  # the address is there; this is a field that was cut
                remarks.append(f"lines behind {name} that are no field were passed over")
                break
            remarks.append(f"a line without a field name was taken to belong to {name}")
        kept.append(words)
    return "\n".join(kept)


def _is_whole(group: _Group) -> bool:
    """Return whether `group` names a recipient and says what happened."""
    return not _WHAT.isdisjoint(group) and not _WHO.isdisjoint(group)


def _mend(groups: _Loose, remarks: list[str]) -> None:
    """Join a group that is no whole one to the one before it: a stray blank line, or foreign text like a field.

    A final recipient alone is a group where a blank line stands before it, or where no group says what happened.
    """
    kept: list[tuple[_Group, int]] = []
    says_what = any(not _WHAT.isdisjoint(group) for group in groups.recipients)
    for group, at, apart in zip(groups.recipients, groups.offsets, groups.apart, strict=True):
        if not kept or _is_whole(group) or ((apart or not says_what) and "@" in group.get("final-recipient", "")):
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
    groups.recipients = [group for group, _ in kept]
    groups.offsets = [at for _, at in kept]
