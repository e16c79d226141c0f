"""Is a message that no reader knows a notification? Signs of origin and signs of content decide, not lists of subjects.

Software that reports sends with the null reverse-path or marks its mail as automatic (RFC 5321 4.5.5, RFC 3834 5), sends as
a mail system, or says in the subject that something failed. What it writes pairs an address with a reply, says in some
language that a message was not delivered, lists recipients, and states a cause. Vacation programs, shops and trackers
share some of these signs, so two of the one sort and one of the other are asked for, and one that only bounces have.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from undeliverable._dsn.origin import is_automatic
from undeliverable._formats.statement import Rank
from undeliverable._formats.unknown import UnknownReading
from undeliverable._formats.wording import OUTCOMES
from undeliverable._reading.autoreply import is_challenge, is_worded_as_automatic_reply, says_automatic_reply
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.model import RecipientFacts, Witness
from undeliverable.reasons import Reason

__all__ = ["Sign", "is_from_software", "is_human", "is_notification", "signs_of", "speaks_of_failure"]


class Sign(StrEnum):
    """A sign that a message is a notification."""

    AUTOMATIC = "automatic"
    MAIL_SYSTEM = "mail system"
    MARK = "mark"
    LISTED = "listed"
    SUBJECT = "subject"
    TITLE = "title"
    CODE = "code"
    FAILURE = "failure"
    NAMED = "named"
    CAUSE = "cause"
    STATED = "stated"
    OWN = "own"


_ORIGIN: Final = frozenset((Sign.AUTOMATIC, Sign.MAIL_SYSTEM, Sign.MARK, Sign.LISTED, Sign.SUBJECT))
_HINTS: Final = frozenset((Sign.TITLE, Sign.STATED))  # by concepts, which are too wide to be counted
_ONLY_OF_BOUNCES: Final = _ORIGIN - {Sign.AUTOMATIC} | {Sign.CODE}
_SAID: Final = OUTCOMES - {"delay"}  # who tries again may speak of anything
_CODE: Final = lazy(r"[45](?:\d\d[ -]|\.\d{1,3}\.\d)")
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_PLAIN: Final = frozenset((Sign.NAMED, Sign.CODE))
_ENOUGH: Final = 3
_FEW: Final = 2
_HEAD: Final = 4_096  # characters
_FEW_RECIPIENTS: Final = 8
# Concepts that say that something failed, and those that say of what.
_FAILURES: Final = frozenset((
    "unknown", "disabled", "moved", "full", "exceeded", "refused", "blocked", "spam", "virus", "large", "loop", "unavailable", "failed", "expired",
))  # fmt: skip
_OF_LISTS: Final = frozenset(("member", "list"))
_OF_MAIL: Final = frozenset(
    ("recipient", "recipients", "domain", "message", "host", "storage", "connection", "content")
)
# Reasons whose words people and shops use of other things as well.
_VAGUE: Final = frozenset((Reason.UNDEFINED, Reason.EXPIRED))
# Reasons that say by themselves that nothing was delivered; of a full mailbox its owner is warned as well.
_TELLING: Final = frozenset(
    (Reason.USER_UNKNOWN, Reason.DOMAIN_UNKNOWN, Reason.BAD_ADDRESS_SYNTAX, Reason.MAILBOX_MOVED)
)


def is_notification(reading: Reading, unknown: UnknownReading) -> bool:
    """Return whether the signs are enough to believe what was read from unknown text."""
    if is_human(reading) or _passes_on(reading):
        return False
    signs = frozenset(signs_of(reading, unknown))
    if Sign.MARK in signs and any(named.rank <= Rank.LISTED for named in unknown.statement.named):
        return True  # in whatever language
    if Sign.CODE not in signs and _is_automatic_reply(reading):
        return False
    if not signs & {Sign.CODE, Sign.SUBJECT, Sign.MAIL_SYSTEM} and _is_about_members(reading, unknown):
        return False
    is_software = _is_certainly_sent_by_software(reading, signs)
    if _is_about_others(unknown, signs, is_software=is_software):
        return False
    if is_software:
        return _are_enough(signs, unknown) or _is_told(reading, signs, unknown)
    return _are_many(signs, unknown)


def _is_automatic_reply(reading: Reading) -> bool:
    """Return whether the subject is an automatic reply's, or the message a challenge."""
    phrases = reading.known.phrases
    if says_automatic_reply(reading.header("subject") or "", phrases):
        return True
    return is_challenge(reading.header, reading.text, phrases, reading.known.origin)


def _are_enough(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether two signs are of origin and one of content, or the reverse, and one of them only bounces have.

    Without such a one the text has to say it all: that mail was not delivered, to whom, and why.
    """
    # Who names a code and an address alone may list a queue; then its subject has to speak of a failure.
    is_worded = bool(signs & {Sign.AUTOMATIC, Sign.FAILURE, Sign.SUBJECT, *_HINTS})
    signs -= _HINTS
    origin, content = len(signs & _ORIGIN), len(signs - _ORIGIN)
    if Sign.SUBJECT in signs and origin >= _ENOUGH:  # its words are content as well
        content += 1
    elif (
        signs - _ORIGIN == frozenset((Sign.NAMED,)) and Sign.SUBJECT not in signs
    ):  # an address on a line of its own, and not a word on what happened
        content = 0
    if signs & _ONLY_OF_BOUNCES:
        return is_worded and bool(origin and content) and origin + content >= _ENOUGH
    return {Sign.FAILURE, Sign.CAUSE} <= signs and content >= _ENOUGH and _is_about_mail(unknown)


def _is_told(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether software that is certainly no person says of an address that mail cannot reach it.

    That is a mail system by its name or by a mark, or software of the domain that sent the message; other software
    has to say that it is about a message of the one who gets the notification.
    """
    said = signs & {Sign.FAILURE, Sign.CODE, Sign.STATED}
    if not said:
        return False
    if Sign.LISTED in signs:
        return True
    if not _is_about_message(signs, unknown):
        return False
    if Sign.MAIL_SYSTEM in signs:
        return Sign.AUTOMATIC in signs or bool(said - {Sign.CODE} and signs & {Sign.NAMED, Sign.SUBJECT, Sign.TITLE})
    if not _speaks_of_mail(unknown) or is_worded_as_automatic_reply(
        reading.header, reading.text, reading.known.phrases, reading.known.origin
    ):
        return False
    if unknown.statement.parties.is_home:
        return True
    return Sign.STATED in signs and bool(signs & {Sign.OWN, Sign.FAILURE})


def _is_about_message(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether the subject speaks of mail or of a failure, or the text of mail of the one who gets it."""
    statement = unknown.statement
    if signs & {Sign.SUBJECT, Sign.TITLE} or statement.says("yours"):
        return True
    return not statement.subject.isdisjoint(("mail", "report", "yours"))


def _is_about_members(reading: Reading, unknown: UnknownReading) -> bool:
    """Return whether a sentence that names a recipient is about members of a list."""
    names = {named.address.lower() for named in unknown.statement.named[:_FEW_RECIPIENTS]}
    said = (reading.known.concepts_in(unknown.statement.sentence_of(name)) for name in names)
    return any(not _OF_LISTS.isdisjoint(found) for clauses in said for found in clauses)


def _are_many(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether signs are enough for mail that a postmaster or another person behind a role may have written.

    The recipient stands where notifications name it then, and what happened is said in the subject and in the text.
    """
    named = unknown.statement.named
    if named and all(one.rank > Rank.HEADED for one in named):
        return False
    if Sign.MAIL_SYSTEM not in signs:
        return {Sign.SUBJECT, Sign.FAILURE} <= signs and bool(signs & _PLAIN) and _is_about_mail(unknown)
    if Sign.SUBJECT in signs:
        return bool(signs & {Sign.FAILURE, Sign.CODE})
    if {Sign.TITLE, Sign.CODE, Sign.NAMED} <= signs:
        return True
    return Sign.FAILURE in signs and len(signs - _ORIGIN - _HINTS) >= _FEW and _is_about_mail(unknown)


def _is_certainly_sent_by_software(reading: Reading, signs: frozenset[Sign]) -> bool:
    """Return whether no person can have sent the message as it is."""
    header, origin = reading.header, reading.known.origin
    if origin.has_null_path(header) or origin.is_daemon(header("from")) or signs & {Sign.MARK, Sign.LISTED}:
        return True
    return {Sign.AUTOMATIC, Sign.MAIL_SYSTEM} <= signs


def _passes_on(reading: Reading) -> bool:
    """Return whether a service, which is no mail system, passes on what people wrote."""
    header, origin = reading.header, reading.known.origin
    return not origin.is_mail_system(header("from")) and origin.passes_on(header, reading.text)


def is_human(reading: Reading) -> bool:
    """Return whether a person sent the message, or a list, or it replies to or forwards another one."""
    header, origin = reading.header, reading.known.origin
    if reading.is_reply_or_forward and not origin.is_software(header("return-path") or header("from")):
        return True
    if header("list-id") is not None or header("list-post") is not None:
        return True
    if origin.is_marked(header):
        return False
    if origin.is_mail_system(header("from")):  # a person may write as postmaster
        return header("in-reply-to") is not None and not (is_automatic(header) or origin.has_null_path(header))
    if header("in-reply-to") is not None:
        return True
    return not (origin.has_null_path(header) or origin.is_software(header("from")))


def is_from_software(reading: Reading) -> bool:
    """Return whether a header that lists failed recipients may be believed: software sent the message."""
    header, origin = reading.header, reading.known.origin
    return is_automatic(header) or origin.has_null_path(header) or origin.is_mail_system(header("from"))


def speaks_of_failure(reading: Reading) -> bool:
    """Return whether the subject or the text says in some language that something was not delivered."""
    wording = reading.known.wording
    head = f"{reading.header('subject') or ''}\n\n{reading.text[:_HEAD]}"
    return any(wording.kinds(line) & OUTCOMES for line in head.split("\n"))


def signs_of(reading: Reading, unknown: UnknownReading) -> Iterator[Sign]:
    """Yield the signs of a message."""
    yield from _signs_of_origin(reading)
    statement, recipients = unknown.statement, unknown.found.recipients
    if statement.subject & (OUTCOMES | {"report"}):
        yield Sign.SUBJECT
    elif any(map(_is_title, reading.known.concepts_in(reading.header("subject") or ""))):
        yield Sign.TITLE
    is_named = any(named.rank in (Rank.LABELLED, Rank.ALONE) for named in statement.named)
    if any(_has_code(facts, is_named=is_named) for facts in recipients):
        yield Sign.CODE
    kinds = _all_kinds(unknown)
    is_labelled = any(named.rank is Rank.LABELLED for named in statement.named)
    if any(map(statement.says, _SAID)) or (statement.says("delay") and ("mail" in kinds or is_labelled)):
        yield Sign.FAILURE
    if statement.says("yours") and statement.named and reading.known.origin.has_null_path(reading.header):
        yield Sign.OWN
    if is_named:
        yield Sign.NAMED
    causes = {_cause(reading, facts) for facts in recipients} - {None}
    if (causes & _TELLING and "mail" in kinds) or (causes and any(map(statement.says, OUTCOMES))):
        yield Sign.CAUSE
    if any(_states_failure(reading, unknown, facts) for facts in recipients[:_FEW_RECIPIENTS]):
        yield Sign.STATED


def _signs_of_origin(reading: Reading) -> Iterator[Sign]:
    header, origin = reading.header, reading.known.origin
    if is_automatic(header) or origin.has_null_path(header):
        yield Sign.AUTOMATIC
    if origin.is_mail_system(header("from")):
        yield Sign.MAIL_SYSTEM
    if origin.is_marked(header):
        yield Sign.MARK
    if header("x-failed-recipients") is not None:
        yield Sign.LISTED


def _states_failure(reading: Reading, unknown: UnknownReading, facts: RecipientFacts) -> bool:
    """Return whether the words about a recipient, or the sentence that names it, state a failure by their concepts."""
    address = (facts.recipient or "").lower()
    statement, parties = unknown.statement, unknown.statement.parties
    if not address or facts.witness is not Witness.WORDS:
        return False
    if parties.is_of_readers(address) and not statement.says("yours"):  # a mailbox of theirs, not their mail
        return False
    said = "" if facts.diagnostic is None or facts.diagnostic.type else facts.diagnostic.text
    return any(
        _fails(found) for text in (said, statement.sentence_of(address)) for found in reading.known.concepts_in(text)
    )


def _is_title(concepts: frozenset[str]) -> bool:
    """Return whether the concepts in a subject are those of a notification: an error, or what happened to a message."""
    return "failed" in concepts or not (
        concepts.isdisjoint(_FAILURES) or concepts.isdisjoint(("message", "recipients"))
    )


def _fails(concepts: frozenset[str]) -> bool:
    return not (concepts.isdisjoint(_FAILURES) or concepts.isdisjoint(_OF_MAIL))


def _has_code(facts: RecipientFacts, *, is_named: bool) -> bool:
    """Return whether a negative code or status stands beside the address: in prose, with words of its own."""
    if facts.witness is not Witness.WORDS:
        return False
    if facts.status is not None or (facts.reply is not None and facts.reply.code is not None):
        return True
    said = "" if facts.diagnostic is None else facts.diagnostic.text
    return _CODE.match(said) is not None and (is_named or _WORDS.search(said) is not None)


def _cause(reading: Reading, facts: RecipientFacts) -> Reason | None:
    """Return the reason that a rule finds in the words about a recipient alone."""
    diagnostic = facts.diagnostic
    if diagnostic is None or diagnostic.type:
        return None
    rule = reading.known.find(diagnostic.text, 0, 0, None, None).rule
    return None if rule is None or rule.reason in _VAGUE else rule.reason


def _is_about_others(unknown: UnknownReading, signs: frozenset[Sign], *, is_software: bool) -> bool:
    """Return whether the text is about something else than mail of the one who gets it: a parcel, statistics, foreign mail."""
    kinds = _all_kinds(unknown)
    if "summary" in kinds and Sign.NAMED not in signs:
        return True
    if Sign.CODE in signs and {Sign.AUTOMATIC, Sign.MAIL_SYSTEM} <= signs:
        return False
    return "summary" in kinds or unknown.statement.names_others or _is_about_goods(unknown, is_software=is_software)


def _is_about_goods(unknown: UnknownReading, *, is_software: bool) -> bool:
    """Return whether what failed is a parcel, a payment or the like, and no mail.

    :param is_software: whether what speaks of other things is certainly no shop or forum that sends as it likes.
    """
    subject = unknown.statement.subject
    failed = frozenset[str]().union(*(one.kinds for one in unknown.statement.sentences if one.kinds & OUTCOMES))
    if is_software and "yours" in failed:
        return False
    if "goods" in subject and subject & OUTCOMES and subject.isdisjoint(("mail", "report", "yours")):
        return True
    if is_software and "mail" in failed:
        return False
    return "goods" in _all_kinds(unknown)


def _is_about_mail(unknown: UnknownReading) -> bool:
    """Return whether the text or its subject says that mail was to be delivered."""
    return not _all_kinds(unknown).isdisjoint(("mail", "report"))


def _speaks_of_mail(unknown: UnknownReading) -> bool:
    """Return whether mail is named at all, or something of the one who gets the notification."""
    return not _all_kinds(unknown).isdisjoint(("mail", "report", "yours"))


def _all_kinds(unknown: UnknownReading) -> frozenset[str]:
    statement = unknown.statement
    return statement.subject.union(*(sentence.kinds for sentence in statement.sentences))
