"""What has been read of the recipients of a notice so far, and whose a reply is in a text of which nobody knows the order.

A described format says where the words about a recipient stand. Unknown text is of every order: the reply after the
address, or before it, all addresses first and all replies below, one reply for them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from undeliverable._text.addresses import addresses_in
from undeliverable._text.lazy import lazy

__all__ = ["Draft", "Heard", "assign", "named_by", "share", "shorten", "without_helpers"]


# RFC 2142, and what else such mailboxes are called.
_ROLES: Final = frozenset((
    "abuse", "admin", "administrator", "help", "helpdesk", "hostmaster", "info", "it", "mail", "mailmaster", "noc", "postmaster", "security",
    "service", "servicedesk", "support", "webmaster",
))  # fmt: skip
SAID_LIMIT: Final = 2048
"""Characters that are kept of what is said of one of several recipients: it may be said of all of them."""
# An address in a reply that is not the recipient's: the sender's, or that of whom to ask.
_NOT_RECIPIENT: Final = lazy(
    r"\b(?i:sender|from|contact|contacting|write to|ask|mail us at)(?: address)?[:=]? ?[<\"'(\[]?[^\s<>\"']{1,64}@[^\s<>\"']{1,255}"
    r"|<[^\s<>\"']{1,64}@[^\s<>\"']{1,255}>:? (?i:sender)"
)


class Draft:
    """What has been read of one recipient so far."""

    __slots__ = ("end", "facts", "pattern", "reply", "start", "words")

    def __init__(self, start: int, end: int, pattern: str | None = None) -> None:
        self.start = start
        self.end = end
        self.pattern = pattern
        self.facts: dict[str, str] = {}
        self.words: list[str] = []
        self.reply: list[str] | None = None  # as long as there is none


class Heard:
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


def shorten(drafts: Iterable[Draft], replies: Iterable[Heard]) -> None:
    """Keep the beginning of all that is said, so that time and memory grow with the recipients and not with both."""
    for draft in drafts:
        _cut(draft.words)
        _cut(draft.reply or [])
    for heard in replies:
        _cut(heard.lines)


def _cut(lines: list[str]) -> None:
    room = SAID_LIMIT
    for number, line in enumerate(lines, 1):
        room -= len(line)
        if room <= 0:
            del lines[number:]
            return


def share(drafts: list[Draft]) -> None:
    """What was said below several recipients is said of all of them."""
    for draft, following in zip(drafts[-2::-1], drafts[:0:-1], strict=True):
        if not draft.reply and not draft.words:
            draft.reply, draft.words = following.reply, following.words
            draft.facts = {**following.facts, **draft.facts}


def assign(drafts: list[Draft], replies: Iterable[Heard], shared: Draft) -> None:
    """Give each reply to the recipient that it names; else to one by the order in which they stand.

    :param shared: gets what stands above all recipients.
    """
    by_name = {draft.facts.get("recipient", "").lower(): draft for draft in reversed(drafts)}
    left: list[Heard] = []
    for heard in replies:
        named = [by_name[name.lower()] for name in _addresses(heard) if name.lower() in by_name]
        for draft in named[:1]:
            _give(draft, heard)
        if not named:
            left.append(heard)
    _put_first(drafts, left)
    _assign_in_order(drafts, left, shared)
    _share_silence(drafts)


def _put_first(drafts: list[Draft], left: list[Heard]) -> None:
    """Where a reply above all addresses names one that does not stand below, those below are whom to ask."""
    above = [heard for heard in left if not heard.after]
    if not drafts or len(above) != 1 or len(left) != 1 or any(draft.reply or draft.words for draft in drafts):
        return
    names = set(_addresses(above[0]))
    if len(names) == 1:
        drafts[:] = [Draft(above[0].start, above[0].end)]
        drafts[0].facts["recipient"] = names.pop()


def _assign_in_order(drafts: list[Draft], left: list[Heard], shared: Draft) -> None:
    count = len(drafts)
    order = [heard.after for heard in left]
    if count > 1 and order in (list(range(count)), [count] * count):  # each before its recipient; or all below all
        for draft, heard in zip(drafts, left, strict=True):
            _give(draft, heard)
        return
    if count > 1 and set(order) == {count} and len({heard.lines[0][:3] for heard in left}) > 1:
        return  # other replies than recipients, all below: whose each is cannot be told
    for heard in left:
        _give(drafts[heard.after - 1] if heard.after else shared, heard)


def _share_silence(drafts: list[Draft]) -> None:
    """What was said below recipients that follow each other is said of all of them, unless it names one."""
    for draft, following in zip(drafts[-2::-1], drafts[:0:-1], strict=True):
        name = following.facts.get("recipient", "").lower()
        if not draft.reply and not draft.words and name not in "\n".join(following.reply or ()).lower():
            draft.reply, draft.words = following.reply, following.words


def _give(draft: Draft, heard: Heard) -> None:
    if not draft.reply:
        draft.reply = heard.lines


def without_helpers(drafts: list[Draft], sender: str) -> list[Draft]:
    """The recipients but for those of whom nothing is said and who are to be asked.

    These are roles at the reporter's own domain, and all who stand behind the last one of whom something is said: in a
    signature, a footer or a quotation.

    :param sender: the ``From`` of the notice.
    """
    domain = sender.lower().rpartition("@")[2].partition(">")[0].partition(" ")[0]
    told = [number for number, draft in enumerate(drafts, 1) if draft.reply or draft.words or len(draft.facts) > 1]
    named = drafts[: told[-1]] if told else drafts
    return [draft for draft in named if draft.reply or draft.words or not _is_helper(draft, domain)]


def _is_helper(draft: Draft, domain: str) -> bool:
    local, _, host = draft.facts.get("recipient", "").lower().strip("<>.").rpartition("@")
    return local in _ROLES and bool(domain) and (host == domain or f".{domain}".endswith(f".{host}"))


def named_by(replies: Iterable[Heard], sender: str) -> list[Draft]:
    """The recipients that replies name, each its only one, where nothing else names any.

    :param sender: the ``To`` of the notice: who sent the returned message received none.
    """
    drafts: dict[str, Draft] = {}
    readers = {address.lower() for address in addresses_in(sender)}
    for heard in replies:
        names = {name.lower(): name for name in _addresses(heard) if name.lower() not in readers}
        for key, name in names.items() if len(names) == 1 else ():
            if key not in drafts:
                draft = drafts[key] = Draft(heard.start, heard.end)
                draft.facts["recipient"], draft.reply = name, heard.lines
    return list(drafts.values())


def _addresses(heard: Heard) -> list[str]:
    """Whom a reply may be about."""
    said = _NOT_RECIPIENT.sub("", " ".join(heard.lines)[:998])
    return [address.strip("<>") for address in addresses_in(said)]
