"""Attribute replies to recipients in a text whose order is not known.

A described format says where the words about a recipient stand. Unknown text has any order: the reply after the
address, or before it, all addresses first and all replies below, one reply for them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from undeliverable._text.addresses import addresses_in
from undeliverable._text.lazy import lazy

__all__ = [
    "ROLES",
    "Draft",
    "LooseReply",
    "assign",
    "named_by",
    "named_in",
    "share",
    "shorten",
    "without_helpers",
    "without_roles",
]


# RFC 2142, and other names of such mailboxes.
ROLES: Final = frozenset((
    "abuse", "admin", "administrator", "help", "helpdesk", "hostmaster", "info", "it", "mail", "mailmaster", "noc", "postmaster", "security",
    "service", "servicedesk", "support", "webmaster",
))  # fmt: skip
SAID_LIMIT: Final = 2048
"""Characters that are kept of the words about one of several recipients, since they may be about all of them."""
ALONE_LIMIT: Final = 65_536
"""Characters that are kept of the words about the only recipient, as of one field."""
# An address in a reply that is not the recipient's: the sender's, or one to write to.
_NOT_RECIPIENT: Final = lazy(
    r"\b(?i:sender|from|contact|contacting|write to|ask|mail us at)(?: address)?[:=]? ?[<\"'(\[]?[^\s<>\"']{1,64}@[^\s<>\"']{1,255}"
    r"|<[^\s<>\"']{1,64}@[^\s<>\"']{1,255}>:? (?i:sender)"
)


class Draft:
    """What has been read of one recipient so far.

    :ivar is_own: whether its reply stands on its own line, and so is about nobody else.
    """

    __slots__ = ("end", "facts", "is_own", "pattern", "reply", "start", "words")

    def __init__(self, start: int, end: int, pattern: str | None = None) -> None:
        self.start = start
        self.end = end
        self.pattern = pattern
        self.facts: dict[str, str] = {}
        self.words: list[str] = []
        self.reply: list[str] | None = None
        self.is_own = False


class LooseReply:
    """A reply on a line of its own.

    :ivar after: how many recipients were named above it.
    :ivar lines: its lines.
    """

    __slots__ = ("after", "end", "lines", "start")

    def __init__(self, after: int, line: str, start: int, end: int) -> None:
        self.after = after
        self.lines = [line]
        self.start = start
        self.end = end


def shorten(drafts: Iterable[Draft], replies: Iterable[LooseReply], limit: int) -> None:
    """Keep the beginning of all words and replies, so that time and memory grow with the recipients alone."""
    for draft in drafts:
        _cut(draft.words, limit)
        _cut(draft.reply or [], limit)
    for loose in replies:
        _cut(loose.lines, limit)


def _cut(lines: list[str], room: int) -> None:
    for number, line in enumerate(lines, 1):
        room -= len(line)
        if room <= 0:
            del lines[number:]
            return


def share(drafts: list[Draft]) -> None:
    """Give what stands below several recipients to all of them."""
    for draft, following in zip(drafts[-2::-1], drafts[:0:-1], strict=True):
        if not draft.reply and not draft.words:
            draft.reply, draft.words = following.reply, following.words
            draft.facts = {**following.facts, **draft.facts}


def assign(drafts: list[Draft], replies: Iterable[LooseReply], shared: Draft) -> None:
    """Give each reply to the recipient that it names; otherwise to one by the order in which they stand.

    :param shared: gets what stands above all recipients.
    """
    by_name = {draft.facts.get("recipient", "").lower(): draft for draft in reversed(drafts)}
    left: list[LooseReply] = []
    for loose in replies:
        named = [by_name[name.lower()] for name in named_in(loose) if name.lower() in by_name]
        for draft in named[:1]:
            _give(draft, loose)
        if not named:
            left.append(loose)
    _put_first(drafts, left)
    _assign_in_order(drafts, left, shared)
    _share_below(drafts)


def _put_first(drafts: list[Draft], left: list[LooseReply]) -> None:
    """Read a reply above all addresses that names another one: those below are addresses to write to."""
    above = [loose for loose in left if not loose.after]
    if not drafts or len(above) != 1 or len(left) != 1 or any(draft.reply or draft.words for draft in drafts):
        return
    names = set(named_in(above[0]))
    if len(names) == 1:
        drafts[:] = [Draft(above[0].start, above[0].end)]
        drafts[0].facts["recipient"] = names.pop()


def _assign_in_order(drafts: list[Draft], left: list[LooseReply], shared: Draft) -> None:
    count = len(drafts)
    order = [loose.after for loose in left]
    if count > 1 and order in (list(range(count)), [count] * count):  # each before its recipient; or all below all
        for draft, loose in zip(drafts, left, strict=True):
            _give(draft, loose)
        return
    if count > 1 and set(order) == {count} and len({loose.lines[0][:3] for loose in left}) > 1:
        return  # several replies, all below: which recipient each belongs to is not known
    for loose in left:
        _give(drafts[loose.after - 1] if loose.after else shared, loose)


def _share_below(drafts: list[Draft]) -> None:
    """Give what stands below recipients that follow each other to all of them, unless it names one."""
    for draft, following in zip(drafts[-2::-1], drafts[:0:-1], strict=True):
        name = following.facts.get("recipient", "").lower()
        if following.is_own:
            continue
        if not draft.reply and not draft.words and name not in "\n".join(following.reply or ()).lower():
            draft.reply, draft.words = following.reply, following.words


def _give(draft: Draft, loose: LooseReply) -> None:
    if not draft.reply:
        draft.reply = loose.lines


def without_helpers(drafts: list[Draft], sender: str) -> list[Draft]:
    """Return the recipients without the addresses to write to.

    These are roles at the reporter's own domain, and all that stand behind the last address with a reply or words: in a
    signature, a footer or a quotation.

    :param sender: the ``From`` of the report.
    """
    domain = domain_of(sender)
    explained = [number for number, draft in enumerate(drafts, 1) if draft.reply or draft.words or len(draft.facts) > 1]
    named = drafts[: explained[-1]] if explained else drafts
    return [draft for draft in named if draft.reply or draft.words or not _is_helper(draft, domain)]


def _is_helper(draft: Draft, domain: str) -> bool:
    local, _, host = draft.facts.get("recipient", "").lower().strip("<>.").rpartition("@")
    return local in ROLES and bool(domain) and (host == domain or f".{domain}".endswith(f".{host}"))


def named_by(replies: Iterable[LooseReply], sender: str) -> list[Draft]:
    """Return the recipients that replies name, if each names only one; asked if nothing else names any.

    :param sender: the ``To`` of the report: whoever sent the returned message is no recipient.
    """
    drafts: dict[str, Draft] = {}
    readers = {address.lower() for address in addresses_in(sender)}
    for loose in replies:
        names = {name.lower(): name for name in named_in(loose) if name.lower() not in readers}
        for key, name in names.items() if len(names) == 1 else ():
            if key not in drafts:
                draft = drafts[key] = Draft(loose.start, loose.end)
                draft.facts["recipient"], draft.reply = name, loose.lines
    return list(drafts.values())


def without_roles(drafts: list[Draft], sender: str) -> list[Draft]:
    """Return the recipients without roles at the domain of `sender`, the ``From`` of the report."""
    domain = domain_of(sender)
    return [draft for draft in drafts if not _is_helper(draft, domain)]


def domain_of(sender: str) -> str:
    """Return the domain of the address in a ``From``, in lower case."""
    return sender.lower().rpartition("@")[2].partition(">")[0].partition(" ")[0]


def named_in(loose: LooseReply) -> list[str]:
    """Return the addresses that a reply may be about."""
    said = _NOT_RECIPIENT.sub("", " ".join(loose.lines)[:998])
    return [address.strip("<>") for address in addresses_in(said)]
