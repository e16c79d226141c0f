"""What the author of an unknown notification says: its sentences, and the addresses in them that may be recipients.

No pattern of any language finds a recipient here. Every address in the text is a candidate, best evidence
first: beside a reply, behind a label, alone on a line, in a sentence that says that something failed. Left out are the
addresses that the notification itself goes to and comes from, those in lines that are header fields, and those offered for help.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple

from undeliverable._formats.attribution import ROLES
from undeliverable._formats.lines import LINE_LIMIT
from undeliverable._formats.paragraphs import Line, Places, Span, line_at, paragraphs
from undeliverable._formats.schema import FACTS, Format
from undeliverable._formats.spots import REPLY, Spot, is_list, said_in, spots_in, without_quotes
from undeliverable._formats.wording import OUTCOMES, Found, Wording, kinds_in, languages_of
from undeliverable._text.lazy import lazy

__all__ = ["Named", "Rank", "Sentence", "Statement", "kinds_at", "last_begun", "read_statement"]

_HEAD: Final = 32_768  # characters: a notification says early what has happened
_NEAR: Final = 998  # characters between an address on a line of its own and the words that say what it is for
MENTIONS: Final = 1024
"""How often an address counts for which there is weak evidence only."""
_SEVERAL: Final = 2  # such addresses, of which none is believed
_NEXT: Final = 256  # characters within which the next line begins
_ADDRESS: Final = lazy(FACTS["recipient"])
_LABEL: Final = lazy(
    r"[ \t]*([^:：@<>]{1,80}?)[ \t]*(?:[:：]|[ \t]-{1,2}[ \t]|=)[ \t]*"
    r"(?:(?i:smtp|mailto|rfc822) ?[:;] ?)?[<\"'(\[]{0,2}(?:mailto:)?$"
)
_COLUMN: Final = lazy(r"[ \t]*([^:：@<>]{1,80}?)[ \t\u3000]+[<\"'(\[]{0,2}$")
_ABOUT_RECIPIENT: Final = OUTCOMES | {"yours"}
_WORDS: Final = lazy(r"[^\W\d_]{2}")
_WORD_BEFORE: Final = lazy(r"([^\W\d_]+)[ \t<\"'(\[]*$")


class Rank(IntEnum):
    """How good the evidence is that an address is a recipient's, the best first."""

    PAIRED = 0
    LABELLED = 1
    ALONE = 2
    STATED = 3
    HEADED = 4
    LISTED = 5
    NEAR = 6
    ELSEWHERE = 7


class _Use(Enum):
    """What an address is named for: help, nothing that is said, or the failure that its sentence is about."""

    HELP = auto()
    NAMED = auto()
    SAID = auto()


class Sentence(NamedTuple):
    """A sentence by its place in the text, its words, and the kinds of phrases in it."""

    start: int
    end: int
    text: str
    kinds: frozenset[str]


class Named(NamedTuple):
    """An address that the statement names.

    :ivar line: where its line begins.
    :ivar column: where it stands in its line.
    :ivar before: what its line says before it.
    :ivar rest: what its line says behind it.
    """

    address: str
    line: int
    column: int
    rank: Rank
    before: str
    rest: str

    @property
    def at(self) -> int:
        """Return where it stands in the text."""
        return self.line + self.column


class Parties(NamedTuple):
    """Addresses of the notification itself, in lower case.

    :ivar readers: those that it goes to.
    :ivar writers: those that it comes from.
    :ivar domain: the domain that it comes from.
    """

    readers: frozenset[str]
    writers: frozenset[str]
    domain: str

    @property
    def is_home(self) -> bool:
        """Whether it comes from a host of the domain that it goes to."""
        return any(_is_within(reader.rpartition("@")[2], self.domain) for reader in self.readers)

    def is_of_readers(self, address: str) -> bool:
        """Return whether an address in lower case is at a domain that it goes to."""
        return any(reader.rpartition("@")[2] == address.rpartition("@")[2] for reader in self.readers)


class Statement(NamedTuple):
    """The part of a text that its author wrote.

    :ivar subject: the kinds of phrases in the message's subject.
    :ivar sentences: those outside replies, in order.
    :ivar named: the addresses to be taken for recipients, in order; a repeated one each time.
    :ivar names_others: whether it names a sender who is not the one that it goes to.
    :ivar names_reader: whether it names the one that it goes to behind the label of a sender.
    :ivar parties: the addresses that it goes to and comes from.
    """

    subject: frozenset[str]
    sentences: tuple[Sentence, ...]
    named: tuple[Named, ...]
    names_others: bool
    names_reader: bool
    parties: Parties

    def says(self, kind: str) -> bool:
        """Return whether a sentence has a phrase of a kind."""
        return any(kind in sentence.kinds for sentence in self.sentences)

    def sentence_of(self, named: Named) -> str:
        """Return the text of the sentence that names an address; empty if none does."""
        found = _sentence_at(self.sentences, named.at)
        return "" if found is None else found.text

    def kinds_of(self, named: Named) -> frozenset[str]:
        """Return the kinds of phrases in the sentence that names an address."""
        return kinds_at(self.sentences, named.at)


def parties_of(header: Callable[[str], str | None]) -> Parties:
    """Return the addresses that a notification goes to and comes from."""
    readers = _folded(header("to") or "")
    senders = _folded(header("from") or "")
    writers = {*senders, *_folded(header("return-path") or ""), *_folded(header("reply-to") or "")}
    domain = senders[0].rpartition("@")[2] if senders else ""
    return Parties(frozenset(readers), frozenset(writers) - frozenset(readers), domain)


def _folded(value: str) -> list[str]:
    return [found[0].lower().rstrip(".") for found in _ADDRESS.finditer(value[:LINE_LIMIT])]


def read_statement(described: Format, text: str, header: Callable[[str], str | None], wording: Wording) -> Statement:
    """Return what the author of `text` says.

    :param described: says which lines are header fields.
    :param text: the text above the returned message.
    :param header: gives the first value of the message's header of a name, or None.
    """
    return _Reader(described, text, parties_of(header), wording, (header("subject") or "")[:LINE_LIMIT]).read()


class _Reader:
    """Reads one text."""

    def __init__(self, described: Format, text: str, parties: Parties, wording: Wording, title: str) -> None:
        self._text = without_quotes(text)
        self._title = title
        self._subject: frozenset[str] = frozenset()
        self._parties = parties
        self._wording = wording
        self._skip = described.patterns.skip
        self._found: list[Named] = []
        self._addresses: dict[str, str] = {}  # the same object for each mention of an address
        self._weak: dict[str, int] = {}
        self._sentences: list[Sentence] = []
        self._lines = Places()
        self._outcomes: list[int] = []
        self._listed_to = -_HEAD
        self._named_others = self._named_reader = False

    def read(self) -> Statement:
        shared: dict[frozenset[Found], frozenset[Found]] = {}
        phrases: list[tuple[Span, frozenset[Found]]] = []
        for paragraph in paragraphs(self._text, self._is_header, _HEAD, self._lines):
            for sentence in paragraph.sentences() if paragraph.start < _HEAD else ():
                words = self._wording.phrases_outside_titles(sentence.text)
                phrases.append((sentence, shared.setdefault(words, words)))
        title = self._wording.phrases_outside_titles(self._title)
        languages = languages_of([title, *(words for _, words in phrases)])
        self._subject = kinds_in(title, languages)
        kinds = {words: kinds_in(words, languages) for words in shared}
        self._sentences += (Sentence(*sentence, kinds[words]) for sentence, words in phrases)
        for start, is_headed in zip(self._lines.addressed, self._lines.headed, strict=True):
            self._read_addresses(line_at(self._text, start), is_headed=bool(is_headed))
        return Statement(
            self._subject,
            tuple(self._sentences),
            tuple(self._chosen()),
            self._named_others,
            self._named_reader,
            self._parties,
        )

    def _is_header(self, line: str) -> bool:
        return self._skip is not None and self._skip(line) is not None

    def _read_addresses(self, line: Line, *, is_headed: bool) -> None:
        """Read the addresses of a line, in the light of the sentences around them."""
        reply = REPLY.search(line.text)  # the addresses in a reply are another question
        spots = spots_in(line.text if reply is None else line.text[: reply.start()])
        if not spots or self._is_about_sender(line.text, spots):
            return
        spots = self._without_senders(line.text, spots)
        is_alone = is_list(line.text, spots)
        for number, spot in enumerate(spots):
            kinds = kinds_at(self._sentences, line.start + spot.start)
            rest = line.text[spot.end :] if number == len(spots) - 1 else ""
            rank = self._rank(line.text, spots[0].start, rest, is_alone=is_alone, kinds=kinds)
            if rank is Rank.LABELLED and is_headed:  # among fields like From and Subject: of the original message
                rank = Rank.HEADED
            use = _Use.SAID if kinds & OUTCOMES else _Use.NAMED
            if "contact" in kinds and rank > Rank.LABELLED:
                use = _Use.NAMED if use is _Use.SAID else _Use.HELP
            before = "" if number else line.text[: spot.start]
            address = self._addresses.setdefault(spot.address, spot.address)
            if self._may_count(address.lower(), rank, use):
                self._found.append(Named(address, line.start, spot.start, rank, before, rest))

    def _may_count(self, address: str, rank: Rank, use: _Use) -> bool:
        """Return whether an address, in lower case, may be a recipient's; a weak one is none where there are others (see `_chosen`)."""
        if use is _Use.HELP or address in self._parties.writers:
            return False
        local, _, domain = address.rpartition("@")
        is_role = local in ROLES and (local == "postmaster" or _is_within(domain, self._parties.domain))
        if is_role and rank > Rank.ALONE and use is not _Use.SAID:
            return False
        if rank <= Rank.LISTED:
            return True
        if address in self._parties.readers:
            return False
        times = self._weak.get(address, 0) + 1
        if times > 1 or len(self._weak) < _SEVERAL:
            self._weak[address] = times
        return times <= MENTIONS and address in self._weak

    def _is_about_sender(self, line: str, spots: list[Spot]) -> bool:
        """Return whether a line is a header field, or names a sender or who can help."""
        label = _LABEL.match(line[: spots[0].start])
        if label is not None and self._wording.names_sender(label[1]):
            self._named_reader = self._named_reader or spots[0].address.lower() in self._parties.readers
            return True
        return self._is_header(line)

    def _without_senders(self, line: str, spots: list[Spot]) -> list[Spot]:
        """Return the addresses of a line without those behind "from", or behind "of" where others are."""
        words = [_WORD_BEFORE.search(line[max(0, spot.start - 24) : spot.start]) for spot in spots]
        is_from = [word is not None and self._wording.may_be_from(word[1]) for word in words]
        if all(is_from):
            is_from = [word is not None and self._wording.is_from(word[1]) for word in words]
        if not line.isascii():
            attached = self._wording.attaches_from
            around = ((line[: spot.start].rstrip(" <"), line[spot.end :].lstrip("> ")) for spot in spots)
            is_from = [gone or attached(*pair) for gone, pair in zip(is_from, around, strict=True)]
        self._note_others([spot for spot, gone in zip(spots, is_from, strict=True) if gone])
        return [spot for spot, gone in zip(spots, is_from, strict=True) if not gone]

    def _note_others(self, spots: list[Spot]) -> None:
        """Take note of senders that are neither parties of the notification nor at the domain that it goes to."""
        ours = {address.rpartition("@")[2] for address in (*self._parties.readers, *self._parties.writers)}
        domains = {spot.address.lower().rpartition("@")[2] for spot in spots}
        self._named_others = self._named_others or not domains <= ours

    def _rank(self, line: str, start: int, rest: str, *, is_alone: bool, kinds: frozenset[str]) -> Rank:
        """Return how good the evidence is for an address.

        :param start: where the first address of the line begins.
        :param rest: what follows the last one; empty for the others.
        :param is_alone: whether the line does nothing but list addresses.
        :param kinds: the kinds of phrases in the sentence.
        """
        if said_in(rest):
            return Rank.PAIRED
        before = line[:start]
        label = _LABEL.match(before) or (None if _WORDS.search(rest) else _COLUMN.match(before))
        if label is not None and self._wording.names_recipient(label[1]):
            return Rank.LABELLED
        if is_alone:
            return Rank.ALONE
        if kinds & _ABOUT_RECIPIENT:
            return Rank.STATED
        return Rank.NEAR if kinds else Rank.ELSEWHERE

    def _chosen(self) -> Iterator[Named]:
        """Yield the addresses with the best evidence."""
        self._outcomes += (sentence.end for sentence in self._sentences if sentence.kinds & OUTCOMES)
        known = [named for named in map(self._judged, self._found) if named is not None]
        others = [named for named in known if named.address.lower() not in self._parties.readers]
        strong = [named for named in others if named.rank <= Rank.STATED]
        if strong:
            yield from strong
            return
        weak = {named.address.lower() for named in others}
        for rank in (Rank.HEADED, Rank.LISTED):
            found = [named for named in others if named.rank is rank]
            if found:
                yield from found
                return
        if len(weak) == 1:
            yield from others
        elif not others:
            yield from (named for named in known if self._is_answered(named))

    def _judged(self, named: Named) -> Named | None:
        """Return an address with its final rank, or None if it is none to be considered."""
        if named.rank is not Rank.ALONE:
            return named
        if self._is_offered(named):
            return None
        return named if self._is_near_failure(named.line) else named._replace(rank=Rank.LISTED)

    def _is_offered(self, named: Named) -> bool:
        """Return whether the sentence above an address on a line of its own says where to find help."""
        at = last_begun(self._sentences, named.line - 1)
        if at < 0:
            return False
        kinds = self._sentences[at].kinds
        return "contact" in kinds and not kinds & OUTCOMES

    def _is_near_failure(self, line: int) -> bool:
        """Return whether an outcome or a reply stands near a line, or near the list that it belongs to."""
        if line <= _NEAR and self._subject & OUTCOMES:
            self._listed_to = line
        around = (*_nearest(self._outcomes, line), *_nearest(self._lines.replies, line), self._listed_to)
        if not any(abs(place - line) <= _NEAR for place in around):
            return False
        self._listed_to = line
        return True

    def _is_answered(self, named: Named) -> bool:
        """Return whether a reply stands on the line of an address or the next one."""
        if named.rank is Rank.PAIRED:
            return True
        at = bisect_left(self._lines.replies, named.line)
        return named.rank is Rank.ALONE and any(
            place <= named.line + _NEXT for place in self._lines.replies[at : at + 1]
        )


def kinds_at(sentences: Sequence[Sentence], place: int) -> frozenset[str]:
    """Return the kinds of phrases in the sentence at a place; none where no sentence stands."""
    found = _sentence_at(sentences, place)
    return frozenset() if found is None else found.kinds


def _sentence_at(sentences: Sequence[Sentence], place: int) -> Sentence | None:
    at = last_begun(sentences, place)
    return sentences[at] if at >= 0 and place < sentences[at].end else None


def last_begun(sentences: Sequence[Sentence], place: int) -> int:
    """Return the number of the last sentence that begins at a place or before it; -1 if none does."""
    return bisect_right(sentences, place, key=lambda sentence: sentence.start) - 1


def _nearest(places: Sequence[int], line: int) -> Sequence[int]:
    """Return the places, which are in order, before and behind a line."""
    at = bisect_right(places, line)
    return places[max(0, at - 1) : at + 1]


def _is_within(host: str, domain: str) -> bool:
    return bool(domain) and (host == domain or f".{domain}".endswith(f".{host}") or host.endswith(f".{domain}"))
