"""Where a message comes from: a mail system or a person, and whether it replies to or forwards another message.

Whether a message is a report is decided by its origin before its words (RFC 5321 4.5.5, RFC 3834). What RFCs say of
origin is code here: the null reverse-path, ``Auto-Submitted``, and the mailbox ``postmaster``. Names of mail systems
and prefixes of subjects are data in many languages (:class:`OriginWords`), handed in by the caller. Every reader asks
here, so that one sender or one prefix means the same to all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from undeliverable._text.lazy import lazy

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look

__all__ = ["OriginWords", "auto_submitted", "has_null_path", "is_automatic"]

_NULL_PATH: Final = "<>"
_POSTMASTER: Final = "postmaster"  # RFC 2142 5, RFC 5321 4.5.1
# What ends a name of a mail system: "MAILER-DAEMON@", but neither "postmasters" nor a label of a domain.
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_BEFORE: Final = _LETTERS | {"@", "."}
_KEYWORD_END: Final = lazy(r"[;(\s]")
# The first prefix of a subject, up to its colon: "Re: ", "AW[2]: ", "RE^3: ", "[list] Fwd: ", "[Fwd: ...]", "回复：".
_PREFIX: Final = lazy(
    r"[\s\u200e\u200f]{0,9}(?:\[[^\[\]\n]{1,40}\]\s{0,9}){0,4}\[?([^\W\d_][^\n:：\[\]()^\d]{0,20}?)"
    r"\s?(?:[\[(^]?\d{1,3}[\])]?)?\s?[:：]"
)
_DOMAIN: Final = lazy(r"@[^\s<>]{1,255}")
_PREFIX_ROOM: Final = 256
_OPENING: Final = 512
"""How much of a text is searched for the words that introduce a quotation, in characters."""


@dataclass(frozen=True, kw_only=True)
class OriginWords:
    """Words about origin, of all languages together, casefolded.

    :ivar mail_systems: names that a mail system has in its address or display name, without hyphens and underscores.
    :ivar prefixes: how subjects of replies and forwarded messages begin, without the colon.
    :ivar service: what the prefix contains that a service gives to what people wrote.
    :ivar quotation: what introduces a quotation.
    :ivar software: names of other software, and of mailboxes that nobody writes from by hand.
    :ivar marks: header fields that only notifications have.
    :ivar suppression: what services say in their own reports of an address that their list suppresses, by their domain.
    :ivar look_up: what a mail server says where the look-up of one's own list stops a recipient.
    """

    mail_systems: tuple[str, ...] = ()
    prefixes: frozenset[str] = frozenset()
    service: tuple[str, ...] = ()
    quotation: tuple[str, ...] = ()
    software: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    suppression: tuple[tuple[str, tuple[str, ...]], ...] = ()
    look_up: str = "\n"  # which no reply contains

    def is_mail_system(self, sender: str | None) -> bool:
        """Return whether a ``From`` or a reverse-path is a mail system's.

        It is by its name, or because it holds no address, as only mail systems write it.
        """
        folded = (sender or "").lower()
        return "@" not in folded or self._names_mail_system(folded)

    def is_from_mail_system(self, header: Look) -> bool:
        """Return whether a mail system sent a message: by its ``From``, its reverse-path, or a list of failed recipients."""
        if self.is_mail_system(header("from")):
            return True
        path = (header("return-path") or "").lower()
        return self._names_mail_system(path) or header("x-failed-recipients") is not None

    def is_software(self, sender: str | None) -> bool:
        """Return whether a ``From`` or a reverse-path is a mail system's or other software's; ``postmaster`` may be a person."""
        folded = (sender or "").lower()
        if "@" not in folded or _NULL_PATH in folded:
            return True
        local = _DOMAIN.sub("", folded)  # a domain says who runs a server, not who writes
        return self._names_any(self.mail_systems, local) or self._names_any(self.software, local)

    def is_marked(self, header: Look) -> bool:
        """Return whether a message has a header field that only notifications have."""
        return any(header(name) is not None for name in self.marks)

    def is_own_suppression(self, sender: str, host: str, said: str) -> bool:
        """Return whether a service says of itself that its list kept it from sending.

        :param sender: the ``From`` of its report.
        :param host: the host that reports. The same words from any other host are that host's rule.
        :param said: what the report says of a recipient.
        """
        from_domain, host, folded = sender.rpartition("@")[2].strip(" \t>").lower(), host.lower(), said.casefold()
        return any(
            _is_at(domain, from_domain) and _is_at(domain, host) and any(phrase in folded for phrase in phrases)
            for domain, phrases in self.suppression
        )

    def has_null_path(self, header: Look) -> bool:
        """Return whether a message came with the null reverse-path, or with what some servers write for it."""
        path = header("return-path")
        return path is not None and self._is_nobody(path.strip().lower())

    def _is_nobody(self, path: str) -> bool:
        return path == _NULL_PATH or self._names_any(self.mail_systems, _DOMAIN.sub("", path))

    def is_daemon(self, sender: str | None) -> bool:
        """Return whether the address of a ``From`` is a mail system's that no person writes from, unlike ``postmaster``."""
        folded = (sender or "").lower()
        return "@" not in folded or self._names_any(self.mail_systems, _DOMAIN.sub("", folded.rpartition("<")[2]))

    @staticmethod
    def _names_any(names: Iterable[str], folded: str) -> bool:
        bare = folded.replace("-", " ").replace("_", " ")
        return any(_is_named(name, bare) for name in filter(bare.__contains__, names))

    def is_reply_or_forward(self, subject: str | None) -> bool:
        """Return whether a subject says that somebody replies to or forwards a message (RFC 5322 3.6.5)."""
        if not subject or (":" not in subject and "：" not in subject):
            return False
        before = subject.partition(":")[0]
        if before.replace(" ", "").isalpha():  # most subjects: no brackets, no counter
            return before.strip().casefold() in self.prefixes
        match = _PREFIX.match(subject[:_PREFIX_ROOM])
        return match is not None and match[1].casefold() in self.prefixes

    def passes_on(self, header: Look, text: str) -> bool:
        """Return whether a service passes on what people wrote: a forum, a help desk, a newsletter.

        These mark their mail as automatic as well (RFC 3834 5). A newsletter says so (RFC 2369 3.2); others name the
        reply in the subject, or quote it.
        """
        if header("list-unsubscribe") is not None:
            return True
        if self._service.match((header("subject") or "").lstrip()) is not None:
            return True
        return self._quotation.search(text, 0, _OPENING) is not None

    def _names_mail_system(self, folded: str) -> bool:
        """Return whether an address, or its absence (``<>``), is a mail system's."""
        if _NULL_PATH in folded or (_POSTMASTER in folded and _is_named(_POSTMASTER, folded)):
            return True
        names = self._ascii_names if folded.isascii() else self.mail_systems
        folded = folded.replace("-", " ").replace("_", " ")
        for name in names:  # noqa: SIM110 - a loop is twice as fast as any() with a generator
            if name in folded and _is_named(name, folded):
                return True
        return False

    @cached_property
    def _ascii_names(self) -> tuple[str, ...]:
        return tuple(filter(str.isascii, self.mail_systems))

    @cached_property
    def _service(self) -> re.Pattern[str]:
        return re.compile(rf"[^:]{{0,24}}\b(?:{_any_of(self.service)})\b[^:]{{0,24}}:", re.IGNORECASE)

    @cached_property
    def _quotation(self) -> re.Pattern[str]:
        words = _any_of(self.quotation)
        return re.compile(rf"\b(?:{words})\b[^\n]{{0,80}}:[ \t]*$", re.IGNORECASE | re.MULTILINE)


def has_null_path(header: Look) -> bool:
    """Return whether a message came with the null reverse-path, as reports and automatic replies do (RFC 5321 4.5.5)."""
    return (header("return-path") or "").strip() == _NULL_PATH


def auto_submitted(header: Look) -> str | None:
    """Return the keyword of ``Auto-Submitted`` in lower case, without parameters and comments (RFC 3834 5), or None."""
    value = header("auto-submitted")
    return _KEYWORD_END.split(value.strip(), maxsplit=1)[0].lower() if value else None


def is_automatic(header: Look) -> bool:
    """Return whether software sent a message, by its reverse-path or its mark; vacation programs set both as well."""
    return has_null_path(header) or (auto_submitted(header) or "").startswith("auto-")


def _is_at(domain: str, host: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is_named(name: str, sender: str) -> bool:
    """Return whether `name` stands in `sender` as a word outside a domain."""
    at = sender.find(name)
    while at >= 0:
        end = at + len(name)
        if sender[at - 1 : at] not in _BEFORE and sender[end : end + 1] not in _LETTERS:
            return True
        at = sender.find(name, at + 1)
    return False


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of `words`; for none of them, one that matches nothing."""
    return "|".join(map(re.escape, words)) or r"(?!)"
