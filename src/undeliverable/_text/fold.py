"""One fold of Unicode before all matching: texts that look the same to a reader compare as equal.

Mail systems, gateways and word processors dress the same words differently: typographic apostrophes, blanks that do not
break, soft hyphens, letters with combining accents, UTF-8 that was encoded twice, octets that are written as numbers,
under_scores between words. Phrases and the texts they are looked for in pass through the same function, so none of this has
to be listed in any phrase.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from undeliverable._text.lazy import lazy

__all__ = [
    "BETWEEN_LETTERS",
    "NUMBERED",
    "composed",
    "encoded_once",
    "fold",
    "octets_of",
    "undressed",
    "with_plain_blanks",
]

_BLANKS: Final = "\u00a0\u2007\u202f\u2002\u2003\u2009\u3000"  # they do not break, or have a width of their own
_DRESS: Final = {
    **dict.fromkeys("\u2018\u2019\u02bc\u00b4\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e", '"'),
    **dict.fromkeys(_BLANKS, " "),
    **dict.fromkeys("\u2010\u2011", "-"),
    # Soft hyphen, zero-width space, joiners, word joiner, byte order mark: they are not seen.
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
}
# It begins with what it takes out, which is found several times as fast as what is behind a letter.
BETWEEN_LETTERS: Final = lazy(r"_(?<=[^\W\d_]_)(?=[^\W\d_])")
NUMBERED: Final = lazy(r"(?:\\[23][0-7]{2})+")
"""Octets that are not ASCII as Exim writes them, a backslash and three octal digits each."""
# Two octets or more of UTF-8 that were read as Latin-1: a lead octet, then continuation octets (RFC 3629 3).
_TWICE: Final = lazy("[\u00c2-\u00f4][\u0080-\u00bf]")
_BLANK: Final = lazy(f"[{_BLANKS}]")
_DRESSED: Final = lazy(f"[{''.join(_DRESS)}]")
# What any of it needs, dress or a second encoding, and the characters that become dress once they are folded.
_ODD: Final = lazy(f"[\u0080-\u00bf\u0149\u1ffd\u2000\u2001{''.join(_DRESS)}]")


def fold(text: str) -> str:
    """Return `text` case-folded, composed (NFC), and without what only dresses it; folding it again changes nothing."""
    if "\\" in text:
        text = _unnumbered(text)
    if text.isascii():
        text = text.lower()
    elif _ODD.search(text) is None:
        text = _casefolded(text)
    else:
        done = ""
        while done != text:
            done = text
            while (once := encoded_once(text)) != text:
                text = once
            text = _casefolded(_unnumbered(undressed(text)))
            if _DRESSED.search(text) is None and _TWICE.search(text) is None:
                break  # a second pass changes nothing, unless the first one has uncovered more to change
    return BETWEEN_LETTERS.sub(" ", text) if "_" in text else text


def with_plain_blanks(text: str) -> str:
    """Return `text` with a plain blank in place of each other one."""
    return _BLANK.sub(" ", text)


def _casefolded(text: str) -> str:
    return composed(composed(text).casefold())


def undressed(text: str) -> str:
    """Return `text` with plain apostrophes, quotes, blanks and hyphens, and without what is not seen."""
    return _DRESSED.sub(lambda found: _DRESS[found[0]], text)  # faster than to translate what is not ASCII


def _unnumbered(text: str) -> str:
    return NUMBERED.sub(lambda found: octets_of(found[0]), text)


def octets_of(numbers: str) -> str:
    """Return the text that octets written as numbers stand for: UTF-8 if they are, else Latin-1."""
    octets = bytes(int(number, 8) for number in numbers.split("\\")[1:])
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def composed(text: str) -> str:
    """Return `text` with letters and their accents composed (NFC)."""
    return unicodedata.normalize("NFC", text)


def encoded_once(text: str) -> str:
    """Return `text` with a second encoding to UTF-8 undone, where all of it plainly has one."""
    if _TWICE.search(text) is None:
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
