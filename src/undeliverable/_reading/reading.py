"""What the readers of a message share: what they are given, and what they have found so far.

A reader takes a :class:`Reading` and adds to it. This module knows no reader, so that each of them can import it; which
reader is asked when is decided in :mod:`undeliverable._reading.message`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from undeliverable._mime.part import Part
from undeliverable._reading.parts import Survey, notification, sort_mislabelled, sort_parts
from undeliverable.model import MessageFacts, RecipientFacts
from undeliverable.verdict import Kind

if TYPE_CHECKING:
    from undeliverable._dsn.one_pass import Look
    from undeliverable._dsn.origin import OriginWords
    from undeliverable._dsn.sections import CutWords, Sections
    from undeliverable._formats.index import FormatTable
    from undeliverable._formats.wording import Wording
    from undeliverable._knowledge.phrases import AutoReplyPhrases
    from undeliverable._rules.table import Match
    from undeliverable.model import Command

__all__ = ["Described", "Findings", "Reading"]


class Described(Protocol):
    """The knowledge that readers need."""

    @property
    def formats(self) -> FormatTable:
        """Return the described formats."""
        ...

    @property
    def origin(self) -> OriginWords:
        """Return the names of mail systems, and the prefixes of replies and forwarded messages."""
        ...

    @property
    def cuts(self) -> CutWords:
        """Return how reports announce the returned message."""
        ...

    @property
    def wording(self) -> Wording:
        """Return how notifications speak."""
        ...

    @property
    def find(self) -> Callable[[str, int, int, Command | None, str | None], Match]:
        """Return what finds the rule for a reply."""
        ...

    @property
    def concepts_in(self) -> Callable[[str], tuple[frozenset[str], ...]]:
        """Return what finds the concepts in each clause of a text."""
        ...

    @property
    def phrases(self) -> AutoReplyPhrases:
        """Return what automatic replies say."""
        ...


class Findings(NamedTuple):
    """What all readers together found: what the message is, and what it says of its recipients and of itself."""

    kind: Kind
    recipients: tuple[RecipientFacts, ...]
    message: MessageFacts


class Reading:
    """What the readers have found so far.

    :ivar whole: the text for people with the returned message that may stand in it.
    :ivar addressee: whether the returned message may name the recipient.
    :ivar doubt: why what the text says is believed no further than that something failed; None if it is.
    :ivar returned_at: where in it the returned message begins by the format of the text; -1 if that does not say.
    """

    def __init__(
        self, header: Look, text: str, path: str, raw: bytes, known: Described, remarks: list[str], survey: Survey
    ) -> None:
        self.header = header
        self.whole = text
        self._text: str | None = None
        self._sections: Sections | None = None
        self.path = path
        self.raw = raw
        self.known = known
        self.remarks = remarks
        self.addressee = True
        self.depth = 0
        self.is_inside = False
        self.doubt: str | None = None
        self.survey = survey
        self.recipients: list[RecipientFacts] = []
        self.message: Mapping[str, Any] = {}
        self.generator: str | None = None
        self.returned_at = -1
        self.kind: Kind | None = None
        self._from_mail_system: bool | None = None

    @classmethod
    def of(cls, root: Part, raw: bytes, known: Described, remarks: list[str]) -> Reading:
        """Return the reading of the message with the part tree `root`, in which nothing has been found yet."""
        survey = sort_parts(root)
        if survey.is_doubtful and not known.origin.is_reply_or_forward(root.header("subject")):
            is_report = root.content_type == "multipart/report" or known.origin.is_from_mail_system(root.header)
            sort_mislabelled(survey, is_report=is_report)
        text, path = notification(survey)
        return cls(root.header, text, path, raw, known, remarks, survey)

    @property
    def sections(self) -> Sections:
        """Return the borders in the whole text."""
        if self._sections is None:
            self._sections = self.known.cuts.sections(self.whole)
        return self._sections

    @property
    def text(self) -> str:
        """Return the text above the returned message: what the reporting server says itself."""
        if self._text is None:
            self._text = self.whole[: self.sections.returned]
        return self._text

    def end_text(self, at: int) -> None:
        """Let the text end where its format says that the returned message begins."""
        self._text = self.whole[: min(at, self.sections.returned)]

    @property
    def is_from_mail_system(self) -> bool:
        """Return whether a mail system sent the message."""
        if self._from_mail_system is None:
            self._from_mail_system = self.known.origin.is_from_mail_system(self.header)
        return self._from_mail_system

    @property
    def is_reply_or_forward(self) -> bool:
        """Return whether somebody replies to or forwards a message, whose words are then not the sender's."""
        return self.known.origin.is_reply_or_forward(self.header("subject"))

    @property
    def is_settled(self) -> bool:
        """Return whether some reader has found what the message is."""
        return bool(self.recipients) or self.kind is not None
