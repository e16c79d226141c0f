"""Doubt what a phrase seems to say of the recipient, by the concepts around it.

A phrase such as "does not exist" condemns an address whatever it is said of. Three questions are asked of a reply that a
built-in wording takes for a fault of the recipient. Is it about somebody else alone: "the from address does not
match"? Does it name another cause as well, so that it names none: "user unknown or mailbox full"? And does it deny what the
wording found: "the account is not blocked"?
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from undeliverable._rules.clauses import sentences, without
from undeliverable._rules.concept_names import NOT
from undeliverable._rules.concepts import Concepts
from undeliverable._rules.form import Form
from undeliverable._rules.frames import parts
from undeliverable._rules.links import unnamed
from undeliverable._rules.rule import Rule, all_stand_in, one_stands_in
from undeliverable._text.lazy import lazy
from undeliverable.model import Command
from undeliverable.reasons import Fault, Reason

__all__ = ["TRIED", "alternative", "apart_of", "by_codes", "condemns", "denied", "is_scattered", "noun", "unasked"]

_RECIPIENT: Final = frozenset(("recipient", "recipients", "domain"))
_OTHERS: Final = ("sender", "client", "content", "spam", "virus", "authentication", "tls", "reverse_dns")
"""Of these nothing is said that a recipient could be blamed for."""
_PERSONS: Final = frozenset(("recipient", "recipients", "list"))
_WHOSE: Final = ("sender", "client")
"""Whose domain a reply is about that speaks of one of these, and of no recipient."""
_OF_SYNTAX: Final = range(500, 505)  # RFC 5321 4.2.2: of a command or its argument
_PROTOCOL: Final = 5  # RFC 3463 3.6: X.5.x is about the protocol; X.5.0 is said of anything
_ADDRESSING: Final = 1  # RFC 3463 3.2
_NAMED: Final = ("<", "recipient", "rcpt")  # that is not the submitter's
_LOGIN_CODES: Final = frozenset((534, 535, 538))  # RFC 4954 6
_LOGIN: Final = frozenset(((7, 8), (7, 9), (7, 11), (7, 12)))  # RFC 4954 6 and RFC 5248 2.4: of who submits the message
_SUBMITTER: Final = (7, 13)  # RFC 5248 2.4: the account of whoever submits the message is disabled
TRIED: Final = ("lookup", "connection")
"""What says nothing of the recipient if it failed."""
_DOWN: Final = frozenset(("host", "unavailable"))
_FAILED: Final = frozenset(("failed", "unavailable", "expired"))
_ASIDE: Final = frozenset(("directory", "exceeded"))
_ANY_OTHER: Final = frozenset((*_OTHERS, *TRIED, "host", *_ASIDE))
_OF_ADDRESS: Final = frozenset(("unknown", "disabled", "moved", "malformed"))
_NOT: Final = frozenset((NOT,))
_NONE: Final[frozenset[str]] = frozenset()
_TOGETHER: Final = 2  # lists of words, of each of which one has to stand in a reply
_CLOSED: Final = ("disabled", "blocked", "expired")
"""What a reply says of a mailbox that is closed."""
_OF_OTHERS: Final = frozenset(("full", "exceeded", "refused", "blocked", "reputation", "spam", "virus", "greylisted"))


def condemns(rule: Rule) -> bool:
    """Return whether `rule` takes words of a reply for a fault of the address, or a code for one of its domain."""
    return rule.reason.fault is Fault.ADDRESS and (rule.when.asks_words or rule.reason is Reason.DOMAIN_UNKNOWN)


def by_codes(rule: Rule, code: int, status: int, command: Command | None, form: Form) -> str | None:
    """Return what the codes of a reply are about instead of a recipient, as a concept's name, or None."""
    subject = status // 1_000 % 1_000
    if code in _LOGIN_CODES or (subject, status % 1_000) in _LOGIN:
        return "authentication"
    if rule.reason is Reason.DOMAIN_UNKNOWN:
        # "501 5.5.4 Invalid domain name" is a reply to EHLO as well.
        is_argument = code in _OF_SYNTAX and command is not Command.RCPT
        return "command" if is_argument and subject == _PROTOCOL and status % 1_000 > 0 else None
    if rule.reason is not Reason.MAILBOX_DISABLED:
        return None
    if (subject, status % 1_000) == _SUBMITTER and not any(map(form.said().__contains__, _NAMED)):
        return "authentication"
    is_syntax = code in _OF_SYNTAX and subject != _ADDRESSING
    return "command" if is_syntax and _RECIPIENT.isdisjoint(_NONE.union(*form.concepts())) else None


def noun(concepts: Concepts, form: Form) -> str | None:
    """Return what the causes of a reply, or a part of them, are about beside or instead of a recipient, or None."""
    if not concepts.may_mean(_ANY_OTHER, form.said(), form.words_said()):
        return None  # as nearly always
    return _instead(concepts, form) or _aside(concepts, form)


def _instead(concepts: Concepts, form: Form) -> str | None:
    """Return what the causes that a reply states are about instead of a recipient, as a concept's name, or None."""
    found = _NONE.union(*form.concepts())
    if "unknown" not in found and not _FAILED.isdisjoint(found):
        tried = next((one for one in TRIED if one in found), None) or (TRIED[1] if found >= _DOWN else None)
        if tried is not None:
            return tried
    beside = _NONE.union(*(clause for clause in form.concepts() if "domain" in clause))
    if found.isdisjoint(_PERSONS) and not beside.isdisjoint(_WHOSE):
        own = beside & concepts.of(unnamed(form.said()))  # a domain may be called "sender-1.example"
        whose = next((other for other in _WHOSE if other in own), None)
        if whose is not None:
            return whose
    if not _RECIPIENT.isdisjoint(found):
        found = _unquoted(concepts, form)
    if not _RECIPIENT.isdisjoint(found) or ("list" in found and "content" not in found):
        return None  # a list may be looked for in a header, too
    return next((other for other in _OTHERS if other in found), None)


def _aside(concepts: Concepts, form: Form) -> str | None:
    """Return what a part of the causes of a reply is about, other than a recipient, as a concept's name, or None.

    A directory that is down has found nobody, and that unknown recipients are too many is said of all of them.
    """
    said = form.said()
    if not concepts.may_mean(_ASIDE, said, form.words_said()):
        return None
    for start, end in sentences(said):
        for begin, stop in parts(said, start, end):
            found = concepts.of(said[begin:stop])
            if "directory" in found and not found.isdisjoint(_FAILED) and found.isdisjoint(_FOUND):
                return "directory"
            if found >= _COUNTED and not found.isdisjoint(_RECIPIENT) and found.isdisjoint(_SIZES):
                return "recipients"
    return None


_FOUND: Final = frozenset(("recipient", "unknown"))
"""With these a part says what was looked for in the directory."""
_COUNTED: Final = frozenset(("unknown", "exceeded"))
_SIZES: Final = frozenset(("storage", "full", "large"))


def _unquoted(concepts: Concepts, form: Form) -> frozenset[str]:
    """Return the concepts of what a reply says in its own words: a filter quotes what it has found in a message."""
    said = form.said()
    own = _QUOTATION.sub(" ", said) if '"' in said or "'" in said else said
    return _RECIPIENT if own == said else concepts.of(own)


_QUOTATION: Final = lazy(r"""(?<!\w)(?:"[^"]{1,200}"|'[^']{1,200}')(?!\w)""")


def unasked(text: str) -> str:
    """Return `text` without its questions: they state nothing. A "?" elsewhere stands for letters that were lost."""
    if "?" not in text or _LOST.search(text) is not None:
        return text
    return without(text, [(start, end) for start, end in sentences(text) if text[:end].endswith("?")])


def is_scattered(rule: Rule, text: str) -> bool:
    """Return whether the words that `rule` asks for stand in no sentence of `text` together; not where it has none."""
    words, any_of = rule.when.words, rule.when.any_words
    if len(words) + bool(any_of) < _TOGETHER:
        return False
    apart = apart_of(text)  # empty where the plain form is nothing but advice: "make really sure"
    return bool(apart) and not any(
        all_stand_in(words, one) and (not any_of or one_stands_in(any_of, one)) for one in apart
    )


def apart_of(text: str) -> list[str]:
    """Return the sentences of `text`, one at a time."""
    return [text[start:end].strip() for start, end in sentences(text)]


_LOST: Final = lazy(r"\?[^\s<>\"')\]]|[^\w\s>\"')\]]\?")


def denied(rule: Rule, concepts: Concepts, form: Form) -> str | None:
    """Return the state of a closed mailbox that the causes of a reply deny, as a concept's name, if they state no other."""
    if rule.reason is not Reason.MAILBOX_DISABLED or not concepts.may_mean(_NOT, form.said(), form.words_said()):
        return None
    gone = concepts.denied(form.said())
    state = next((one for one in _CLOSED if one in gone), None)
    if state is None:
        return None
    found = _NONE.union(*form.concepts()) - {state}
    return state if found.isdisjoint((*_OF_ADDRESS, *_CLOSED)) else None


def alternative(concepts: Concepts, parts: Iterable[tuple[str, str]]) -> bool:
    """Return whether a clause names a fault of the address on the one side of its "or", and another cause on the other.

    :param parts: the two sides of each such word.
    """
    for before, after in parts:
        one, other = concepts.of(before), concepts.of(after)
        if (_blames(one), _clears(one), _blames(other), _clears(other)) in _MIXED:
            return True
    return False


_MIXED: Final = (
    (True, False, False, True),
    (False, True, True, False),
    (True, True, False, True),  # "may not exist, may be full, or your IP may be listed"
)


def _blames(side: frozenset[str]) -> bool:
    return not _OF_ADDRESS.isdisjoint(side)


def _clears(side: frozenset[str]) -> bool:
    """Return whether one side names a cause that is no fault of an address; to block an account is to disable it."""
    if side >= _BLOCKED and _SENDING.isdisjoint(side):
        return False
    return not _OF_OTHERS.isdisjoint(side)


_BLOCKED: Final = frozenset(("recipient", "blocked"))
_SENDING: Final = frozenset(("sender", "client"))
