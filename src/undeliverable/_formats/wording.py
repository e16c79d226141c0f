"""How notifications of mail systems speak, in all languages together: phrases of sentences, and labels of lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from undeliverable._text.lazy import lazy
from undeliverable._text.phrases import Phrases, plain

__all__ = ["LABELS", "NO_WORDING", "PHRASES", "Wording"]

PHRASES: Final = ("failure", "delay", "waiting", "final", "delivered", "report", "mail", "goods", "contact")
"""The kinds of phrases, as ``data/languages`` has them."""
LABELS: Final = ("recipient_label", "sender_label", "reason_label", "from")
"""The groups of words that a line has before a colon or an address."""
_LABEL_ROOM: Final = 48
# What stands before a label and belongs to no word: bullets, numbers, rulers; and "(s)", "(es)" behind it.
_AROUND: Final = lazy(r"^[\W\d_]+|[\W_]+$")
_PLURAL: Final = lazy(r"\([^()]{1,4}\)")


class Wording:
    """Phrases and labels of notifications.

    :param words: the phrases and labels by the name of their group.
    """

    __slots__ = ("_from", "_phrases", "_reasons", "_recipients", "_senders")

    def __init__(self, words: Mapping[str, tuple[str, ...]]) -> None:
        self._phrases: Final = Phrases({kind: words.get(kind, ()) for kind in PHRASES})
        groups = (frozenset(_label(label) for label in words.get(name, ())) for name in LABELS)
        self._recipients, self._senders, self._reasons, self._from = groups

    def kinds(self, sentence: str) -> frozenset[str]:
        """Return of which kinds phrases stand in a sentence."""
        return self._phrases.kinds(sentence)

    def names_recipient(self, label: str) -> bool:
        """Return whether a line that begins with `label` names a recipient."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._recipients

    def names_sender(self, label: str) -> bool:
        """Return whether a line that begins with `label` names a sender, or who can help."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._senders

    def names_reason(self, label: str) -> bool:
        """Return whether a line that begins with `label` says why."""
        return len(label) <= _LABEL_ROOM and _label(label) in self._reasons

    def is_from(self, word: str) -> bool:
        """Return whether the address behind `word` is a sender's."""
        return _label(word) in self._from


def _label(text: str) -> str:
    return " ".join(_AROUND.sub("", _PLURAL.sub("", plain(text))).split())


NO_WORDING: Final = Wording({})
