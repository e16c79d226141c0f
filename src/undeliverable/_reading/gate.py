"""Is a message that no reader knows a notification? Signs of origin and signs of content decide, not lists of subjects.

Software that reports sends with the null reverse-path or marks its mail as automatic (RFC 5321 4.5.5, RFC 3834 5), sends as
a mail system, or says in the subject that something failed. What it writes pairs an address with a reply, says in some
language that a message was not delivered, lists recipients, and states a cause. Vacation programs, shops and trackers
share some of these signs, so two of the one sort and one of the other are asked for, and one that only bounces have.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from undeliverable._formats.statement import Named, Rank
from undeliverable._formats.unknown import UnknownReading
from undeliverable._formats.wording import OUTCOMES
from undeliverable._reading.autoreply import is_challenge, is_worded_as_automatic_reply, says_automatic_reply
from undeliverable._reading.reading import Reading
from undeliverable._reading.signs import (
    FEW_RECIPIENTS,
    Sign,
    all_kinds,
    is_about_mail,
    is_human,
    is_tagged,
    may_be_form,
    passes_on,
    signs_of,
)

__all__ = ["Belief", "belief_in", "is_about_nobody"]

_ORIGIN: Final = frozenset((Sign.AUTOMATIC, Sign.MAIL_SYSTEM, Sign.MARK, Sign.LISTED, Sign.SUBJECT))
_HINTS: Final = frozenset((Sign.TITLE, Sign.STATED, Sign.FORM))  # too wide to be counted
_UNCOUNTED: Final = _HINTS | {Sign.DAEMON}
_ONLY_OF_BOUNCES: Final = _ORIGIN - {Sign.AUTOMATIC} | {Sign.CODE}
_PROOFS: Final = _ONLY_OF_BOUNCES | {Sign.FAILURE}
_SHOWN: Final = frozenset((Sign.MAIL_SYSTEM, Sign.MARK, Sign.LISTED, Sign.CODE))  # that it is a mail system
_PLAIN: Final = frozenset((Sign.NAMED, Sign.CODE))
_TAGGED: Final = frozenset((Sign.SUBJECT, Sign.FAILURE, Sign.CODE))
_OF_READER: Final = frozenset(("yours", "failure"))
_SALUTATION: Final = 4  # words
_ENOUGH: Final = 3
_FEW: Final = 2
_OF_LISTS: Final = frozenset(("member", "list"))


class Belief(Enum):
    """How far unknown text is believed to be a notification.

    LITTLE: by concepts alone, so that nothing final follows from it.
    """

    NONE = auto()
    LITTLE = auto()
    FULL = auto()


def belief_in(reading: Reading, unknown: UnknownReading) -> Belief:
    """Return how far what was read from unknown text is to be believed."""
    if is_human(reading) or passes_on(reading):
        return Belief.LITTLE if _is_form(reading, unknown) else Belief.NONE
    signs = frozenset(signs_of(reading, unknown))
    if is_tagged(reading) and not _is_tagged_notification(reading, signs, unknown):
        return Belief.LITTLE if _is_form(reading, unknown) else Belief.NONE
    if not _is_notification(reading, signs, unknown):
        return Belief.NONE
    return Belief.FULL if signs & _PROOFS else Belief.LITTLE


def _is_tagged_notification(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether a message with a tag before its subject is a notification of the reader's own domain on the reader's mail.

    A help desk passes on with a tag what people write, failures that were reported to them among it; and it reports with the
    same tag that its own mail failed.
    """
    if not (signs >= _TAGGED and reading.known.origin.has_null_path(reading.header)):
        return False
    statement = unknown.statement
    return statement.parties.is_home and (statement.names_reader or _opens_with_failure(unknown))


def _opens_with_failure(unknown: UnknownReading) -> bool:
    """Return whether the first sentence, behind a salutation at most, says that mail of the reader was not delivered."""
    for sentence in unknown.statement.sentences[:2]:
        if sentence.kinds >= _OF_READER:
            return True
        if sentence.kinds or len(sentence.text.split()) > _SALUTATION:
            return False
    return False


def _is_form(reading: Reading, unknown: UnknownReading) -> bool:
    statement = unknown.statement
    if not unknown.is_form or not statement.names_reader or statement.names_others:
        return False
    return may_be_form(reading) and is_about_mail(unknown)


def _is_notification(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    if Sign.MARK in signs and any(named.rank <= Rank.LISTED for named in unknown.statement.named):
        return True  # in whatever language
    if _is_of_another_kind(reading, signs, unknown):
        return False
    is_software = _is_certainly_sent_by_software(reading, signs)
    if _is_about_others(unknown, signs, is_software=is_software):
        return False
    if is_software:
        return _are_enough(signs, unknown) or _is_told(reading, signs, unknown)
    return _are_many(signs, unknown)


def _is_of_another_kind(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether the message is an automatic reply, a challenge, or about members of a list."""
    if Sign.CODE not in signs and _is_automatic_reply(reading):
        return True
    if not signs & _SHOWN and (_names_writer(unknown) or _is_worded_as_automatic_reply(reading)):
        return True
    return not signs & {Sign.CODE, Sign.SUBJECT, Sign.MAIL_SYSTEM} and _is_about_members(reading, unknown)


def is_about_nobody(reading: Reading, unknown: UnknownReading) -> bool:
    """Return whether a mail system says that a message was not delivered, although it names nobody."""
    signs = frozenset(signs_of(reading, unknown))
    is_said = Sign.FAILURE in signs and is_about_mail(unknown)
    if not is_said or not _is_certainly_sent_by_software(reading, signs):
        return False
    return bool(signs & {Sign.MAIL_SYSTEM, Sign.MARK}) and not _is_about_others(unknown, signs, is_software=True)


def _is_automatic_reply(reading: Reading) -> bool:
    """Return whether the subject is an automatic reply's, or the message a challenge."""
    phrases = reading.known.phrases
    if says_automatic_reply(reading.header("subject") or "", phrases):
        return True
    return is_challenge(reading.header, reading.text, phrases, reading.known.origin)


def _is_worded_as_automatic_reply(reading: Reading) -> bool:
    known = reading.known
    return is_worded_as_automatic_reply(reading.header, reading.text, known.phrases, known.origin)


def _are_enough(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether two signs are of origin and one of content, or the reverse, and one of them only bounces have.

    Without such a one the text has to say it all: that mail was not delivered, to which address, and why.
    """
    # Who names a code and an address alone may list a queue; then its subject has to speak of a failure.
    is_worded = bool(signs & {Sign.AUTOMATIC, Sign.FAILURE, Sign.SUBJECT, *_HINTS})
    signs -= _UNCOUNTED
    origin, content = len(signs & _ORIGIN), len(signs - _ORIGIN)
    if Sign.SUBJECT in signs and origin >= _ENOUGH:  # its words are content as well
        content += 1
    elif (
        signs - _ORIGIN == frozenset((Sign.NAMED,)) and Sign.SUBJECT not in signs
    ):  # an address on a line of its own, and not a word on what happened
        content = 0
    if not signs & {Sign.MAIL_SYSTEM, Sign.MARK, Sign.LISTED, Sign.CODE, Sign.NAMED} and not is_about_mail(unknown):
        return False
    if signs & _ONLY_OF_BOUNCES:
        return is_worded and bool(origin and content) and origin + content >= _ENOUGH
    return {Sign.FAILURE, Sign.CAUSE} <= signs and content >= _ENOUGH and is_about_mail(unknown)


def _is_told(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether software that is certainly no person says of an address that mail cannot reach it.

    That is a mail system by its name or by a header, or software of the domain that sent the message; other software
    has to say that it is about a message of the one who gets the notification.
    """
    said = signs & {Sign.FAILURE, Sign.CODE, Sign.STATED, Sign.FORM}
    if not said:
        return False
    if {Sign.DAEMON, Sign.AUTOMATIC} <= signs:
        return True
    if not _is_about_message(reading, signs, unknown):
        return False
    if Sign.MAIL_SYSTEM not in signs:
        return bool(said - {Sign.FORM}) and _is_told_by_others(signs, unknown)
    return Sign.AUTOMATIC in signs or bool(
        said - {Sign.CODE, Sign.FORM} and signs & {Sign.NAMED, Sign.SUBJECT, Sign.TITLE}
    )


def _is_told_by_others(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return the same of software that no sign shows to be a mail system."""
    if not is_about_mail(unknown):
        return False
    if unknown.statement.parties.is_home:
        return True
    is_said = any(named.rank <= Rank.LISTED for named in unknown.statement.named)
    return is_said and Sign.STATED in signs and bool(signs & {Sign.OWN, Sign.FAILURE})


def _names_writer(unknown: UnknownReading) -> bool:
    """Return whether an address is named that the sender may have elsewhere: who moved gives the new one."""
    writers = {writer.rpartition("@")[0] for writer in unknown.statement.parties.writers}
    return any(named.address.lower().rpartition("@")[0] in writers for named in unknown.statement.named)


def _is_about_message(reading: Reading, signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether the subject is about mail or a failure, or the text of mail of the one who gets it."""
    statement = unknown.statement
    if signs & {Sign.SUBJECT, Sign.TITLE} or statement.says("yours") or statement.names_reader:
        return True
    if not statement.subject.isdisjoint(("mail", "report", "yours")):
        return True
    kinds = [statement.kinds_of(named) for named in statement.named if not _may_be_from(reading, named)]
    return any("mail" in said and said & OUTCOMES for said in kinds)


def _may_be_from(reading: Reading, named: Named) -> bool:
    """Return whether the word before an address may mean that mail comes from there."""
    words = named.before.rsplit(maxsplit=1)
    return bool(words) and reading.known.wording.may_be_from(words[-1])


def _is_about_members(reading: Reading, unknown: UnknownReading) -> bool:
    """Return whether a sentence that names a recipient is about members of a list."""
    sentences = {unknown.statement.sentence_of(named) for named in unknown.statement.named[:FEW_RECIPIENTS]}
    said = map(reading.known.concepts_in, sentences)
    return any(not _OF_LISTS.isdisjoint(found) for clauses in said for found in clauses)


def _are_many(signs: frozenset[Sign], unknown: UnknownReading) -> bool:
    """Return whether signs are enough for mail that a postmaster or another person behind a role may have written.

    The recipient stands where notifications name it then, and what happened is said in the subject and in the text.
    """
    named = unknown.statement.named
    if named and all(one.rank > Rank.HEADED for one in named):
        return False
    if Sign.MAIL_SYSTEM not in signs:
        is_said = Sign.FAILURE in signs or (Sign.CODE in signs and not any(one.before.strip() for one in named))
        return is_said and Sign.SUBJECT in signs and bool(signs & _PLAIN) and is_about_mail(unknown)
    if Sign.SUBJECT in signs:
        return bool(signs & {Sign.FAILURE, Sign.CODE})
    if {Sign.TITLE, Sign.CODE, Sign.NAMED} <= signs:
        return True
    return Sign.FAILURE in signs and len(signs - _ORIGIN - _UNCOUNTED) >= _FEW and is_about_mail(unknown)


def _is_certainly_sent_by_software(reading: Reading, signs: frozenset[Sign]) -> bool:
    """Return whether no person can have sent the message as it is."""
    header, origin = reading.header, reading.known.origin
    if origin.has_null_path(header) or origin.is_daemon(header("from")) or signs & {Sign.MARK, Sign.LISTED}:
        return True
    return {Sign.AUTOMATIC, Sign.MAIL_SYSTEM} <= signs


def _is_about_others(unknown: UnknownReading, signs: frozenset[Sign], *, is_software: bool) -> bool:
    """Return whether the text is about something else than mail of the one who gets it: a parcel, statistics, foreign mail."""
    kinds = all_kinds(unknown)
    if "summary" in kinds and Sign.NAMED not in signs:
        return True
    if Sign.CODE in signs and {Sign.AUTOMATIC, Sign.MAIL_SYSTEM} <= signs:
        return False
    return (
        "summary" in kinds or unknown.statement.names_others or _is_about_goods(unknown, signs, is_software=is_software)
    )


def _is_about_goods(unknown: UnknownReading, signs: frozenset[Sign], *, is_software: bool) -> bool:
    """Return whether what failed is a parcel, a payment or the like, and no mail.

    :param is_software: whether what is about other things is certainly no shop or forum that sends as it likes.
    """
    subject = unknown.statement.subject
    said = (subject, *(sentence.kinds for sentence in unknown.statement.sentences))
    failed = frozenset[str]().union(*(kinds for kinds in said if kinds & OUTCOMES))
    if is_software and "yours" in failed:
        return False
    if "goods" in subject and subject & OUTCOMES and subject.isdisjoint(("mail", "report", "yours")):
        return True
    if Sign.MAIL_SYSTEM in signs and "mail" in failed:
        return False
    return "goods" in all_kinds(unknown)
