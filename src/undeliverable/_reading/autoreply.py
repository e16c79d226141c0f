"""Automatic replies: RFC 3834 responses, vacation notes, challenges, and RFC 8098 disposition notifications.

RFC 3834 gives one certain sign, ``Auto-Submitted: auto-replied``, which many responders do not write and some mail
servers write into bounces. So signs are weighed: header fields, the subject, and the body's sentences; the phrases are
data (:class:`AutoReplyPhrases`). Nothing here decides what a delivery report is: this is asked where none was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from undeliverable._dsn.grammar import FOLDED_FIELD
from undeliverable._dsn.origin import OriginWords, auto_submitted, has_null_path
from undeliverable._text.lazy import lazy
from undeliverable.model import Evidence, RecipientFacts, Witness
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look
    from undeliverable._knowledge.phrases import AutoReplyPhrases, HeaderMark

__all__ = [
    "disposition",
    "is_challenge",
    "is_challenge_reply",
    "is_worded_as_automatic_reply",
    "mark_of",
    "recognise",
    "says_automatic_reply",
]

_TEXT_LIMIT: Final = 2_500  # characters: an automatic reply says early what it is
_LINE_LIMIT: Final = 998  # RFC 5322 2.1.1
_DISPOSITION_FIELDS: Final = frozenset(("final-recipient", "original-recipient", "disposition"))
_ENOUGH: Final = 3  # the weight of a certain sign, and what uncertain ones must reach together
_STRAIGHT: Final = str.maketrans("\u2018\u2019\u02bc\uff1a", "''':")
_TAGS: Final = lazy(r"(?:\[[^\[\]]{1,40}\] ?){1,4}")  # "[EXTERNAL] ", "[list-name] "
_TAG: Final = lazy(r"\[([^\[\]]{1,40})\] ?")
_BULK: Final = frozenset(("bulk", "junk"))  # RFC 3834 3.1.8


def recognise(header: Look, text: str, phrases: AutoReplyPhrases, origin: OriginWords) -> Kind | None:
    """Return which automatic reply a message is: AUTO_REPLY, CHALLENGE, COMPLAINT (an opt-out request), or None.

    :param header: gives a header's first value, unfolded and decoded.
    :param text: the message's own text without its attachments.
    """
    submitted = auto_submitted(header)
    if submitted == "no":  # RFC 3834 5: a person sent it
        return None
    message = _Message(header, _subject(header("subject") or "", phrases), phrases, origin)
    mark = mark_of(header, phrases)
    if mark is not None and mark.kind is not Kind.AUTO_REPLY:
        return mark.kind
    signs = _signs(header, submitted, phrases)
    if submitted != "auto-replied" and not mark and not signs and not message.has_telling_subject():
        return None
    body = _plain(_unquoted(text[: 2 * _TEXT_LIMIT]), _TEXT_LIMIT)
    if message.is_challenge(body, signs=signs or origin.is_software(header("from"))):
        return Kind.CHALLENGE
    certain = (submitted == "auto-replied" or mark is not None) and not message.is_report()
    return Kind.AUTO_REPLY if certain or message.weight(body, signs=signs) >= _ENOUGH else None


def says_automatic_reply(subject: str, phrases: AutoReplyPhrases) -> bool:
    """Return whether a subject is that of an automatic reply."""
    plain = _subject(subject, phrases)
    return plain.startswith(phrases.subject_prefix) or plain.rstrip(" .!:") in phrases.subject_whole


def is_challenge(header: Look, text: str, phrases: AutoReplyPhrases, origin: OriginWords) -> bool:
    """Return whether a message that software sent wants its reader to confirm a message of theirs."""
    return recognise(header, text, phrases, origin) is Kind.CHALLENGE


def is_worded_as_automatic_reply(header: Look, text: str, phrases: AutoReplyPhrases, origin: OriginWords) -> bool:
    """Return whether the subject and the words of a message that software sent are those of an automatic reply."""
    message = _Message(header, _subject(header("subject") or "", phrases), phrases, origin)
    return message.weight(_plain(_unquoted(text[: 2 * _TEXT_LIMIT]), _TEXT_LIMIT), signs=True) >= _ENOUGH


def is_challenge_reply(replies: Iterable[str], phrases: AutoReplyPhrases) -> bool:
    """Return whether one of the replies in a report, with its type before it, is a challenge."""
    return any(_contains(_plain(reply, _LINE_LIMIT), phrases.challenge_reply) for reply in replies)


def mark_of(header: Look, phrases: AutoReplyPhrases) -> HeaderMark | None:
    """Return the mark of a message that shows by itself what it is, or None."""
    return next((mark for mark in phrases.marks if _has_mark(header, mark)), None)


def disposition(text: str, part: str) -> tuple[RecipientFacts, ...]:
    """Return the recipient that the notification in `text` is about, and the words that say what was done (RFC 8098 3.2.4, 3.2.6).

    `text` is the body of a ``message/disposition-notification`` part with the path `part`.
    """
    found: dict[str, str] = {}
    evidence: list[Evidence] = []
    for match in FOLDED_FIELD.finditer(text):
        name = match[1].lower()
        if name in _DISPOSITION_FIELDS and name not in found:
            found[name] = " ".join(match[2].split()).rpartition(";")[2].strip().strip("<>")
            evidence.append(Evidence(Witness.FIELD, part, match.start(), match[0][:_LINE_LIMIT]))
    final, original = found.get("final-recipient"), found.get("original-recipient")
    if not final and not original:
        return ()
    facts = RecipientFacts(
        witness=Witness.FIELD, recipient=final or original, original_recipient=original, evidence=tuple(evidence)
    )
    return (facts,)


def _has_mark(header: Look, mark: HeaderMark) -> bool:
    """Return whether a message has the header field, and begins its subject as the mark says."""
    value = header(mark.name)
    if value is None or (mark.values and not value.strip().casefold().startswith(mark.values)):
        return False
    return not mark.subject or _plain(header("subject") or "", _LINE_LIMIT).startswith(mark.subject)


def _signs(header: Look, submitted: str | None, phrases: AutoReplyPhrases) -> bool:
    """Return whether software sent a message, which is also true of newsletters, tickets and mailing lists."""
    if submitted is not None or any(header(name) for name in phrases.signs):
        return True
    if has_null_path(header):  # RFC 3834 3.3
        return True
    return not _is_list(header) and (header("precedence") or "").strip().lower() in _BULK


def _is_list(header: Look) -> bool:
    return header("list-id") is not None or header("list-post") is not None  # RFC 2919, RFC 2369


class _Message(NamedTuple):
    """A message that may be an automatic reply, and the phrases that it is compared with."""

    header: Look
    subject: str
    phrases: AutoReplyPhrases
    origin: OriginWords

    def has_telling_subject(self) -> bool:
        """Return whether the subject alone is a reason to read the body."""
        return self._begins() or self._mentions() or _contains(self.subject, self.phrases.challenge_subject)

    def is_report(self) -> bool:
        """Return whether a mail system reports: by its sender, or by a subject that is no reply's and no forward's."""
        if self._begins():
            return False
        if self.origin.is_mail_system(self.header("from")):
            return True
        return not self._is_passed_on() and _contains(self.subject, self.phrases.subject_report)

    def is_challenge(self, body: str, *, signs: bool) -> bool:
        """Return whether two of the three kinds of phrases meet in mail that software sent, or all three."""
        phrases = self.phrases
        named, held = _contains(self.subject, phrases.challenge_subject), _contains(body, phrases.challenge_held)
        if not named and not held:
            return False
        return named + held + _contains(body, phrases.challenge_confirm) + signs >= _ENOUGH

    def weight(self, body: str, *, signs: bool) -> int:
        """Return how much suggests an automatic reply. On a list, where these are discussed, a subject is not enough."""
        begins = 0
        if self.subject.startswith(self.phrases.subject_prefix):
            begins = 2 if _is_list(self.header) else 3
        elif self._is_whole():
            begins = 1 if _is_list(self.header) else 2
        elif self._mentions():
            begins = 1
        weight = begins + signs
        if weight < _ENOUGH and _contains(body, self.phrases.sentences):
            return weight + 2
        return weight + (weight == _ENOUGH - 1 and _contains(body, self.phrases.words))

    def _begins(self) -> bool:
        return self.subject.startswith(self.phrases.subject_prefix) or self._is_whole()

    def _is_whole(self) -> bool:
        return self.subject.rstrip(" .!:") in self.phrases.subject_whole

    def _mentions(self) -> bool:
        """Return whether the subject has a word of automatic replies that is its sender's own."""
        return not self._is_passed_on() and _contains(self.subject, self.phrases.subject_words)

    def _is_passed_on(self) -> bool:
        return self.origin.is_reply_or_forward(self.subject)


def _contains(text: str, group: Iterable[str]) -> bool:
    return any(map(text.__contains__, group))


def _plain(text: str, limit: int) -> str:
    """Return the text as the phrases are written: casefolded, single blanks, straight apostrophes, no tags before it."""
    plain = _plain_text(text, limit)
    tags = _TAGS.match(plain)
    return plain[tags.end() :] if tags and tags.end() < len(plain) else plain


def _plain_text(text: str, limit: int) -> str:
    text = text[:limit]
    if not text.isascii():
        text = text.translate(_STRAIGHT).replace("\u00a0:", ":")
    return " ".join(text.replace(" :", ":").split()).casefold()


def _subject(text: str, phrases: AutoReplyPhrases) -> str:
    """Return a subject as the phrases are written; a prefix in brackets, "[Automatic reply] hello", is one."""
    whole = _plain_text(text, _LINE_LIMIT)
    tag = _TAG.match(whole)
    if tag is not None and f"{tag[1]}:".startswith(phrases.subject_prefix):
        return f"{tag[1]}: {whole[tag.end() :]}"
    return _plain(text, _LINE_LIMIT)


def _unquoted(text: str) -> str:
    """Return the lines that are not quoted from another message."""
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith((">", "|")))
