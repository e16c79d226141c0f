"""Signs that a message is a notification: where it comes from, and what it says.

Words are compared in two ways. Phrases of notifications, by language, are certain and count as signs of their own. The
concepts of replies ("unknown", "full", "refused") in a sentence that names a recipient are wider: they say what happened
where the origin says that it is about mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from undeliverable._dsn.origin import is_automatic
from undeliverable._dsn.returned import bare_address
from undeliverable._formats.statement import Rank
from undeliverable._formats.unknown import UnknownReading
from undeliverable._formats.wording import OUTCOMES
from undeliverable._reading.reading import Reading
from undeliverable._text.lazy import lazy
from undeliverable.model import RecipientFacts, Witness
from undeliverable.reasons import Reason

__all__ = [
    "FEW_RECIPIENTS", "Sign", "all_kinds", "is_about_mail", "is_from_software", "is_human", "is_tagged", "may_be_form", "passes_on", "signs_of",
    "speaks_of_failure",
]  # fmt: skip

FEW_RECIPIENTS: Final = 8
"""How many recipients are looked at for concepts: what a text says of them all it says of the first ones."""
_SAID: Final = OUTCOMES - {"delay"}  # who tries again may speak of anything
_CODE: Final = lazy(r"[45](?:\d\d[ -]|\.\d{1,3}\.\d)")
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_HEAD: Final = 4_096  # characters
_OF_PEOPLE: Final = ("in-reply-to", "list-id", "list-post", "list-unsubscribe")
_IN_PROSE: Final = frozenset((Rank.STATED, Rank.NEAR, Rank.ELSEWHERE))
# Concepts that say that something failed, and those that say of what.
_FAILURES: Final = frozenset((
    "unknown", "disabled", "moved", "full", "exceeded", "refused", "blocked", "spam", "virus", "large", "loop", "unavailable", "failed", "expired",
))  # fmt: skip
_OF_MAIL: Final = frozenset(
    ("recipient", "recipients", "domain", "message", "host", "storage", "connection", "content")
)
# Reasons whose words people and shops use of other things as well.
_VAGUE: Final = frozenset((Reason.UNDEFINED, Reason.EXPIRED))
# Reasons that say by themselves that nothing was delivered; of a full mailbox its owner is warned as well.
_TELLING: Final = frozenset(
    (Reason.USER_UNKNOWN, Reason.DOMAIN_UNKNOWN, Reason.BAD_ADDRESS_SYNTAX, Reason.MAILBOX_MOVED)
)


class Sign(StrEnum):
    """A sign that a message is a notification."""

    # Of origin.
    AUTOMATIC = "automatic"
    MAIL_SYSTEM = "mail system"
    DAEMON = "daemon"  # a mail system by an address that no person writes from
    MARK = "mark"
    LISTED = "listed"
    SUBJECT = "subject"  # by a phrase
    TITLE = "title"  # by concepts
    # Of content.
    CODE = "code"
    FAILURE = "failure"  # by a phrase
    NAMED = "named"
    CAUSE = "cause"  # by a rule
    STATED = "stated"  # by concepts
    FORM = "form"  # a recipient and a reason behind labels
    OWN = "own"  # about a message of the reader


def signs_of(reading: Reading, unknown: UnknownReading) -> Iterator[Sign]:
    """Yield the signs of a message."""
    yield from _signs_of_origin(reading)
    yield from _signs_of_subject(reading, unknown)
    yield from _signs_of_content(reading, unknown)


def _signs_of_subject(reading: Reading, unknown: UnknownReading) -> Iterator[Sign]:
    if unknown.statement.subject & (OUTCOMES | {"report"}):
        yield Sign.SUBJECT
    elif any(map(_is_title, reading.known.concepts_in(reading.header("subject") or ""))):
        yield Sign.TITLE


def _signs_of_content(reading: Reading, unknown: UnknownReading) -> Iterator[Sign]:
    statement, recipients = unknown.statement, unknown.found.recipients
    is_named = any(named.rank in (Rank.LABELLED, Rank.ALONE) for named in statement.named)
    if any(_has_code(facts, is_named=is_named) for facts in recipients):
        yield Sign.CODE
    kinds = all_kinds(unknown)
    is_labelled = any(named.rank is Rank.LABELLED for named in statement.named)
    if any(map(statement.says, _SAID)) or (statement.says("delay") and ({"mail", "report"} & kinds or is_labelled)):
        yield Sign.FAILURE
    if statement.says("yours") and statement.named and reading.known.origin.has_null_path(reading.header):
        yield Sign.OWN
    if is_named:
        yield Sign.NAMED
    if unknown.is_form:
        yield Sign.FORM
    causes = {_cause(reading, facts) for facts in recipients} - {None}
    if (causes & _TELLING and "mail" in kinds) or (causes and any(map(statement.says, OUTCOMES))):
        yield Sign.CAUSE
    if any(_states_failure(reading, unknown, facts) for facts in recipients[:FEW_RECIPIENTS]):
        yield Sign.STATED


def _signs_of_origin(reading: Reading) -> Iterator[Sign]:
    header, origin = reading.header, reading.known.origin
    if is_automatic(header) or origin.has_null_path(header):
        yield Sign.AUTOMATIC
    if origin.is_mail_system(header("from")):
        yield Sign.MAIL_SYSTEM
    if origin.is_daemon(header("from")):
        yield Sign.DAEMON
    if origin.is_marked(header):
        yield Sign.MARK
    if header("x-failed-recipients") is not None:
        yield Sign.LISTED


def _states_failure(reading: Reading, unknown: UnknownReading, facts: RecipientFacts) -> bool:
    """Return whether the sentence that names a recipient states a failure by its concepts, or the words below its line do."""
    address = (facts.recipient or "").lower()
    statement, parties = unknown.statement, unknown.statement.parties
    named = next((one for one in statement.named if one.address.lower() == address), None)
    if named is None or facts.witness is not Witness.WORDS:
        return False
    if parties.is_of_readers(address) and not statement.says("yours"):  # a mailbox of theirs, not their mail
        return False
    said = [statement.sentence_of(named)]
    if (named.rank not in _IN_PROSE or parties.is_home) and facts.diagnostic is not None and not facts.diagnostic.type:
        said.append(facts.diagnostic.text)
    return any(_fails(found) for text in said for found in reading.known.concepts_in(text))


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


def passes_on(reading: Reading) -> bool:
    """Return whether a service, which is no mail system, passes on what people wrote."""
    header, origin = reading.header, reading.known.origin
    return not origin.is_mail_system(header("from")) and origin.passes_on(header, reading.text)


def is_tagged(reading: Reading) -> bool:
    """Return whether no mail system sent a message whose subject begins with a tag, as trackers and some gateways write it."""
    header = reading.header
    is_mail_system = reading.known.origin.is_mail_system(header("from"))
    return not is_mail_system and (header("subject") or "").lstrip().startswith("[")


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
    return not (is_automatic(header) or origin.has_null_path(header) or origin.is_software(header("from")))


def may_be_form(reading: Reading) -> bool:
    """Return whether mail that a person seems to send may be a form on a message that its reader has sent.

    Small software sends so. In a person's mail about a notification, the original message is the writer's, not the reader's.
    """
    header, reader = reading.header, bare_address(reading.header("to"))
    if not reader or reader.lower() not in reading.text[:_HEAD].lower():
        return False
    if reading.is_reply_or_forward or any(header(name) is not None for name in _OF_PEOPLE):
        return False
    return bool(reading.known.wording.kinds(header("subject") or "") & OUTCOMES)


def is_from_software(reading: Reading) -> bool:
    """Return whether a header that lists failed recipients may be believed: software sent the message."""
    header, origin = reading.header, reading.known.origin
    return is_automatic(header) or origin.has_null_path(header) or origin.is_mail_system(header("from"))


def speaks_of_failure(reading: Reading) -> bool:
    """Return whether the subject or the text says in some language that something was not delivered."""
    wording = reading.known.wording
    head = f"{reading.header('subject') or ''}\n\n{reading.text[:_HEAD]}"
    return any(wording.kinds(line) & OUTCOMES for line in head.split("\n"))


def is_about_mail(unknown: UnknownReading) -> bool:
    """Return whether the text or its subject says that mail was to be delivered."""
    return not all_kinds(unknown).isdisjoint(("mail", "report"))


def all_kinds(unknown: UnknownReading) -> frozenset[str]:
    """Return the kinds of phrases in the subject and in all sentences."""
    statement = unknown.statement
    return statement.subject.union(*(sentence.kinds for sentence in statement.sentences))
