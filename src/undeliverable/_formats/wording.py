"""How notifications of mail systems speak, in all languages together: phrases of sentences, and labels of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from undeliverable._text.lazy import lazy
from undeliverable._text.phrases import UNSPACED_FROM, Phrases, Written, plain, written

__all__ = [
    "LABELS",
    "NO_WORDING",
    "OUTCOMES",
    "PHRASES",
    "Found",
    "Wording",
    "WordingLines",
    "kinds_in",
    "languages_of",
    "wording_lines",
]

PHRASES: Final = (
    "failure", "unable", "delay", "waiting", "final", "delivered", "report", "yours", "mail", "goods", "summary", "contact",
)  # fmt: skip
"""The kinds of phrases, as ``data/languages`` has them."""
OUTCOMES: Final = frozenset(("failure", "delay", "waiting", "final", "delivered"))
"""Of these, the kinds that say what happened to a message."""
LABELS: Final = ("recipient_label", "sender_label", "reason_label", "message_label", "from", "of")
"""The groups of words that a line has before a colon or an address."""
_OF_TITLES: Final = frozenset(("goods", "summary"))
_ANNOUNCES: Final = OUTCOMES | {"report"}
_TITLE: Final = lazy(r"[\"“”„«»][^\"“”„«»]{1,200}[\"“”«»]|「[^「」]{1,200}」|『[^『』]{1,200}』")
_TELLING: Final = OUTCOMES | {"yours"}
_WEIGHT: Final = 3  # of what says what happened, for it is said in several words; "mail" and "post" are international
_OFTEN: Final = 4  # times that a kind counts
_LABEL_ROOM: Final = 48
_FIELD: Final = lazy(r"[ \t]*([^:：@<>]{1,48}?)[ \t]*[:：]")
# What stands before a label and belongs to no word: bullets, numbers, rulers; and "(s)", "(es)" behind it.
_AROUND: Final = lazy(r"^[\W\d_]+|[\W_]+$")
_PLURAL: Final = lazy(r"\([^()]{1,4}\)")


class Found(NamedTuple):
    """A phrase in a sentence: its kind, and its language."""

    kind: str
    language: str


class WordingLines(NamedTuple):
    """Phrases and labels of notifications as the index holds them.

    :ivar kinds: the kind and the language of phrases, by number.
    :ivar phrases: the fields of :class:`~undeliverable._text.phrases.Written`.
    :ivar labels: the words of each of `LABELS`, as they are compared.
    """

    kinds: Sequence[Sequence[str]]
    phrases: Sequence[Any]
    labels: Sequence[Sequence[str]]


def wording_lines(languages: Mapping[str, Mapping[str, Iterable[str]]]) -> WordingLines:
    """Return the phrases and labels of each language, by the name of their group, as the index holds them."""
    kinds = [Found(kind, name) for name, words in languages.items() for kind in PHRASES if words.get(kind)]
    labels = [{_label(one) for words in languages.values() for one in words.get(group, ())} for group in LABELS]
    return WordingLines(kinds, written(languages[name][kind] for kind, name in kinds), [*map(sorted, labels)])


class Wording:
    """Phrases and labels of notifications.

    :param lines: the phrases and labels as the index holds them.
    """

    def __init__(self, lines: WordingLines) -> None:
        self._phrases: Final = Phrases(Written(*lines.phrases), [Found(*kind) for kind in lines.kinds])
        groups = map(frozenset, lines.labels)
        self._recipients, self._senders, self._reasons, self._messages, self._from, self._of = groups
        self._attached: Final = tuple(sorted(word for word in self._from if word[:1] >= UNSPACED_FROM))

    @classmethod
    def of(cls, languages: Mapping[str, Mapping[str, Iterable[str]]]) -> Wording:
        """Return the wording of languages, each with its phrases and labels by the name of their group."""
        return cls(wording_lines(languages))

    def phrases_in(self, sentence: str) -> frozenset[Found]:
        """Return the kinds of phrases in a sentence, in each language."""
        return self._phrases.kinds(sentence)

    def phrases_outside_titles(self, sentence: str) -> frozenset[Found]:
        """Return the same without what only a title names: the subject of the message in quotation marks, or behind a colon."""
        phrases = self.phrases_in(sentence)
        if not any(phrase.kind in _OF_TITLES for phrase in phrases):
            return phrases
        lines = [line for line in sentence.split("\n") if not self._is_about_message(line)]
        head, _, rest = _TITLE.sub(" ", "\n".join(lines)).partition(":")
        said = self.phrases_in(head)
        if rest and not any(phrase.kind in _ANNOUNCES for phrase in said):
            said |= self.phrases_in(rest)
        return frozenset(phrase for phrase in phrases if phrase.kind not in _OF_TITLES or phrase in said)

    def kinds(self, sentence: str) -> frozenset[str]:
        """Return the kinds of phrases in a text that stands for itself, as a subject does."""
        phrases = self.phrases_in(sentence)
        return kinds_in(phrases, languages_of([phrases]))

    def names_recipient(self, label: str) -> bool:
        """Return whether a line that begins with `label` names a recipient."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._recipients

    def names_sender(self, label: str) -> bool:
        """Return whether a line that begins with `label` names a sender, or who can help."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._senders

    def names_reason(self, label: str) -> bool:
        """Return whether a line that begins with `label` says why."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._reasons

    def names_message(self, label: str) -> bool:
        """Return whether a line that begins with `label` says which message it was: its subject, its date."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._messages

    def _is_about_message(self, line: str) -> bool:
        match = _FIELD.match(line)
        return match is not None and self.names_message(match[1])

    def is_from(self, word: str) -> bool:
        """Return whether the address behind `word` is a sender's."""
        return _label(word) in self._from

    def attaches_from(self, before: str, after: str) -> bool:
        """Return whether a word is attached to an address that makes it a sender's: in scripts without blanks."""
        return before.endswith(self._attached) or after.startswith(self._attached)

    def may_be_from(self, word: str) -> bool:
        """Return whether the address behind `word` may be a sender's: in many languages the same word means "of"."""
        return _label(word) in self._of or self.is_from(word)


def languages_of(sentences: Iterable[frozenset[Found]]) -> frozenset[str]:
    """Return the languages that a text is in: a word of one language may mean something else in another."""
    times = Counter(phrase for phrases in sentences for phrase in phrases)
    counts: Counter[str] = Counter()
    for phrase, count in times.items():
        weight = _WEIGHT if phrase.kind in _TELLING else 1 + (phrase.kind == "unable")
        counts[phrase.language] += weight * min(count, _OFTEN)
    most = max(counts.values(), default=0)
    return frozenset(language for language, count in counts.items() if 2 * count > most)


def kinds_in(phrases: Iterable[Found], languages: frozenset[str]) -> frozenset[str]:
    """Return the kinds of phrases that were found in some of `languages`; mail that cannot go on is a failure."""
    kinds = frozenset(phrase.kind for phrase in phrases if phrase.language in languages)
    return kinds | {"failure"} if {"unable", "mail"} <= kinds else kinds


def _label(text: str) -> str:
    return " ".join(_AROUND.sub("", _PLURAL.sub("", plain(text))).split())


NO_WORDING: Final = Wording.of({})
